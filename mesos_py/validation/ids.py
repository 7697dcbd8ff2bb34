"""Which ids are acceptable: they become names of directories and parts of URLs.

Mesos: src/common/validation.cpp validateID.
"""

from __future__ import annotations

import re

ID_MAX = 255  # bytes; mesos src/common/validation.cpp: NAME_MAX of file systems

_BAD = re.compile(r"[\x00-\x1f\x7f/\\]")


def invalid_id(identifier: str) -> str | None:
    """Why ``identifier`` cannot be an id; None if it can."""
    if not identifier:
        return "ID must not be empty"
    if len(identifier) > ID_MAX // 4 and len(identifier.encode(errors="surrogatepass")) > ID_MAX:
        return "ID must not be greater than 255 characters"
    if identifier in (".", ".."):
        return f"'{identifier}' is disallowed"
    if _BAD.search(identifier):
        return f"'{identifier}' contains invalid characters"
    return None
