"""Deployments under way, as they go.

Source: mesosphere/marathon docs/docs/rest-api/public/api/v2/types/deployment*.raml.
"""

from __future__ import annotations

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.paths import PathId


def touching(m: Marathon, spec: PathId) -> list[str]:
    """The ids of deployments that work on it."""
    return [m.locked[spec]] if spec in m.locked else []
