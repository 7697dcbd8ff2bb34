"""Apps as tests write them: what a body becomes."""

from __future__ import annotations

from typing import Any

from frameworks.marathon_py.definitions import legacy
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.complete import complete
from frameworks.marathon_py.definitions.fields import show
from frameworks.marathon_py.definitions.settings import Settings

SETTINGS = Settings(mesos_role="marathon", enable_features=("gpu_resources", "secrets", "external_volumes"))


def app_of(settings: Settings = SETTINGS, **body: Any) -> App:
    """``app_of(id="/web", cmd="x")``: the names as in JSON."""
    given = legacy.read_given({"id": "/web", **body})
    return complete(legacy.translate(given, settings), settings)


def shown(settings: Settings = SETTINGS, **body: Any) -> dict[str, Any]:
    return show(app_of(settings, **body))
