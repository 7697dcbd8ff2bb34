"""Deployments under way, as they go.

Source: mesosphere/marathon docs/docs/rest-api/public/api/v2/types/deployment*.raml.
"""

from __future__ import annotations

from typing import Any

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.deployments.deployment import Deployment
from frameworks.marathon_py.deployments.plan import Action, is_replaced
from frameworks.marathon_py.views import tasks


def deployment(m: Marathon, one: Deployment, with_held: bool = False) -> dict[str, Any]:
    """Its plan, and how far it has come; if that is asked for, what waits after its canaries."""
    held = {"held": list(one.held)} if with_held else {}
    affected = {action.spec_id: action.spec for step in one.plan.steps for action in step}.values()
    return {
        "id": one.id, "version": one.version, **one.plan.show(), "currentStep": one.current,
        "totalSteps": len(one.plan.steps), "currentActions": [_current(m, action) for action in one.step],
        "affectedApps": [spec.id for spec in affected if isinstance(spec, App)],
        "affectedPods": [spec.id for spec in affected if isinstance(spec, Pod)], **held,
    }  # fmt: skip


def _current(m: Marathon, action: Action) -> dict[str, Any]:
    """Whether those are ready that are being replaced is no answer to whether the new ones are."""
    those = [one for one in m.of(action.spec_id) if not is_replaced(one.spec, action.spec)]
    return {**action.show(), "readinessCheckResults": tasks.all_readiness(those)}


def touching(m: Marathon, spec: PathId) -> list[str]:
    """The ids of deployments that work on it."""
    return [m.locked[spec]] if spec in m.locked else []
