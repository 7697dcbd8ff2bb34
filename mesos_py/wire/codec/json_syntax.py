"""Says where a text stops being JSON, in the words of Mesos' parser; runs only after the fast parser has refused.

Clients see `syntax error at line 1 near: ot json` for `not json`: the `n` was taken for the start of `null`. To say
the same we must consume characters exactly as that parser (picojson) does, which is what this scanner is for. It does
not build values.
"""

from __future__ import annotations

import re

from mesos_py.wire.codec.unknown import MAX_DEPTH

_END = -1
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NUMBER_CHARS = b"0123456789+-.eE"
_WORDS = {ord("n"): b"ull", ord("f"): b"alse", ord("t"): b"rue"}
_PLAIN = re.compile(rb'[^"\\\x00-\x1f]*')
_HEX = b"0123456789abcdefABCDEF"
_SPACE = b" \t\r\n"

#: Error text is bounded: the rest of the line may be the whole body.
MAX_NEAR = 1000


def explain(data: bytes, hint: int = 0) -> str:
    """Why `data` is not JSON; `hint` is where the fast parser gave up, for what picojson would have let pass."""
    scanner = _Scanner(data)
    if not scanner.value(0):
        return scanner.complaint()
    rest = data[scanner.position :]
    if rest.strip(_SPACE):
        near = rest[:MAX_NEAR].decode("utf-8", "replace")
        return f"Parsed JSON included non-whitespace trailing characters: {near}"
    scanner.position = hint
    return scanner.complaint()


class _Scanner:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def complaint(self) -> str:
        line = self.data.count(b"\n", 0, self.position) + 1
        rest = self.data[self.position : self.position + MAX_NEAR].partition(b"\n")[0]
        near = bytes(byte for byte in rest if byte >= 0x20).decode("utf-8", "replace")
        return f"syntax error at line {line} near: {near}"

    def take(self) -> int:
        if self.position == len(self.data):
            return _END
        self.position += 1
        return self.data[self.position - 1]

    def back(self, taken: int) -> None:
        if taken != _END:
            self.position -= 1

    def expect(self, wanted: int) -> bool:
        while (char := self.take()) != _END and char in _SPACE:
            pass
        if char != wanted:
            self.back(char)
            return False
        return True

    def value(self, depth: int) -> bool:
        while (char := self.take()) != _END and char in _SPACE:
            pass
        if char in _WORDS:
            return all(self.exactly(wanted) for wanted in _WORDS[char])
        if char == ord('"'):
            return self.string()
        if char in (ord("["), ord("{")):
            return depth < MAX_DEPTH and (self.array(depth) if char == ord("[") else self.object(depth))
        self.back(char)
        if char == _END or char not in b"-0123456789":
            return False
        start = self.position
        while (char := self.take()) != _END and char in _NUMBER_CHARS:
            pass
        self.back(char)
        return _NUMBER.fullmatch(self.data, start, self.position) is not None

    def exactly(self, wanted: int) -> bool:
        char = self.take()
        if char != wanted:
            self.back(char)
        return char == wanted

    def array(self, depth: int) -> bool:
        if self.expect(ord("]")):
            return True
        while self.value(depth + 1):
            if not self.expect(ord(",")):
                return self.expect(ord("]"))
        return False

    def object(self, depth: int) -> bool:
        if self.expect(ord("}")):
            return True
        while self.expect(ord('"')) and self.string() and self.expect(ord(":")) and self.value(depth + 1):
            if not self.expect(ord(",")):
                return self.expect(ord("}"))
        return False

    def string(self) -> bool:
        while True:
            self.position = _PLAIN.match(self.data, self.position).end()  # type: ignore[union-attr]
            char = self.take()
            if char < 0x20:  # a control character or the end
                self.back(char)
                return False
            if char == ord('"'):
                return True
            if char == ord("\\"):
                char = self.take()
                if char == ord("u"):
                    if not self.codepoint():
                        return False
                elif char == _END or char not in b'"\\/bfnrt':
                    return False

    def codepoint(self) -> bool:
        first = self.hex4()
        if first is None or 0xDC00 <= first <= 0xDFFF:
            return False
        if not 0xD800 <= first <= 0xDBFF:
            return True
        for wanted in b"\\u":
            if not self.exactly(wanted):
                return False
        second = self.hex4()
        return second is not None and 0xDC00 <= second <= 0xDFFF

    def hex4(self) -> int | None:
        start = self.position
        for _ in range(4):
            char = self.take()
            if char == _END or char not in _HEX:
                self.back(char)
                return None
        return int(self.data[start : self.position], 16)
