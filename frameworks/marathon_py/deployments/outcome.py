"""Deployments that fail, and deployments that wait: what labels ask for (``definitions.terms``), beyond Marathon.

One has failed when its time is over, or when new instances have ended too often. It is taken back then, if anything it
is about says so; else it stops where it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.deployments import records, rollback, steps
from frameworks.marathon_py.deployments.deployment import Deployment
from frameworks.marathon_py.deployments.dues import CanaryDue, DeadlineDue, MoreDue
from frameworks.marathon_py.deployments.plan import is_replaced
from frameworks.marathon_py.words import Refused
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.table import Table

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.definitions.paths import PathId

table = Table("how deployments end, and go on")

#: of tasks that nobody has asked to end, and whose agents are fine
BAD_ENDS = ("TASK_FAILED", "TASK_FINISHED", "TASK_ERROR")


def settle(m: Marathon, out: Frame) -> None:
    """Ends of new instances in this frame are counted where there is a limit."""
    for fact in list(out.changes) if m.works else ():
        is_end = isinstance(fact, words.TaskChanged) and fact.state in BAD_ENDS
        if is_end or isinstance(fact, words.UnhealthyKilled):
            _count(m, fact.spec_id, fact.version, out)


def _count(m: Marathon, spec_id: PathId, version: str, out: Frame) -> None:
    work = m.works.get(spec_id)
    limit = work.terms.failures_max if work is not None else None
    spec = m.versions.spec(spec_id, version)
    if work is None or limit is None or spec is None or is_replaced(spec, work.action.spec):
        return
    deployment = work.deployment
    count = deployment.failures[spec_id] = deployment.failures.get(spec_id, 0) + 1
    if count >= limit:
        fail(m, deployment, f"new instances of {spec_id} have ended {count} times", out)
    else:
        _keep(m, deployment, out)


@table.on(DeadlineDue)
def deadline_due(m: Marathon, event: Event, out: Frame) -> None:
    """It has failed."""
    deployment = m.deployments[event.body.deployment_id]
    fail(m, deployment, "it was not over in time", out)


def fail(m: Marathon, deployment: Deployment, why: str, out: Frame) -> None:
    """It has stopped where it was, or what it has changed is being changed back."""
    plan, step = deployment.show_plan(), deployment.show_step()
    is_taken_back = any(deployment.terms_of(spec).is_taken_back for spec in deployment.specs)
    out.change(words.DeploymentChanged("step_failure", deployment.id, plan, step, why))
    steps.cancel(m, deployment, out, why)
    if is_taken_back:
        rollback.start(m, deployment, out)


@table.on(words.Continue)
def go_on(m: Marathon, event: Event, out: Frame) -> None:
    """The rest follows the canaries."""
    deployment = m.deployments.get(event.body.id)
    if deployment is None:
        out.reply = Refused(404, f"DeploymentPlan {event.body.id} does not exist")
    elif not deployment.held:
        out.reply = Refused(409, f"DeploymentPlan {event.body.id} does not wait for anybody")
    else:
        for spec_id in deployment.held:
            _approve(m, deployment, spec_id, out)


@table.on(MoreDue)
def more_due(m: Marathon, event: Event, out: Frame) -> None:
    """What was too much for one frame goes on."""
    spec_id = event.body.spec_id
    steps.look_again(m, m.works[spec_id].deployment, spec_id, out)


@table.on(CanaryDue)
def canary_due(m: Marathon, event: Event, out: Frame) -> None:
    """Likewise, since they have been up for long enough."""
    spec_id = event.body.spec_id
    _approve(m, m.works[spec_id].deployment, spec_id, out)


def _approve(m: Marathon, deployment: Deployment, spec_id: PathId, out: Frame) -> None:
    deployment.approved[spec_id] = None
    _keep(m, deployment, out)
    steps.look_again(m, deployment, spec_id, out)


def _keep(m: Marathon, deployment: Deployment, out: Frame) -> None:
    m.keep(f"{records.DEPLOYMENT}{deployment.id}", deployment.record(), out)
