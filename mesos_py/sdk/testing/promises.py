"""What a framework owes to those it shares a cluster with, judged by what its program says and hears.

===================  ==================================================================================================
acknowledges         every update that has a uuid, within half a minute of hearing it
answers offers       accepts or declines each within five minutes, unless it is rescinded
heeds rescinds       accepts no offer of which it has heard, a second ago or more, that it is gone, and none that it has
                     used or given back
uses what is offered accepts no offer that it was never made, and launches on the agent that the offer is of
launches well        launches nothing that masters call an error: no more than there is, on no agent that is not there
launches once        uses no task id a second time
makes up             launches something after tasks were lost, once nothing breaks any more, or comes to its end
keeps its id         subscribes again as who it was, whatever became of it, until it is told that it was removed
reconciles           asks for the tasks that it has under way, within half a minute of every subscription
notices silence      leaves a connection on which it has heard nothing for much more than five heartbeats
backs off            does not subscribe more often than twenty times in ten seconds
makes sense          makes no call that cannot be understood
does not fail        its program ends only because it is done, or because another instance has taken over
settles              once nothing breaks any more, it is subscribed, and nothing is lost, owed or left over
===================  ==================================================================================================

The first breach of each is kept. What a stopped program, or one without a connection, does not do is not held against
it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs

from mesos_py.machine.values import SECOND, Nanos
from mesos_py.sdk.session.calls import launched_by
from mesos_py.sdk.testing.host import SimLink
from mesos_py.sdk.testing.program import Program
from mesos_py.wire.ids import AgentID, FrameworkID, OfferID, TaskID
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.task import TaskState, TaskStatus

ACKNOWLEDGED_WITHIN: Nanos = 30 * SECOND
ANSWERED_WITHIN: Nanos = 300 * SECOND
RESCINDED_WITHIN: Nanos = SECOND  # what was said before, and is still being written down, is said
RECONCILED_WITHIN: Nanos = 30 * SECOND
SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_WITHIN = 20, 10 * SECOND
LOST_FOR: Nanos = 60 * SECOND  # before anybody asks what comes of it
SILENT_AT_MOST: Nanos = 105 * SECOND  # five heartbeats are 75 s; whoever was stopped may need a while

PROMISES = (
    "acknowledges", "answers offers", "heeds rescinds", "uses what is offered", "launches well", "launches once",
    "makes up", "keeps its id", "reconciles", "notices silence", "backs off", "makes sense", "does not fail", "settles",
)  # fmt: skip

#: ends that are nobody's doing: the task may never have begun, and is to be launched again
LOSSES = (
    TaskState.TASK_LOST, TaskState.TASK_DROPPED, TaskState.TASK_GONE, TaskState.TASK_GONE_BY_OPERATOR,
    TaskState.TASK_UNKNOWN,
)  # fmt: skip

#: what became of offers
GONE, GIVEN_BACK, USED = "is gone, as it has heard", "it has given back", "it has used already"

_Name = tuple[FrameworkID | None, TaskID]


@attrs.frozen
class Breach:
    """A promise that was not kept: which, when, and how."""

    promise: str
    at_s: float
    text: str


@attrs.define(eq=False)
class _Duties:
    """What is owed on one connection, and since when."""

    updates: dict[bytes, tuple[Nanos, str]] = attrs.Factory(dict)
    offers: dict[OfferID, Nanos] = attrs.Factory(dict)
    #: tasks to ask for
    tasks: dict[TaskID, Nanos] = attrs.Factory(dict)
    #: when anything was heard last, or nothing could be
    heard_at: Nanos = 0


class Promises:
    """Judges one program; see ``program.Judge``."""

    def __init__(self, clock: Callable[[], Nanos]) -> None:
        self._clock = clock
        self.breaches: dict[str, Breach] = {}
        self._duties: dict[SimLink, _Duties] = {}
        #: every one that was ever made, and of which agent
        self._offered: dict[OfferID, AgentID] = {}
        #: since when, and how that came
        self._gone: dict[OfferID, tuple[Nanos, str]] = {}
        #: by framework: one that has lost everything is another one
        self._launched: dict[_Name, None] = {}
        self._killed: dict[_Name, None] = {}
        #: lost, or out of reach and perhaps lost, and nothing was launched since; those after which something was
        self._lost: dict[_Name, tuple[Nanos, str]] = {}
        self._away: dict[_Name, None] = {}
        self._made_up: dict[_Name, None] = {}
        self._attempts: deque[Nanos] = deque(maxlen=SUBSCRIPTIONS_MAX + 1)

    def breach(self, promise: str, text: str) -> None:
        assert promise in PROMISES
        self.breaches.setdefault(promise, Breach(promise, self._clock() / SECOND, text))

    # ---- what is said

    def said(self, program: Program, link: SimLink, call: Call) -> None:
        duties = self._duties.get(link, _Duties())
        if call.subscribe is not None:
            self._subscribes(program, call)
        if call.acknowledge is not None:
            duties.updates.pop(call.acknowledge.uuid, None)
        if call.decline is not None:
            for offer_id in call.decline.offer_ids:
                duties.offers.pop(offer_id, None)
                self._gone[offer_id] = (-RESCINDED_WITHIN, GIVEN_BACK)
        if call.kill is not None:
            self._killed[program.framework_id, call.kill.task_id] = None
        if call.accept is not None:
            self._accepts(program, duties, call.accept)
        if call.reconcile is not None:
            asked = [task.task_id for task in call.reconcile.tasks]
            for task_id in asked or list(duties.tasks):
                duties.tasks.pop(task_id, None)

    def _subscribes(self, program: Program, call: Call) -> None:
        now = self._clock()
        if program.framework_id is not None and call.framework_id != program.framework_id:
            who = f"as {call.framework_id}" if call.framework_id else "without an id"
            self.breach("keeps its id", f"it is {program.framework_id}, and subscribes {who}")
        self._attempts.append(now)
        if len(self._attempts) > SUBSCRIPTIONS_MAX and now - self._attempts[0] < SUBSCRIPTIONS_WITHIN:
            self.breach("backs off", f"it subscribes {SUBSCRIPTIONS_MAX} times in {_ago(now, self._attempts[0])}")

    def _accepts(self, program: Program, duties: _Duties, accept: Call.Accept) -> None:
        agents: dict[AgentID, None] = {}
        for offer_id in accept.offer_ids:
            duties.offers.pop(offer_id, None)
            agent_id = self._offered.get(offer_id)
            if agent_id is None:
                self.breach("uses what is offered", f"it accepts {offer_id}, which it was never offered")
            else:
                agents[agent_id] = None
            gone_at, how = self._gone.get(offer_id, (self._clock(), ""))
            if self._clock() - gone_at > RESCINDED_WITHIN:
                self.breach("heeds rescinds", f"it accepts {offer_id}, which {how}")
            self._gone[offer_id] = (-RESCINDED_WITHIN, USED)
        for task in launched_by(accept.operations):
            if agents and task.agent_id not in agents:
                where = f"on {task.agent_id}, with an offer of {' and '.join(agents)}"
                self.breach("uses what is offered", f"it launches {task.task_id} {where}")
            name = (program.framework_id, task.task_id)
            if name in self._launched:
                self.breach("launches once", f"it launches {task.task_id} again")
            self._launched[name] = None
            self._makes_up()

    def _makes_up(self) -> None:
        """Something is launched: how much of what was lost it still needs is its own to know."""
        self._made_up |= dict.fromkeys([*self._lost, *self._away])
        self._lost.clear()
        self._away.clear()

    # ---- what is heard

    def heard(self, program: Program, link: SimLink, event: Event) -> None:
        now = self._clock()
        if event.subscribed is not None:
            under_way = {record.id: now for record in program.open_records()}
            self._duties[link] = _Duties(tasks=under_way)
        duties = self._duties.get(link, _Duties())
        duties.heard_at = now
        if event.offers is not None:
            duties.offers.update((offer.id, now) for offer in event.offers.offers)
            self._offered.update((offer.id, offer.agent_id) for offer in event.offers.offers)
        if event.rescind is not None:
            duties.offers.pop(event.rescind.offer_id, None)
            self._gone[event.rescind.offer_id] = (now, GONE)
        if event.update is not None:
            status = event.update.status
            duties.tasks.pop(status.task_id, None)
            if status.uuid is not None:
                duties.updates.setdefault(status.uuid, (now, f"{status.state.name} of {status.task_id}"))
            self._task_is(program, status)

    def _task_is(self, program: Program, status: TaskStatus) -> None:
        name = (program.framework_id, status.task_id)
        if status.state is TaskState.TASK_ERROR:
            self.breach("launches well", f"it launches {status.task_id}, and is told: {status.message}")
        if name not in self._launched or name in self._killed or name in self._made_up:
            return
        if status.state in LOSSES:
            self._away.pop(name, None)
            self._lost.setdefault(name, (self._clock(), status.state.name))
        elif status.state is TaskState.TASK_UNREACHABLE:
            self._away[name] = None
        else:
            self._away.pop(name, None)
            self._lost.pop(name, None)

    def answered(self, program: Program, link: SimLink, call: Call, status: int, text: str) -> None:
        if status == 400 and "validate" in text:
            self.breach("makes sense", f"{call.type.name if call.type else 'a call'} is refused: {text}")

    def lost(self, program: Program, link: SimLink) -> None:
        """Its offers are gone, and the program knows."""
        duties = self._duties.pop(link, None)
        if duties is not None:
            self._gone.update(dict.fromkeys(duties.offers, (self._clock(), GONE)))

    # ---- what is not done

    def look(self, program: Program) -> None:
        """Now and then: is anything overdue?"""
        now = self._clock()
        for link in list(self._duties):
            if link not in program.links:
                del self._duties[link]
                continue
            duties = self._duties[link]
            for since, what in duties.updates.values():
                if now - since > ACKNOWLEDGED_WITHIN:
                    self.breach("acknowledges", f"it has heard {what} {_ago(now, since)} ago")
            for offer_id, since in duties.offers.items():
                if now - since > ANSWERED_WITHIN:
                    self.breach("answers offers", f"it has {offer_id} since {_ago(now, since)}")
            for task_id, since in duties.tasks.items():
                if now - since > RECONCILED_WITHIN:
                    self.breach("reconciles", f"it has not asked for {task_id} in {_ago(now, since)}")
            if program.is_stopped or not link.is_silent:
                duties.heard_at = now
            elif now - duties.heard_at > SILENT_AT_MOST:
                silent = _ago(now, duties.heard_at)
                self.breach("notices silence", f"it has heard nothing for {silent}, not even a heartbeat, and stays")
        for error in program.errors:
            if type(error).__name__ not in ("FailedOver", "Fenced"):
                self.breach("does not fail", f"{type(error).__name__}: {error}")

    # ---- in the end

    def owed(self, program: Program) -> dict[TaskID, str]:
        """Tasks that were lost a while ago and after which nothing was launched, and their states; none if it has ended
        itself."""
        if program.has_ended:
            return {}
        until = self._clock() - LOST_FOR
        lost = self._lost.items()
        return {name[1]: state for name, (at, state) in lost if name[0] == program.framework_id and at <= until}

    def conclude(self, program: Program) -> None:
        """All is well, and it had time."""
        left = self.owed(program)
        if left:
            task_id, state = next(iter(left.items()))
            more = f", like {len(left) - 1} more," if len(left) > 1 else ""
            text = f"it has heard that {task_id}{more} is lost ({state}), and has launched nothing since"
            self.breach("makes up", text)


def _ago(now: Nanos, since: Nanos) -> str:
    return f"{(now - since) / SECOND:.0f} s"
