"""Groups as clients see them, with the parts that are asked for.

Source: mesosphere/marathon .../core/appinfo/impl/DefaultInfoService.scala, docs/.../types/group.raml.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.timestamps import NEVER
from frameworks.marathon_py.views import apps
from frameworks.marathon_py.views.apps import Embed

_APPS = "group.apps"


class Part(enum.Enum):
    """Of a group."""

    APPS = _APPS
    PODS = "group.pods"
    GROUPS = "group.groups"


@attrs.frozen
class Wanted:
    """What is shown of groups, and with their apps."""

    parts: tuple[Part, ...] = tuple(Part)
    embed: frozenset[Embed] = frozenset()

    @classmethod
    def of(cls, names: Iterable[str]) -> Wanted:
        """Nothing named is all parts; what stands with apps stands for apps, too."""
        given = list(names)
        if not given:
            return cls()
        parts = tuple(
            part for part in Part if part.value in given
            or (part is Part.APPS and any(name.startswith(f"{_APPS}.") for name in given))
        )  # fmt: skip
        return cls(parts, apps.embeds(given, (f"{_APPS}.",)))


    def shows(self, one: App | Pod) -> bool:
        """Whether it is seen at all."""
        return (Part.APPS if isinstance(one, App) else Part.PODS) in self.parts


def group(one: Group, wanted: Wanted, shown: Mapping[str, Any]) -> dict[str, Any]:
    """``shown``: its apps and pods, and those below it, by their ids; others are not there.

    That it does not enforce its role is not said: the PyPI client knows no ``enforceRole``, and breaks at it.
    """
    inner = [group(below, wanted, shown) for below in one.groups] if Part.GROUPS in wanted.parts else []
    return {
        "id": one.id, "version": one.version or NEVER, "dependencies": list(one.dependencies),
        **({"enforceRole": True} if one.enforce_role else {}),
        "apps": [shown[app.id] for app in one.apps if app.id in shown],
        "pods": [shown[pod.id] for pod in one.pods if pod.id in shown], "groups": inner,
    }  # fmt: skip
