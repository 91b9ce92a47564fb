"""Write one template of all lock files, from the packages that each file needs."""

FILES = ["common", "develop", "load", "audit", "training"]


def grouped(condition: str) -> str:
    return f"({condition})" if " and " in condition or " or " in condition else condition


def join(needs: dict[str, dict[str, dict[str, list[str]]]]) -> str:
    """Return the template of all lock files, from the packages that each file needs."""
    result = []
    for name in sorted({name for packages in needs.values() for name in packages}):
        # A text is written once, unless a file has the package with several markers.
        shared: dict[str, dict[str, list[str]]] = {}
        several: dict[tuple[tuple[str, str], ...], list[str]] = {}
        for file, packages in needs.items():
            texts = tuple((text, under(found)) for text, found in packages.get(name, {}).items())
            if len(texts) > 1:
                several.setdefault(texts, []).append(file)
            for text, where in texts if len(texts) == 1 else ():
                shared.setdefault(text, {}).setdefault(where, []).append(file)
        for texts, files in several.items():
            result += chain({text: [term(files, where)] for text, where in texts})
        for text, found in shared.items():
            terms = [term(files, where) for where, files in found.items()]
            result += [text] if terms == [""] else chain({text: terms})
    return "".join(result)


def under(conditions: list[str]) -> str:
    return "" if "" in conditions else " or ".join(map(grouped, conditions))


def term(files: list[str], condition: str) -> str:
    where = "" if files == FILES else f"file in {files}"
    if where and condition:
        return f"{where} and {grouped(condition)}"
    return where or condition


def chain(texts: dict[str, list[str]]) -> list[str]:
    """Return texts with lines of `if`, `elif` and `endif` around them, by their conditions."""
    lines = []
    for text, terms in texts.items():
        condition = " or ".join(map(grouped, terms)) if len(terms) > 1 else terms[0]
        lines += [f"# % {'elif' if lines else 'if'} {condition}\n", text]
    return [*lines, "# % endif\n"]
