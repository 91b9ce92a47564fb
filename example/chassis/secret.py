"""Keep secrets out of messages, logs and tracebacks."""

import inspect
from typing import Annotated, Any, get_args, get_origin


class Secret:
    """A string that messages, logs and tracebacks show as Secret(…); `reveal()` returns it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


def is_secret(kind: Any) -> bool:
    """Return whether a type is a Secret or contains one."""
    return inspect.isclass(kind) and issubclass(kind, Secret) or any(map(is_secret, get_args(kind)))


def as_text(kind: Any) -> Any:
    """Replace Secret with `str`, because msgspec refuses length limits on custom types."""
    if get_origin(kind) is Annotated:
        base, *rest = get_args(kind)
        return Annotated[(as_text(base), *rest)]
    return str if inspect.isclass(kind) and issubclass(kind, Secret) else kind
