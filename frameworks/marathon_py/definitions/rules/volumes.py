"""Rules about volumes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.container import DOCKER
from frameworks.marathon_py.definitions.fields import Violation, element
from frameworks.marathon_py.definitions.rules.words import MUST_NOT_BE_EMPTY, NOT_DEFINED, Rule, feature, has_twice
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.definitions.volumes import (
    Csi,
    Dvdi,
    ExternalVolume,
    Persistent,
    PersistentVolume,
    SecretVolume,
    of_kind,
)
from mesos_py.algebra.regex import Regex, RegexError

AT = "/container/volumes"
DRIVER = "dvdi/driver"
DOT_PATHS = (".", "..")
OPTION_KEY = r"^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?/[A-Za-z0-9](?:[-A-Za-z0-9\._:]*[A-Za-z0-9])?$"


def volumes(app: App, settings: Settings) -> Iterator[Violation]:
    if app.container is None:
        return
    found = app.container.volumes
    if has_twice(one.external.name for one in of_kind(found, ExternalVolume) if one.external.name is not None):
        yield Violation(AT, "Volume names must be unique")
    if has_twice(one.container_path for one in found):
        yield Violation(AT, "Container paths must be unique")
    if of_kind(found, ExternalVolume):
        yield from feature(AT, "external_volumes", settings)
    if of_kind(found, SecretVolume):
        yield from feature(AT, "secrets", settings)
    for index, one in enumerate(found):
        at = element(AT, index)
        if isinstance(one, PersistentVolume):
            yield from persistent_volume(at, one)
        elif isinstance(one, ExternalVolume):
            yield from _external(at, one, app.container.type)
        elif isinstance(one, SecretVolume):
            if app.container.type == DOCKER:
                yield Violation(at, "secret volumes are not supported with Docker containerizer")
            if one.secret not in app.secrets:
                yield Violation(at, "volume.secret must refer to an existing secret")


def persistent_volume(at: str, volume: PersistentVolume) -> Iterator[Violation]:
    path = f"{at}/containerPath"
    if volume.container_path in DOT_PATHS:
        yield Violation(path, f"can not be one of ({','.join(DOT_PATHS)})")
    if "/" in volume.container_path:
        yield Violation(path, 'value must not contain "/"')
    if volume.mode != "RW":
        yield Violation(f"{at}/mode", f"got {volume.mode}, expected RW")
    yield from persistent(f"{at}/persistent", volume.persistent)


def persistent(at: str, info: Persistent) -> Iterator[Violation]:
    """The rule of pods, too."""
    if info.size <= 0:
        yield Violation(f"{at}/size", f"got {info.size}, expected more than 0")
    if info.type in (None, "root") and info.constraints:
        yield Violation(at, "Constraints on root volumes are not supported")
    if info.type != "mount" and info.max_size is not None:
        yield Violation(at, "Only mount volumes can have maxSize")
    if info.max_size is not None and info.max_size <= info.size:
        yield Violation(at, "Max size must be larger than size")
    for index, words in enumerate(info.constraints):
        text = _constraint_problem(words)
        if text is not None:
            yield Violation(element(f"{at}/constraints", index), text)


def _constraint_problem(words: tuple[str, ...]) -> str | None:
    if not words:
        return "Missing field and operator"
    if len(words) < 3 or words[0] != "path":
        return f"Unsupported constraint {','.join(words)}"
    if words[1] not in ("LIKE", "UNLIKE"):
        known = ("CLUSTER", "GROUP_BY", "IS", "MAX_PER", "UNIQUE")
        is_known = words[1] in known
        return "Operator must be one of LIKE, UNLIKE" if is_known else f"unknown constraint operator {words[1]}"
    try:
        Regex(words[2])
    except RegexError:
        return "Invalid regular expression"
    return None


def _external(at: str, volume: ExternalVolume, containerizer: str) -> Iterator[Violation]:
    info = volume.external
    if isinstance(info, Csi):
        if containerizer == DOCKER:
            yield Violation(f"{at}/external/provider", "csi volumes are not supported with Docker containerizer")
        return
    if info.provider != "dvdi":
        yield Violation(f"{at}/external/provider", "is unknown provider" if info.provider else NOT_DEFINED)
    if not info.name:
        yield Violation(f"{at}/external/name", MUST_NOT_BE_EMPTY)
    if DRIVER not in info.options:
        yield Violation(f'{at}/external/options("{DRIVER}")', NOT_DEFINED)
    for key in info.options:
        if not re.fullmatch(OPTION_KEY, key):
            yield Violation(f"{at}/external/options/{key}", f"must fully match regular expression '{OPTION_KEY}'")
    if containerizer == DOCKER and info.size is not None:
        yield Violation(f"{at}/external/size", "must be undefined for Docker containers")


def one_instance_of_what_is_not_shared(app: App, settings: Settings) -> Iterator[Violation]:
    """A volume that only one task may have."""
    found = app.container.volumes if app.container is not None else ()
    own = [one for one in of_kind(found, ExternalVolume) if isinstance(one.external, Dvdi) and not one.external.shared]
    if own and app.instances > 1:
        yield Violation("/", f"Number of instances is limited to 1 when declaring DVDI volumes in app [{app.id}]")


VOLUMES: tuple[Rule, ...] = (volumes, one_instance_of_what_is_not_shared)
