"""Reads ``--plugin_conf`` and makes the plug-ins that it names."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import attrs
import orjson

from frameworks.marathon_py.shell.plugins import INTERFACES, Plugin

GROUP = "marathon_py.plugins"
#: those that come with Marathon
OURS = (EntryPoint("secret-files", "frameworks.marathon_py.shell.plugins.files:SecretFiles", GROUP),)


class PluginFailed(Exception):
    """A plug-in that cannot be made, or has failed where nothing can be done instead."""


@attrs.frozen
class Loaded:
    """One plug-in, and what the file says of it."""

    id: str
    plugin: Plugin
    #: as ``/v2/plugins`` lists it
    about: Mapping[str, Any]


def load(path: str) -> tuple[Loaded, ...]:
    """In the order of the file. Raises PluginFailed."""
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_mode & stat.S_IWOTH:
                raise PluginFailed(f"{path} may be written by anybody, and says what runs in this process")
            conf = orjson.loads(file.read())
    except (OSError, orjson.JSONDecodeError) as error:
        raise PluginFailed(f"--plugin_conf={path}: {error}") from error
    named = conf.get("plugins") if isinstance(conf, dict) else None
    if not isinstance(named, dict):
        raise PluginFailed(f"--plugin_conf={path}: expecting {{\"plugins\": {{ID: {{...}}}}}}")
    return tuple(_loaded(name, entry) for name, entry in named.items())


def _loaded(name: str, entry: Any) -> Loaded:
    if not isinstance(entry, dict) or not isinstance(entry.get("configuration") or {}, dict):
        raise PluginFailed(f"plug-in '{name}': expecting an object, with an object as its configuration")
    kind, implementation = str(entry.get("plugin", "")), str(entry.get("implementation", ""))
    interface = next((one for one in INTERFACES if one.__name__ == kind.rpartition(".")[2]), None)
    if interface is None:
        known = ", ".join(one.__name__ for one in INTERFACES)
        raise PluginFailed(f"plug-in '{name}': 'plugin' is '{kind}'; there are {known}")
    try:
        made = _found(implementation).load()
        if not (isinstance(made, type) and issubclass(made, interface)):
            raise PluginFailed(f"plug-in '{name}': {implementation} is no {interface.__name__}")
        plugin = made(entry.get("configuration") or {})
    except PluginFailed:
        raise
    except Exception as error:
        raise PluginFailed(f"plug-in '{name}': {implementation}: {type(error).__name__}: {error}") from error
    about = {"id": name, "plugin": kind, "implementation": implementation}
    about |= {key: entry[key] for key in ("tags", "info") if entry.get(key)}
    return Loaded(name, plugin, about)


def _found(implementation: str) -> EntryPoint:
    """Raises LookupError."""
    known: dict[str, EntryPoint] = {point.name: point for point in (*entry_points(group=GROUP), *OURS)}
    if implementation in known:
        return known[implementation]
    if ":" in implementation:
        return EntryPoint(implementation, implementation, GROUP)
    raise LookupError(f"no such entry point in {GROUP}; there are {', '.join(sorted(known))}")
