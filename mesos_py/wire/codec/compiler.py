"""The little that the three codecs share in writing their source: lines, bound names, and late linking.

A codec compiles one straight-line function per message class when that class is first met. Functions of nested
messages are linked late: the first call of a nested function compiles it. So decoding a KILL does not pay for
everything an ACCEPT could contain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]

#: Ranges of the int kinds, inclusive.
INT_RANGES = {
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
    "uint32": (0, 2**32 - 1),
    "uint64": (0, 2**64 - 1),
}


class Compiled(dict[type, Function]):
    """The functions of one direction of one codec by class, each compiled when first asked for."""

    def __init__(self, compile_: Callable[[type], Function]) -> None:
        super().__init__()
        self._compile = compile_

    def __missing__(self, cls: type) -> Function:
        self[cls] = function = self._compile(cls)
        return function


class Source:
    """One function being written."""

    def __init__(self, header: str, **names: Any) -> None:
        self.lines = [header]
        #: The globals of the function.
        self.names = names

    def add(self, *lines: str, indent: int = 1) -> None:
        """Append lines of the body, `indent` levels deep."""
        self.lines += ["    " * indent + line for line in lines]

    def bind(self, stem: str, value: Any) -> str:
        """A global name for `value`."""
        for name, known in self.names.items():
            if known is value and name.startswith(stem):
                return name
        name = f"{stem}{len(self.names)}"
        self.names[name] = value
        return name

    def link(self, stem: str, cls: type, functions: Compiled) -> str:
        """A global name for the function of a nested message, compiled at its first call."""
        name = f"{stem}_{cls.__module__.rpartition('.')[2]}_{cls.__qualname__.replace('.', '_')}"
        names = self.names
        if name not in names:

            def first(*args: Any) -> Any:
                names[name] = function = functions[cls]
                return function(*args)

            names[name] = first
        return name

    def build(self, name: str, cls: type, codec: str) -> Function:
        """Compile; the class shows in tracebacks as the file name."""
        code = compile("\n".join(self.lines) + "\n", f"<{codec} {name} of {cls.__module__}.{cls.__qualname__}>", "exec")
        exec(code, self.names)  # noqa: S102 - source written by the codec from our own declarations
        function: Function = self.names[name]
        return function


def oneof_groups(fields: tuple[Any, ...]) -> dict[str, list[str]]:
    """The member names of each oneof of a message."""
    groups: dict[str, list[str]] = {}
    for field in fields:
        if field.oneof is not None:
            groups.setdefault(field.oneof, []).append(field.name)
    return groups


def more_than_one(target: str, members: list[str]) -> str:
    """Source of a condition: more than one member of a oneof is set."""
    return " + ".join(f"({target}.{member} is not None)" for member in members) + " > 1"
