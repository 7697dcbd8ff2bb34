"""What an operator's plug-ins have to say about definitions and launches.

They are asked in the middle of a decision: they must answer at once, without waiting and without raising, and look only
at what they are given.

Source: mesosphere/marathon plugin-interface/.../scheduler/SchedulerPlugin.scala, .../task/RunSpecTaskProcessor.scala.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.pods import Pod
from mesos_py.sdk.matching import Host
from mesos_py.wire.offer import Offer
from mesos_py.wire.task import TaskInfo


@attrs.frozen(kw_only=True)
class Hooks:
    """None: nobody wants to know."""

    #: what a secret is, by its source; its None: there is no such secret
    find_secret: Callable[[str], bytes | None] | None = None
    #: whether instances of a spec may be launched on a host that offers something
    accepts: Callable[[App | Pod, Host], bool] | None = None
    #: the task that is launched instead; its id, agent and resources are those that it is given
    edit_task: Callable[[App, TaskInfo], TaskInfo] | None = None
    #: the same of a pod's executor and tasks
    edit_group: Callable[[Pod, Offer.Operation.LaunchGroup], Offer.Operation.LaunchGroup] | None = None
    #: what is wrong with a definition besides
    violations: Callable[[App | Pod], Iterable[Violation]] | None = None


NO_HOOKS = Hooks()
