"""A deployment taken back: what it has changed is as it was before, whatever else has changed meanwhile.

Definitions are exactly the former ones, with their versions: instances that run them still are what is wanted, and
stay. (Marathon makes new versions, and replaces those that were fine: its issue 4046.) Source: mesosphere/marathon
.../core/deployment/DeploymentPlanReverter.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions import trees
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import ROOT
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.deployments import changes
from frameworks.marathon_py.deployments.deployment import Deployment
from frameworks.marathon_py.deployments.plan import Plan
from frameworks.marathon_py.words import Refused, Started
from mesos_py.machine.frame import Frame

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon


def start(m: Marathon, deployment: Deployment, out: Frame) -> Started | Refused:
    """A deployment that does so is under way instead."""
    wanted = reverted(m.root, deployment.plan, m.settings)
    return changes.submit(m, wanted, ROOT, True, out, is_rollback=True)


def reverted(root: Group, plan: Plan, settings: Settings) -> Group:
    """The tree without what the plan has changed."""
    for path, (old, _) in trees.differences(plan.original, plan.target).items():
        root = trees.put(root, old, settings) if old is not None else trees.take(root, path, settings)
    before = {group.id: group for group in plan.original.walk()}
    for group in plan.target.walk():
        former, present = before.get(group.id), root.group(group.id)
        if present is None:
            continue
        if former is None:
            root = trees.take_group(root, group.id, settings) if present.is_empty else root
        elif former.dependencies != group.dependencies:
            root = trees.with_dependencies(root, group.id, former.dependencies, settings)
    return root
