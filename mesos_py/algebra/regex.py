"""Regular expressions in linear time, for patterns that strangers write and our event loop runs.

Python's ``re`` backtracks: a pattern like ``(a+)+$`` takes it exponential time. This matcher walks all states of a
Thompson automaton at once: O(size of program x length of text), whatever the pattern. It knows the part of RE2's
syntax that has a meaning for whole-text matching: literals and escapes, ``.``, classes, ``\\d \\w \\s`` and negations,
``[[:alpha:]]``, groups, ``|``, ``* + ? {m,n}`` (lazy or not is the same here), ``^ $ \\A \\z``, ``(?i)`` and ``(?s)``
at the start. Back references and look-around are refused, as RE2 refuses them; so are ``\\b`` and ``\\p{..}``, which
RE2 has: nobody matches host names with them. google-re2 would be a compiled dependency for one corner of one call.

A program is a list of instructions: (CHAR, test), (SPLIT, a, b), (AT, position, next) and (MATCH,).
"""

from __future__ import annotations

from collections.abc import Callable

REPEAT_MAX = 1000  # of {m,n}, as in RE2
DEPTH_MAX = 100  # nested groups

_Test = Callable[[str], bool]


class RegexError(ValueError):
    """The pattern is not one, or uses what cannot be matched in linear time."""


class Regex:
    """A compiled pattern; ``size`` is its number of instructions."""

    __slots__ = ("_program", "size")

    def __init__(self, pattern: str, size_max: int = 10_000) -> None:
        """Raises RegexError. A program grown beyond ten times ``size_max`` is given up unfinished."""
        self._program = _Compiler(pattern, 10 * size_max).program()
        self.size = len(self._program)

    def fullmatch(self, text: str) -> bool:
        """True if the pattern matches all of ``text``."""
        states = self._closure([0], at_start=True, at_end=not text)
        last = len(text) - 1
        for index, char in enumerate(text):
            moved = [state + 1 for state in states if (test := self._program[state][1]) is not None and test(char)]
            if not moved:
                return False
            states = self._closure(moved, at_start=False, at_end=index == last)
        return self.size - 1 in states

    def _closure(self, states: list[int], *, at_start: bool, at_end: bool) -> list[int]:
        """All states reachable without reading, each once."""
        seen = bytearray(self.size)
        stack, found = states[::-1], []
        while stack:
            state = stack.pop()
            if seen[state]:
                continue
            seen[state] = 1
            kind, _, targets = self._program[state]
            if kind == "split":
                stack += targets
            elif kind in ("start", "end"):
                if at_start if kind == "start" else at_end:
                    stack.append(state + 1)
            else:
                found.append(state)
        return found


_Instruction = tuple[str, _Test | None, tuple[int, ...]]
_CLASSES: dict[str, _Test] = {
    "d": lambda char: "0" <= char <= "9",
    "w": lambda char: char.isascii() and (char.isalnum() or char == "_"),
    "s": lambda char: char in "\t\n\f\r ",
}
_NAMED: dict[str, _Test] = {
    "alnum": lambda char: char.isascii() and char.isalnum(),
    "alpha": lambda char: char.isascii() and char.isalpha(),
    "blank": lambda char: char in " \t",
    "digit": _CLASSES["d"],
    "lower": lambda char: "a" <= char <= "z",
    "punct": lambda char: char.isascii() and char.isprintable() and not char.isalnum() and char != " ",
    "space": lambda char: char in "\t\n\v\f\r ",
    "upper": lambda char: "A" <= char <= "Z",
    "word": _CLASSES["w"],
    "xdigit": lambda char: char in "0123456789abcdefABCDEF",
}
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SPECIAL = "\\.+*?()|[]{}^$"


class _Compiler:
    """Recursive descent; each method returns a fragment: instructions with relative jumps."""

    def __init__(self, pattern: str, size_max: int) -> None:
        self._pattern, self._at, self._size_max, self._depth = pattern, 0, size_max, 0
        self._fold = self._dot_all = False

    def program(self) -> list[_Instruction]:
        while self._pattern.startswith(("(?i)", "(?s)"), self._at):
            if self._pattern[self._at + 2] == "i":
                self._fold = True
            else:
                self._dot_all = True
            self._at += 4
        relative = self._alternatives()
        if self._at < len(self._pattern):
            raise RegexError("unexpected ): " + self._pattern)
        relative.append(("match", None, ()))
        return [(kind, test, tuple(at + jump for jump in jumps)) for at, (kind, test, jumps) in enumerate(relative)]

    def _alternatives(self) -> list[_Instruction]:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise RegexError("nested too deeply")
        branches = [self._sequence()]
        while self._take("|"):
            branches.append(self._sequence())
        self._depth -= 1
        made = branches.pop()
        while branches:
            branch = branches.pop()
            # split to the branch or behind its jump; the jump leads behind everything
            made = [("split", None, (1, len(branch) + 2)), *branch, ("split", None, (len(made) + 1,)), *made]
            self._bound(made)
        return made

    def _sequence(self) -> list[_Instruction]:
        made: list[_Instruction] = []
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            made += self._repeated(self._atom())
            self._bound(made)
        return made

    def _repeated(self, atom: list[_Instruction]) -> list[_Instruction]:
        size = len(atom)
        while True:
            if self._take("*"):
                atom = [("split", None, (1, size + 2)), *atom, ("split", None, (-size - 1,))]
            elif self._take("+"):
                atom = [*atom, ("split", None, (-size, 1))]
            elif self._take("?"):
                atom = [("split", None, (1, size + 1)), *atom]
            elif (counts := self._counts()) is not None:
                atom = self._copies(atom, *counts)
            else:
                return atom
            self._take("?")  # lazy: the same text matches
            self._bound(atom)
            size = len(atom)

    def _copies(self, atom: list[_Instruction], least: int, most: int | None) -> list[_Instruction]:
        size = len(atom)
        if size * max(least, most or 0) > self._size_max:
            raise RegexError("pattern too large - compile failed")
        made = atom * least
        if most is None:
            return [*made, ("split", None, (1, size + 2)), *atom, ("split", None, (-size - 1,))]
        return made + [("split", None, (1, size + 1)), *atom] * (most - least)

    def _counts(self) -> tuple[int, int | None] | None:
        """``{2}``, ``{2,}``, ``{2,5}``; anything else in braces is literal."""
        end = self._pattern.find("}", self._at)
        if not self._pattern.startswith("{", self._at) or end < 0:
            return None
        least, comma, most = self._pattern[self._at + 1 : end].partition(",")
        if not _is_number(least) or (most and not _is_number(most)):
            return None
        self._at = end + 1
        low, high = int(least), int(most) if most else None if comma else int(least)
        if max(low, high or 0) > REPEAT_MAX or (high is not None and high < low):
            raise RegexError("invalid repetition size: {" + f"{least}{comma}{most}" + "}")
        return low, high

    def _atom(self) -> list[_Instruction]:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._char(self._class())
        if char == ".":
            return self._char((lambda _: True) if self._dot_all else (lambda char: char != "\n"))
        if char == "^":
            return [("start", None, ())]
        if char == "$":
            return [("end", None, ())]
        if char == "\\":
            return self._escape()
        if char in "*+?":
            raise RegexError("no argument for repetition operator: " + char)
        return self._char(self._literal(char))

    def _group(self) -> list[_Instruction]:
        if self._take("?"):
            if self._take("P<") or self._take("<"):
                name, _, _ = self._pattern[self._at :].partition(">")
                if not name.replace("_", "").isalnum():
                    raise RegexError("invalid perl operator: (?<")
                self._at += len(name) + 1
            elif not self._take(":"):
                raise RegexError("invalid perl operator: (?" + self._pattern[self._at : self._at + 1])
        made = self._alternatives()
        if not self._take(")"):
            raise RegexError("missing ): " + self._pattern)
        return made

    def _escape(self) -> list[_Instruction]:
        char = self._next()
        if char == "A":
            return [("start", None, ())]
        if char == "z":
            return [("end", None, ())]
        return self._char(self._escaped(char))

    def _escaped(self, char: str) -> _Test:
        """The test for an escape, inside or outside a class."""
        if char.lower() in _CLASSES:
            test = _CLASSES[char.lower()]
            return test if char.islower() else _not(test)
        return self._literal(self._escaped_char(char))

    def _escaped_char(self, char: str) -> str:
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            if self._take("{"):
                digits, _, _ = self._pattern[self._at :].partition("}")
                self._at += len(digits) + 1
            else:
                digits = self._pattern[self._at : self._at + 2]
                self._at += 2
            try:
                return chr(int(digits, 16))
            except (ValueError, OverflowError):
                raise RegexError("invalid escape sequence: \\x" + digits) from None
        if char.isascii() and char.isalnum():
            raise RegexError("invalid escape sequence: \\" + char)
        return char

    def _class(self) -> _Test:
        negated = self._take("^")
        tests: list[_Test] = []
        first = True
        while first or not self._take("]"):
            first = False
            if self._take("[:"):
                name, _, _ = self._pattern[self._at :].partition(":]")
                self._at += len(name) + 2
                test = _NAMED.get(name.removeprefix("^"))
                if test is None:
                    raise RegexError(f"invalid character class range: [:{name}:]")
                tests.append(_not(test) if name.startswith("^") else test)
                continue
            char = self._next("missing ]: ")
            if char == "\\":
                char = self._next()
                if char.lower() in _CLASSES:
                    tests.append(self._escaped(char))
                    continue
                char = self._escaped_char(char)
            tests.append(self._class_range(char))
        any_of: _Test = lambda char: any(test(char) for test in tests)  # noqa: E731 - typed
        return _not(any_of) if negated else any_of

    def _class_range(self, low: str) -> _Test:
        """``a`` or ``a-z``."""
        if not self._pattern.startswith("-", self._at) or self._pattern.startswith("-]", self._at):
            return self._literal(low)
        self._at += 1
        high = self._next("missing ]: ")
        if high == "\\":
            high = self._escaped_char(self._next())
        if high < low:
            raise RegexError(f"invalid character class range: {low}-{high}")
        if self._fold:
            return lambda char: low <= char.lower() <= high or low <= char.upper() <= high
        return lambda char: low <= char <= high

    def _literal(self, char: str) -> _Test:
        if self._fold:
            folded = char.casefold()
            return lambda read: read.casefold() == folded
        return char.__eq__

    def _char(self, test: _Test) -> list[_Instruction]:
        return [("char", test, ())]

    def _next(self, missing: str = "trailing \\: ") -> str:
        if self._at >= len(self._pattern):
            raise RegexError(missing + self._pattern)
        self._at += 1
        return self._pattern[self._at - 1]

    def _take(self, text: str) -> bool:
        if self._pattern.startswith(text, self._at):
            self._at += len(text)
            return True
        return False

    def _bound(self, made: list[_Instruction]) -> None:
        if len(made) > self._size_max:
            raise RegexError("pattern too large - compile failed")


def _not(test: _Test) -> _Test:
    return lambda char: not test(char)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6
