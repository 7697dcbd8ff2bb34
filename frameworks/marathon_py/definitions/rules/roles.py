"""Rules about the roles that an app uses; which role it may have depends on its group, and is said there."""

from __future__ import annotations

from collections.abc import Iterator

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.rules.words import Rule
from frameworks.marathon_py.definitions.settings import ANY_ROLE, Settings

_CHARACTERS = {
    "\t": r"horizontal tab (\x09)", "\n": r"line feed (\x0a)", "\v": r"vertical tab (\x0b)",
    "\f": r"form feed (\x0c)", "\r": r"carriage return (\x0d)", " ": r"space (\x20)", "/": r"slash (\x2f)",
    "\x7f": r"backspace (\x7f)",
}  # fmt: skip


def problems(role: str) -> Iterator[str]:
    """What is wrong with a role's name. Marathon has no roles with a slash, as Mesos has."""
    if role in ("", ".", ".."):
        yield f'A role name must not be "{role}".'
    if role.startswith("-"):
        yield "A role name must not start with a '-'."
    for character, name in _CHARACTERS.items():
        if character in role:
            yield f"A role name must not include a {name} character."


def role(app: App, settings: Settings) -> Iterator[Violation]:
    for text in problems(app.role):
        yield Violation("/role", text)
    if app.is_resident and app.role == ANY_ROLE:
        yield Violation("/role", f"Resident apps cannot have the role {ANY_ROLE}")


def accepted(app: App, settings: Settings) -> Iterator[Violation]:
    if app.is_resident and app.accepted_resource_roles != (ANY_ROLE,):
        text = f'A resident app must have `acceptedResourceRoles = ["{ANY_ROLE}"]`.'
        yield Violation("/acceptedResourceRoles", text)
    yield from accepted_for("/acceptedResourceRoles", app.accepted_resource_roles, app.role)


def accepted_for(at: str, given: tuple[str, ...], role: str) -> Iterator[Violation]:
    """Resources are used that are reserved for nobody, or for the role of the service."""
    for index, one in enumerate(given):
        for text in problems(one):
            yield Violation(element(at, index), text)
    allowed = sorted(dict.fromkeys((ANY_ROLE, role)))
    if any(one not in allowed for one in given):
        yield Violation(at, f"acceptedResourceRoles can only contain {' and '.join(allowed)}")


ROLES: tuple[Rule, ...] = (role, accepted)
