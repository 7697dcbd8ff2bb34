"""Roles are paths: ``eng/web`` is a strict sub-role of ``eng``; ``*`` is the role nothing is reserved for.

Source of rules and texts: Mesos src/common/roles.cpp, docs/roles.md "Invalid role names".
"""

from __future__ import annotations

import re
from collections.abc import Iterable

DEFAULT_ROLE = "*"

# Backspace, by either of its codes, and white space; Mesos names them by hand.
_FORBIDDEN = re.compile("[\x08\x7f\t\n\x0b\x0c\r ]")


def invalid_role(role: str) -> str | None:
    """Why ``role`` cannot be a role, in Mesos' words; None if it can."""
    if role == DEFAULT_ROLE:
        return None
    if not role:
        return "Role names cannot be the empty string"
    if role.startswith("/"):
        return f"Role '{role}' cannot start with a slash"
    if role.endswith("/"):
        return f"Role '{role}' cannot end with a slash"
    if "//" in role:
        return f"Role '{role}' cannot contain two adjacent slashes"
    for component in role.split("/"):
        if component in (".", ".."):
            return f"Role '{role}' cannot include '{component}' as a component"
        if component == DEFAULT_ROLE:
            return f"Role '{role}' cannot include '*' as a component"
        if component.startswith("-"):
            return f"Role component '{component}' is invalid because it begins with a dash"
        if _FORBIDDEN.search(component):
            return f"Role component '{component}' is invalid because it contains backspace or whitespace"
    return None


def invalid_roles(roles: Iterable[str]) -> str | None:
    """The first invalid role's text."""
    return next((text for text in map(invalid_role, roles) if text is not None), None)


def ancestors(role: str) -> list[str]:
    """Every strict ancestor, nearest first: ``a/b/c`` gives ``a/b``, ``a``."""
    found = []
    while (cut := role.rfind("/")) >= 0:
        role = role[:cut]
        found.append(role)
    return found


def is_strict_subrole(role: str, of: str) -> bool:
    """True if ``role`` lies below ``of``: ``eng/a`` of ``eng``."""
    return len(role) > len(of) and role.startswith(of) and role[len(of)] == "/"
