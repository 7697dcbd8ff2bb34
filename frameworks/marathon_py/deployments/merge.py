"""An app of which only some fields are given: the others are as they were.

A field is replaced as a whole: who gives ``env`` gives all of it. Nothing can be unset this way: who wants that gives
the whole app. But ports of the networks before are no ports of the networks that are given: on the host's network they
are port definitions, on others port mappings. Marathon drops ``executorResources`` and ``resourceLimits`` that are not
given again; we keep them.

Source: mesosphere/marathon .../raml/AppConversion.scala appUpdateRamlReader.
"""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.complete import complete
from frameworks.marathon_py.definitions.legacy import Given
from frameworks.marathon_py.definitions.network import DEFAULT_PORT_DEFINITIONS, HOST
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.definitions.trees import Spec

T = TypeVar("T", bound=Spec)
_OF_THE_SERVER = ("version", "version_info")


def merged(old: App, given: Given, settings: Settings) -> App:
    """Without versions. The id is the old one's, whatever is given."""
    fields: dict[str, Any] = {
        one.name: getattr(old, one.name) for one in attrs.fields(App) if one.name not in _OF_THE_SERVER
    }
    if given.get("networks"):
        fields |= _ports(old, on_host=all(one.mode == HOST for one in given["networks"]))
    return complete({**fields, **given, "id": PathId(old.id)}, settings)


def _ports(old: App, on_host: bool) -> Given:
    """What is left of its ports there; what is None is filled in later on."""
    if not on_host:
        return {"port_definitions": None}
    container = attrs.evolve(old.container, port_mappings=None) if old.container is not None else None
    definitions = DEFAULT_PORT_DEFINITIONS if old.port_definitions is None else old.port_definitions
    return {"port_definitions": definitions, "container": container}


def unversioned(spec: T) -> T:
    """The same definition, as if it were given now."""
    return attrs.evolve(spec, version="", version_info=None)
