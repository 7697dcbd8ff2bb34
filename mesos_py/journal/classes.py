"""Which classes a journal may name, and their names.

A journal may come with a stranger's bug report, so a name in it means a class that a core is made of, or nothing: a
class of the words, of the algebra, or of a core of master, agent or executor. Shells are left out: what they can do
with files and processes must not be in reach of a value that was read. A name is looked up, never called.
"""

from __future__ import annotations

import enum
import importlib
from functools import cache, lru_cache
from typing import Any

PREFIX = "mesos_py."
PACKAGES = ("wire", "algebra", "flags", "machine", "executor", "master", "agent")

#: what of master and agent is no core: it talks to the outside
SHELLS = (
    "mesos_py.master.http", "mesos_py.master.paced", "mesos_py.master.streams", "mesos_py.master.leadership",
    "mesos_py.master.legacy", "mesos_py.master.operator_api", "mesos_py.master.metrics", "mesos_py.master.logbook",
    "mesos_py.master.timing", "mesos_py.master.reign", "mesos_py.master.registry.store",
    "mesos_py.master.registry.effects", "mesos_py.master.audit",
    "mesos_py.agent.api", "mesos_py.agent.rim", "mesos_py.agent.removal", "mesos_py.agent.containerizer.gpus.nvml",
    "mesos_py.agent.statistics", "mesos_py.agent.fetcher", "mesos_py.agent.usage", "mesos_py.agent.resources",
    "mesos_py.agent.sandboxes", "mesos_py.agent.checkpoint.store", "mesos_py.agent.checkpoint.ballast",
    "mesos_py.agent.checkpoint.former", "mesos_py.agent.probe", "mesos_py.agent.namespaces",
    "mesos_py.agent.containerizer.composing",
    "mesos_py.agent.containerizer.docker.containerizer", "mesos_py.agent.containerizer.docker.dockerd",
    "mesos_py.agent.containerizer.docker.ends", "mesos_py.agent.containerizer.docker.execs",
    "mesos_py.agent.containerizer.docker.images", "mesos_py.agent.containerizer.docker.launching",
    "mesos_py.agent.containerizer.docker.logs", "mesos_py.agent.containerizer.docker.mounts",
    "mesos_py.agent.containerizer.docker.removal", "mesos_py.agent.containerizer.docker.sandboxes",
    "mesos_py.agent.containerizer.docker.sessions", "mesos_py.agent.containerizer.docker.streams",
    "mesos_py.agent.containerizer.docker.terminals",
    "mesos_py.agent.containerizer.docker.usage", "mesos_py.agent.containerizer.docker.compose",
    "mesos_py.agent.containerizer.docker.warden",
    "mesos_py.agent.containerizer.process", "mesos_py.agent.containerizer.compose",
    "mesos_py.agent.containerizer.attachment", "mesos_py.agent.containerizer.beside",
    "mesos_py.agent.containerizer.members",
    "mesos_py.agent.containerizer.disk", "mesos_py.agent.containerizer.ports",
    "mesos_py.agent.containerizer.isolated", "mesos_py.agent.containerizer.runtime.runtime",
    "mesos_py.agent.containerizer.runtime.preparing", "mesos_py.agent.containerizer.runtime.places",
    "mesos_py.agent.containerizer.runtime.trial", "mesos_py.agent.containerizer.runtime.host",
    "mesos_py.agent.containerizer.cgroups.hierarchy", "mesos_py.agent.containerizer.cgroups.isolator",
    "mesos_py.agent.containerizer.cgroups.oom",
    "mesos_py.agent.containerizer.cgroups.pressure",
    "mesos_py.agent.containerizer.networks.catalogue", "mesos_py.agent.containerizer.networks.networks",
    "mesos_py.agent.containerizer.networks.plugins", "mesos_py.agent.containerizer.networks.records",
    "mesos_py.agent.containerizer.client", "mesos_py.agent.containerizer.scripted",
    "mesos_py.agent.containerizer.supervisor", "mesos_py.agent.provisioner.places",
    "mesos_py.agent.provisioner.provisioner", "mesos_py.agent.provisioner.puller",
    "mesos_py.agent.provisioner.rootfs", "mesos_py.agent.provisioner.store", "mesos_py.agent.provisioner.tools",
)
SERVERS = ("mesos_py.master.server", "mesos_py.agent.server")
_NOT_OURS = (*SHELLS, *SERVERS, "mesos_py.machine.driver")


class Unrecordable(Exception):
    """Something in a core is of no kind that a journal can hold."""


class Unreadable(Exception):
    """The bytes are not what this program writes."""


@cache
def name_of(cls: type) -> str:
    """``wire.task:TaskInfo``. Raises Unrecordable for a class that ``class_named`` would not find."""
    name = f"{cls.__module__.removeprefix(PREFIX)}:{cls.__qualname__}"
    try:
        if class_named(name) is cls:
            return name
    except Unreadable:
        pass  # said below, by whose fault it is
    raise Unrecordable(f"{cls.__module__}.{cls.__qualname__} is no class of a core")


@cache
def class_named(name: str) -> type:
    """The class; raises Unreadable when a journal may not name it, or when there is none of that name."""
    module, _, path = name.partition(":")
    full = PREFIX + module
    is_ours = module.partition(".")[0] in PACKAGES
    if not is_ours or any(full == shell or full.startswith(shell + ".") for shell in _NOT_OURS):
        raise Unreadable(f"a journal has no business with {name}")
    if not all(part.isidentifier() for part in (*module.split("."), *path.split("."))):
        raise Unreadable(f"{name} is no name of a class")
    try:
        found: Any = importlib.import_module(full)
    except ImportError as error:
        raise Unreadable(f"there is no module {full} here: recorded by another version?") from error
    for part in path.split("."):
        found = vars(found).get(part)
        if not isinstance(found, type) or found.__module__ != full:
            raise Unreadable(f"there is no class {name} here: recorded by another version?")
    return found  # type: ignore[no-any-return]


@lru_cache(maxsize=None, typed=True)  # typed: members of two enums may be equal, being ints
def name_of_kind(kind: Any) -> str:
    """Of an event's kind: a class's name, or ``wire.scheduler_api:Call.Type/ACCEPT`` for a member of an enum."""
    if isinstance(kind, enum.Enum):
        return f"{name_of(type(kind))}/{kind.name}"
    if isinstance(kind, type):
        return name_of(kind)
    raise Unrecordable(f"{kind!r} is no kind of event")


@cache
def kind_named(name: str) -> Any:
    """The reverse. Raises Unreadable."""
    path, slash, member = name.partition("/")
    cls = class_named(path)
    if not slash:
        return cls
    if not issubclass(cls, enum.Enum) or member not in cls.__members__:
        raise Unreadable(f"there is no {name} here: recorded by another version?")
    return cls.__members__[member]
