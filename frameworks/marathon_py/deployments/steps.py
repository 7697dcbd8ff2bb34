"""Plans carried out, step by step: whenever instances have changed, it is looked what can be done now.

=========  ==========================================================  ==========================================
action     does                                                        is done when
=========  ==========================================================  ==========================================
Stop       ends all instances                                          there are none
Start      nothing: it is there so that people see what is new         at once
Scale      ends those that are too many, or starts those that are      the number is right, nothing is leaving,
           missing; whatever version they have                         and what was started is healthy and ready
Restart    replaces those of former versions (``rollout``)             all are new, healthy and ready
=========  ==========================================================  ==========================================

An app or a pod is locked while a deployment is about it: only that adds instances, and takes them away. What is to be
done with thousands of them is done in several frames: each decides anew, so that anything may come in between.
Source: mesosphere/marathon .../core/deployment/impl/DeploymentActor.scala.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.broken import of_record
from frameworks.marathon_py.deployments import records
from frameworks.marathon_py.deployments.deployment import Deployment, Work, restored
from frameworks.marathon_py.deployments.dues import CanaryDue, DeadlineDue, MoreDue
from frameworks.marathon_py.deployments.plan import Action, Kind, Plan
from frameworks.marathon_py.deployments.rollout import Bounds, Counts, decide
from frameworks.marathon_py.deployments.standing import COUNTED, OLD_ACTIVE, Census, Standing
from frameworks.marathon_py.instances import kills, updates
from frameworks.marathon_py.instances.instance import Goal, Instance, spec_of
from frameworks.marathon_py.instances.scale import SLICE
from frameworks.marathon_py.instances.victims import victims
from frameworks.marathon_py.launching import queue
from mesos_py.machine.frame import Frame
from mesos_py.machine.values import MILLISECOND, seconds

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon
    from frameworks.marathon_py.definitions.paths import PathId

CANCELLED = "The upgrade has been cancelled"
PAUSE = 20 * MILLISECOND  # between slices: an answer waits until all that was done before is kept


def add(m: Marathon, plan: Plan, out: Frame, is_rollback: bool = False) -> Deployment:
    """It is there, and its apps and pods are locked; an empty one is kept nowhere."""
    deployment = Deployment(m.uuid4(), plan, out.now, is_rollback=is_rollback)
    if plan.steps:
        _lock(m, deployment)
        m.keep(f"{records.DEPLOYMENT}{deployment.id}", deployment.record(), out)
    return deployment


def restore(m: Marathon) -> None:
    """Those of a predecessor are there: what they are about is nobody else's. Raises NotUnderstood."""
    deployments = []
    for name, contents in m.records.items():
        if name.startswith(records.DEPLOYMENT):
            with of_record(name):
                deployments.append(restored(contents, m.versions.roots))
    for deployment in sorted(deployments, key=lambda one: one.version):
        _lock(m, deployment)


def resume(m: Marathon, out: Frame) -> None:
    """They go on."""
    for deployment in list(m.deployments.values()):
        begin(m, deployment, out)


def _lock(m: Marathon, deployment: Deployment) -> None:
    m.deployments[deployment.id] = deployment
    m.locked.update(dict.fromkeys(deployment.plan.affected, deployment.id))
    m.taken_up.update(deployment.plan.affected)
    if deployment.deadline is not None:
        m.timers.set(("deadline", deployment.id), deployment.deadline, DeadlineDue(deployment.id))


def cancel(m: Marathon, deployment: Deployment, out: Frame, why: str = CANCELLED) -> None:
    """It ends where it is. What there is too much, or too little, is not looked at before the next periodic check."""
    _leave(m, deployment, out)
    out.change(words.DeploymentChanged("failed", deployment.id, deployment.show_plan(), reason=why))


def _leave(m: Marathon, deployment: Deployment, out: Frame) -> None:
    if m.deployments.pop(deployment.id, None) is None:
        return
    m.timers.cancel(("deadline", deployment.id))
    for spec_id in list(deployment.works):
        _put_down(m, deployment, spec_id)
    for spec_id in deployment.plan.affected:
        del m.locked[spec_id]
    m.keep(f"{records.DEPLOYMENT}{deployment.id}", None, out)


def begin(m: Marathon, deployment: Deployment, out: Frame) -> None:
    """Its next step is under way, or the one after that if there is nothing to wait for, or it has succeeded."""
    plan = deployment.show_plan()
    while not deployment.works:
        if deployment.current:
            out.change(words.DeploymentChanged("step_success", deployment.id, plan, deployment.show_step()))
        if deployment.current == len(deployment.plan.steps):
            _leave(m, deployment, out)
            m.recounted.update(deployment.plan.affected)  # what has happened meanwhile was nobody else's business
            out.change(words.DeploymentChanged("success", deployment.id, plan))
            return
        deployment.current += 1
        out.change(words.DeploymentChanged("info", deployment.id, plan, deployment.show_step()))
        for action in deployment.step:
            _take_up(m, deployment, action, out)
        for work in list(deployment.works.values()):
            _go_on(m, work, out)


def _take_up(m: Marathon, deployment: Deployment, action: Action, out: Frame) -> None:
    census = Census.of(action.spec, m.of(action.spec_id))
    work = Work(deployment, action, census, deployment.terms_of(action.spec), waits=deployment.is_resumed)
    deployment.works[action.spec_id] = m.works[action.spec_id] = work
    if action.kind in (Kind.STOP, Kind.RESTART):
        queue.clear(m, action.spec_id, out.now)  # whatever it has failed for before is another story
    if action.kind is Kind.STOP:
        work.doomed = m.of(action.spec_id)


def settle(m: Marathon, out: Frame) -> None:
    """What has become of instances in this frame is seen by whoever works on them."""
    if not m.works:
        return
    moved: dict[str, Work] = {}
    for name in m.touched:
        instance = m.instances.get(name)
        spec_id = instance.spec_id if instance is not None else spec_of(name)
        work = m.works.get(spec_id) if spec_id is not None else None
        if work is not None and work.census.look(name, instance):
            moved[work.action.spec_id] = work
    for work in moved.values():
        _go_on(m, work, out)
    for deployment in {work.deployment.id: work.deployment for work in moved.values()}.values():
        if not deployment.works:
            begin(m, deployment, out)


def look_again(m: Marathon, deployment: Deployment, spec_id: PathId, out: Frame) -> None:
    """What is done about the spec goes on, since it may do more than before."""
    _go_on(m, m.works[spec_id], out)
    if not deployment.works:
        begin(m, deployment, out)


def _go_on(m: Marathon, work: Work, out: Frame) -> None:
    """Whatever can be done now is; if that was all, it is no longer under way."""
    if ("more", work.action.spec_id) in m.timers:
        return  # this frame has done enough, or another one is about to go on
    if _DO[work.action.kind](m, work, out):
        _put_down(m, work.deployment, work.action.spec_id)


def _put_down(m: Marathon, deployment: Deployment, spec_id: PathId) -> None:
    del m.works[spec_id], deployment.works[spec_id]
    m.timers.cancel(("canary", spec_id))
    m.timers.cancel(("more", spec_id))


# ---- actions: each does what can be done now, and tells whether it is done


def _stop(m: Marathon, work: Work, out: Frame) -> bool:
    doomed, work.doomed = work.doomed[:SLICE], work.doomed[SLICE:]
    for instance in doomed:
        if instance.id in m.instances:
            kills.wipe(m, instance, out)
            _look(m, work, instance)
    if work.doomed:
        _go_on_soon(m, work, out)
    if work.action.spec_id in m.of_spec:
        return False
    out.change(words.SpecGone(work.action.spec_id))
    return True


def _start(m: Marathon, work: Work, out: Frame) -> bool:
    return True


def _scale(m: Marathon, work: Work, out: Frame) -> bool:
    spec, census = work.action.spec, work.census
    surplus = census.count(*COUNTED) - spec.instances
    for instance in _victims(m, work, surplus):
        _end(m, work, instance, out)
    _add(m, work, min(-surplus, SLICE), out)
    if abs(surplus) > SLICE:
        _go_on_soon(m, work, out)
    if census.count(*COUNTED) != spec.instances or census.count(Standing.LEAVING):
        return False
    coming = census.by_standing[Standing.NEW].values()
    return not work.waits or not any(one.spec.version == spec.version for one in coming)


def _victims(m: Marathon, work: Work, surplus: int) -> list[Instance]:
    """Those that end in this frame. Who else is to end is known from the first frame on: to choose among thousands is
    what takes long, and who was named was so in that frame only."""
    left = [one for one in work.doomed if m.instances.get(one.id) is one and one.goal is Goal.RUNNING]
    if surplus > len(left):
        left = victims(work.action.spec, work.census.all(*COUNTED), surplus)
    count = min(max(0, surplus), SLICE)
    work.doomed = left[count:surplus] if surplus > count else []
    return left[:count]


def _restart(m: Marathon, work: Work, out: Frame) -> bool:
    census = work.census
    down = census.all(Standing.OLD_LOST, Standing.OLD_DOWN)
    for instance in down[:SLICE]:
        _end(m, work, instance, out)
    bounds, canaries, left = Bounds.of(work.action.spec), _canaries(work), SLICE - len(down)
    while left > 0:
        decision = decide(bounds, _counts(census), canaries)
        worst = chain.from_iterable(list(census.by_standing[one].values()) for one in OLD_ACTIVE)
        for instance in islice(worst, min(decision.stop_old, left)):
            _end(m, work, instance, out)
        for instance in _surplus(work, min(decision.stop_new, left)):
            _end(m, work, instance, out)
        _add(m, work, min(decision.start, left), out)
        done = decision.stop_old + decision.stop_new + decision.start
        if not done:
            _hold(m, work, canaries is not None and census.count(Standing.NEW_UP) >= canaries, out)
            return decision.is_done
        left -= done
    _go_on_soon(m, work, out)
    return False


def _go_on_soon(m: Marathon, work: Work, out: Frame) -> None:
    """What is left is done when others have had their turn."""
    spec_id = work.action.spec_id
    m.timers.set(("more", spec_id), out.now + PAUSE, MoreDue(spec_id))


def _surplus(work: Work, count: int) -> list[Instance]:
    """So many of the new ones: those that are not up, before those that are."""
    spec, census = work.action.spec, work.census
    coming = victims(spec, census.all(Standing.NEW), count) if count else []
    up = victims(spec, census.all(Standing.NEW_UP), count - len(coming)) if count > len(coming) else []
    return [*coming, *up]


def _canaries(work: Work) -> int | None:
    """As many new instances as there may be for the time being; None: as many as there are to be."""
    count, spec = work.terms.canaries, work.action.spec
    is_all = count is None or count >= spec.instances
    return None if is_all or work.action.spec_id in work.deployment.approved else count


def _hold(m: Marathon, work: Work, is_held: bool, out: Frame) -> None:
    """Its canaries are up, or it has none or not enough; what has been up for long enough is no longer held."""
    key, after_s = ("canary", work.action.spec_id), work.terms.canary_s
    work.is_held = is_held
    if not is_held:
        m.timers.cancel(key)
    elif after_s is not None and key not in m.timers:
        m.timers.set(key, out.now + seconds(after_s), CanaryDue(work.action.spec_id))


_DO = {Kind.STOP: _stop, Kind.START: _start, Kind.SCALE: _scale, Kind.RESTART: _restart}


def _counts(census: Census) -> Counts:
    return Counts(
        old=census.count(*OLD_ACTIVE), new=census.count(Standing.NEW, Standing.NEW_UP),
        new_up=census.count(Standing.NEW_UP), leaving=census.count(Standing.LEAVING),
    )  # fmt: skip


def _end(m: Marathon, work: Work, instance: Instance, out: Frame) -> None:
    kills.stop(m, instance, out)
    _look(m, work, instance)


def _add(m: Marathon, work: Work, count: int, out: Frame) -> None:
    """So many more are there; first those of residents that are stopped, with their data."""
    if count <= 0:
        return
    spec = work.action.spec
    stopped = [one for one in work.census.all(Standing.AWAY) if one.goal is Goal.STOPPED]
    for instance in stopped[:count]:
        instance.spec = spec
        m.want(instance, Goal.RUNNING, out)
        updates.reschedule(m, instance, out)
        _look(m, work, instance)
    for _ in range(count - len(stopped)):
        _look(m, work, m.add(spec, out))
    work.waits = True


def _look(m: Marathon, work: Work, instance: Instance) -> None:
    work.census.look(instance.id, m.instances.get(instance.id))
