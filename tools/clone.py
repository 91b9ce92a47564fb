"""Find the template's commit in a clone of it, and replace the template's files with a project's."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent.parent


class Base(NamedTuple):
    """The last commit that this repository shares with the template, and the template's address."""

    commit: str  # in this repository; files that are unchanged since then belong to the template
    address: str  # of the template; empty if unknown
    upstream: str  # the template's commit; empty if the template cannot be read


def git(*command: str, hint: str = "") -> str:
    """Return the output of a git command; exit if it fails, with a hint what to do."""
    done = subprocess.run(["git", *command], cwd=HERE, text=True, capture_output=True)
    if done.returncode:
        why = f"`git {' '.join(command)}` failed: {done.stderr.strip() or 'no result'}"
        sys.exit(f"init: {why}; {hint}" if hint else f"init: {why}")
    return done.stdout.strip()


def find_base() -> Base:
    """Find the last commit that this repository shares with the template.

    GitHub's button copies the template's files as one commit without history. In the template's own
    history, the first commit does not have tools/init.py.
    """
    if git("rev-parse", "--is-shallow-repository") == "true":
        sys.exit("init: this clone is shallow; run `git fetch --unshallow` first")
    first = git("rev-list", "--max-parents=0", "HEAD").split()[-1]
    copied = bool(git("ls-tree", first, "tools/init.py"))
    given = os.environ.get("UPSTREAM")
    fetch = ["git", "fetch", "--quiet", "--no-tags", "--", given or "", "HEAD"]
    fetched = bool(given) and not subprocess.run(fetch, cwd=HERE).returncode
    of_origin = given is None and not copied
    hint = "set UPSTREAM to the template's address: UPSTREAM=https://… make init"
    address = git("remote", "get-url", "origin", hint=hint) if of_origin else given or ""
    address = re.sub(r"^(https?://)[^/]*@", r"\1", address)  # without a password
    if copied:
        return Base(first, address, commit_with_the_files_of(first) if fetched else "")
    branches = git("for-each-ref", "--format=%(refname)", "refs/remotes/origin").split()
    if not fetched and not branches:
        unread = f"UPSTREAM={address} could not be read" if given else "UPSTREAM is empty"
        sys.exit(f"init: {unread}, and this clone has no branch of a remote origin; {hint}")
    where = f"UPSTREAM={address}" if fetched else "the remote origin"
    hint = f"{where} shares no commit with this clone; {hint}"
    base = git("merge-base", "HEAD", *(["FETCH_HEAD"] if fetched else branches), hint=hint)
    return Base(base, address, base if fetched or of_origin else "")


def commit_with_the_files_of(first: str) -> str:
    """Return the fetched commit with the same files as `first`; the newest if there is none."""
    tree = git("rev-parse", f"{first}^{{tree}}")
    history = [line.split() for line in git("log", "--format=%H %T", "FETCH_HEAD").splitlines()]
    return next((commit for commit, of in history if of == tree), history[0][0])


def replace(project: Path, base: str) -> None:
    """Remove the template's files and copy the project here; keep every other file."""
    changed = git("diff", "--name-only", "--no-renames", "-z", base, "HEAD").split("\0")
    tracked = git("ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")
    old = {Path(path) for path in set(tracked) - set(changed)}
    new = {path.relative_to(project) for path in project.rglob("*") if not path.is_dir()}
    folders = {folder for path in new for folder in path.parents}
    kept = {path for path in new if os.path.lexists(HERE / path)}
    kept |= {at for at in folders if (HERE / at).is_symlink() or (HERE / at).is_file()}
    if kept := kept - old:
        paths = ", ".join(sorted(map(str, kept)))
        sys.exit(f"init: the project would overwrite these files, which are yours: {paths}")
    try:
        remove(old)
        for path in sorted(new):
            (HERE / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(project / path, HERE / path, follow_symlinks=False)
    except BaseException as error:
        put_back(new)
        if isinstance(error, OSError):
            sys.exit(f"init: {error}; nothing was changed")
        raise


def remove(paths: set[Path]) -> None:
    """Remove files, and each folder that becomes empty."""
    for path in paths:
        (HERE / path).unlink(missing_ok=True)  # A sparse checkout lacks some files.
    for folder in sorted({folder for path in paths for folder in path.parents}, reverse=True):
        shutil.rmtree(HERE / folder / "__pycache__", ignore_errors=True)
        with suppress(OSError):  # The folder is not empty.
            (HERE / folder).rmdir()


def put_back(new: set[Path]) -> None:
    """Restore the last commit, which has every file: there were no uncommitted changes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    remove(new)
    git("reset", "--quiet", "--hard")
    # The restored requirements are newer than the environment: make would reinstall the tools.
    with suppress(OSError):
        os.utime(HERE / ".venv/develop.txt")
