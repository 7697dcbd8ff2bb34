"""Why a program failed, in one sentence, from what it wrote.

skopeo ends with a line of logrus (``level=fatal msg="..."``), umoci with a line after a cross, others with a line of
their own. All of them chain causes with colons, the innermost last; it is the one that is kept when there are too many.
"""

from __future__ import annotations

import re
from typing import Final

LENGTH_MAX: Final = 400  # characters: a cause becomes part of a task's status

_FATAL = re.compile(r'level=fatal msg=(?:"((?:[^"\\]|\\.)*)"|(\S+))')
_CROSS = re.compile(r"^\s*⨯ (.*)$", re.MULTILINE)
_ESCAPE = re.compile(r"\\(.)")
#: What repeats the command line and says nothing new.
_PREFIX = re.compile(
    r"^(?:Error parsing image name \"[^\"]*\": |initializing source \S+: |umoci: |setpriv: )+"
)  # fmt: skip


def cause(text: str) -> str:
    """One line, at most LENGTH_MAX characters, "" when nothing was said."""
    fatal, crosses = _FATAL.findall(text), _CROSS.findall(text)
    if fatal:
        quoted, bare = fatal[-1]
        found = _ESCAPE.sub(lambda match: {"n": " ", "t": " "}.get(match[1], match[1]), quoted) if quoted else bare
    elif crosses:
        found = crosses[-1]
    else:
        found = text.strip().partition("\n")[0]
    found = _PREFIX.sub("", " ".join(found.split()))
    found = "".join(character if character.isprintable() else "?" for character in found)
    parts = found.split(": ")
    if len(parts) > 1 and parts[-1] == parts[-2]:
        parts.pop()  # registries say "manifest unknown: manifest unknown"
    found = ": ".join(parts)
    return found if len(found) <= LENGTH_MAX else f"... {found[4 - LENGTH_MAX :]}"
