"""Write the listings of the files that a project has: `make listings`.

tests/rendering/listings/default.txt lists the files of the default project. Each other listing
belongs to an answer or to a pair of answers, and has the paths that it adds (+) or removes (-).
"""

import tempfile
from itertools import combinations
from pathlib import Path

from tools.render import render
from tools.variants import AXES, DEFAULTS, TEMPLATE, Answer, Answers, allowed, every

LISTINGS = TEMPLATE / "tests/rendering/listings"
Pairs = tuple[tuple[str, Answer], ...]


def files(project: Path) -> set[str]:
    """Return the paths of a project's files."""
    paths = (path for path in project.rglob("*") if path.is_file())
    return {path.relative_to(project).as_posix() for path in paths}


def given(answers: Answers) -> list[Pairs]:
    """Return the answers that differ from the defaults, one by one and in pairs."""
    other = [item for item in answers.items() if item[1] != DEFAULTS[item[0]]]
    return [*combinations(other, 1), *combinations(other, 2)]


def listing_of(pairs: Pairs) -> Path:
    return LISTINGS / (",".join(f"{question}={answer}" for question, answer in pairs) + ".txt")


def listed(answers: Answers) -> set[str]:
    """Return the files that the listings expect of a project with the answers."""
    paths = set((LISTINGS / "default.txt").read_text(encoding="utf-8").splitlines())
    for pairs in given(answers):
        if listing_of(pairs).exists():
            for line in listing_of(pairs).read_text(encoding="utf-8").splitlines():
                sign, _, path = line.partition(" ")
                (paths.add if sign == "+" else paths.discard)(path)
    return paths


def main() -> None:
    asked = every()[0].keys()
    other = [(q, answer) for q in AXES if q in asked for answer in AXES[q][1:]]
    chosen = [
        pairs
        for pairs in [*combinations(other, 1), *combinations(other, 2)]
        if len(dict(pairs)) == len(pairs) and allowed(dict(pairs))
    ]
    # Render everything first: a failure keeps the old listings.
    with tempfile.TemporaryDirectory() as folder:
        default = files(render({}, Path(folder, "default")))
        rendered = {
            pairs: files(render(dict(pairs), Path(folder, listing_of(pairs).name)))
            for pairs in chosen
        }
    LISTINGS.mkdir(exist_ok=True)
    for old in LISTINGS.iterdir():
        old.unlink()
    write(LISTINGS / "default.txt", sorted(default))
    for pairs, paths in rendered.items():
        expected = listed(dict(pairs))
        changes = [f"+ {path}" for path in paths - expected]
        changes += [f"- {path}" for path in expected - paths]
        if changes:
            write(listing_of(pairs), sorted(changes, key=lambda line: line[2:]))


def write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    main()
