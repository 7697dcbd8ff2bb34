"""A deployment taken back: what it has changed is as it was before, whatever else has changed meanwhile.

Definitions are exactly the former ones, with their versions: instances that run them still are what is wanted, and
stay. (Marathon makes new versions, and replaces those that were fine: its issue 4046.) Source: mesosphere/marathon
.../core/deployment/DeploymentPlanReverter.scala.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import attrs

from frameworks.marathon_py.definitions import trees
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import ROOT, PathId
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
    """The tree without what the plan has changed: groups that it has made stay if there is something in them."""
    for path, (old, _) in trees.differences(plan.original, plan.target).items():
        root = trees.put(root, old, settings) if old is not None else trees.take(root, path, settings)
    before = {group.id: group for group in plan.original.walk()}
    after = {group.id: group for group in plan.target.walk()}
    for path, former in before.items():
        if path not in after or _rules(after[path]) != _rules(former):
            root = trees.at(root, path, partial(_with_rules, former), settings)
    for path in [one for one in after if one not in before]:
        present = root.group(path)
        if present is not None and present.is_empty:
            root = trees.take_group(root, path, settings)
    return root


def _rules(group: Group) -> tuple[tuple[PathId, ...], bool]:
    return group.dependencies, group.enforce_role


def _with_rules(former: Group, group: Group) -> Group:
    return attrs.evolve(group, dependencies=former.dependencies, enforce_role=former.enforce_role)
