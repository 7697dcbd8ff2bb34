"""Whoever finds nothing must be shown to be able to find something: planted bugs, and the invariants that see them.

A sabotage changes frames on their way out of a core: a word is swallowed, doubled or altered, as if its handler had
been written wrongly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from mesos_py.agent import changes as agent_changes
from mesos_py.agent import words
from mesos_py.agent.checkpoint import facts
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.flags import Rate
from mesos_py.machine.frame import Frame, Send
from mesos_py.machine.problem import Problem
from mesos_py.master import changes, registry
from mesos_py.sim.agents import AgentProcess
from mesos_py.sim.behaviour import Behaviour
from mesos_py.sim.book import Workload
from mesos_py.sim.cluster import Sabotage
from mesos_py.sim.faults import LEADER
from mesos_py.sim.masters import MasterProcess
from mesos_py.sim.observe import is_agent, is_master
from mesos_py.sim.plan import Plan, draw
from mesos_py.sim.run import run
from mesos_py.wire import internal
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus
from tests.sim.scenarios import fault, framework, plan

SEEDS_MAX = 40


def swallow(of: Callable[[str], bool], which: Callable[[Any], bool]) -> Sabotage:
    """Words are never said."""

    def sabotage(process: str, frame: Frame) -> None:
        if of(process):
            frame.sends = [word for word in frame.sends if not (isinstance(word, Send) and which(word.message))]

    return sabotage


def updates_once() -> Sabotage:
    """An agent says every update once, whoever hears it."""
    said: dict[bytes, None] = {}

    def is_again(message: Any) -> bool:
        if not isinstance(message, internal.StatusUpdate):
            return False
        uuid = message.status.uuid or b""
        if uuid in said:
            return True
        said[uuid] = None
        return False

    return swallow(is_agent, is_again)


def says_running_again(process: str, frame: Frame) -> None:
    """A master that answers what it is asked about with what was true before."""
    for index, word in enumerate(frame.sends):
        if isinstance(word, Send) and isinstance(word.message, Event) and word.message.update is not None:
            status = word.message.update.status
            if status.reason is TaskStatus.Reason.REASON_RECONCILIATION and status.state is not TaskState.TASK_RUNNING:
                wrong = evolve(status, state=TaskState.TASK_RUNNING)
                frame.sends[index] = Send(word.peer, evolve(word.message, update=Event.Update(status=wrong)))


def keeps_offers(process: str, frame: Frame) -> None:
    """A master that forgets that an offer has ended, and so offers it beside its tasks."""
    ends = (changes.OfferEnded,)
    frame.changes = [change for change in frame.changes if not isinstance(change, ends)]


def shuts_down_early(process: str, frame: Frame) -> None:
    """A master that ends a framework as soon as it is away."""
    gone = [change for change in frame.changes if isinstance(change, changes.FrameworkDisconnected)]
    frame.changes += [changes.FrameworkRemoved(one.framework_id, one.framework) for one in gone]


def launches_twice(process: str, frame: Frame) -> None:
    """A master that says each launch twice; its agents do not mind."""
    if is_master(process):
        said = [word for word in frame.sends if isinstance(word, Send)]
        frame.sends += [word for word in said if isinstance(word.message, internal.RunTask)]


def keeps_nothing_of_the_lost(process: str, frame: Frame) -> None:
    """A master that gives agents up and does not write it down."""
    frame.writes = [write for write in frame.writes if not isinstance(write, registry.MarkAgentUnreachable)]


def forgets_kills(process: str, frame: Frame) -> None:
    """A master that does not repeat kills to agents that are back."""
    if any(isinstance(change, changes.AgentUpdated) for change in frame.changes):
        frame.sends = [
            word for word in frame.sends if not (isinstance(word, Send) and isinstance(word.message, internal.KillTask))
        ]


SABOTAGES: dict[str, tuple[Callable[[], Sabotage], tuple[str, ...]]] = {
    "an agent never repeats an update": (updates_once, ("I4", "I5", "I11")),
    "a launch is lost between master and agent": (
        lambda: swallow(is_master, lambda message: isinstance(message, internal.RunTask)), ("I5", "I11"),
    ),
    "nobody answers for tasks an agent lost": (
        lambda: swallow(is_master, lambda message: isinstance(message, internal.AgentReregistered)),
        ("I4", "I5", "I11"),
    ),
    "a framework's end is kept from agents": (
        lambda: swallow(is_master, lambda message: isinstance(message, internal.ShutdownFramework)), ("I1", "I12"),
    ),
    "kills are kept from agents": (
        lambda: swallow(is_master, lambda message: isinstance(message, internal.KillTask)), ("I11", "I12"),
    ),
    "refusals of stale offers are not told": (
        lambda: swallow(
            is_master,
            lambda message: isinstance(message, Event) and message.update is not None
            and message.update.status.reason is TaskStatus.Reason.REASON_INVALID_OFFERS,
        ), ("I2",),
    ),
    "reconciliation tells what was true before": (lambda: says_running_again, ("I3", "I5", "I11")),
    "offers outlive their end": (lambda: keeps_offers, ("I1", "I7")),
    "nobody hears that an offer is taken back": (
        lambda: swallow(is_master, lambda message: isinstance(message, Event) and message.rescind is not None), ("I2",),
    ),
    "launches are said twice": (lambda: launches_twice, ("I1",)),
    "that an agent is lost is not kept": (lambda: keeps_nothing_of_the_lost, ("I5",)),
    "a framework is removed too early": (lambda: shuts_down_early, ("I8",)),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_planted_bugs_are_found(name: str) -> None:
    """Within a few seeds, by the invariant that names it."""
    make, invariants = SABOTAGES[name]
    for seed in range(SEEDS_MAX):
        # The core is not what is wrong here: it need not be checked.
        report = run(attrs.evolve(draw(seed), check_every=1_000), make())
        if report.violation is not None:
            assert any(invariant in report.signature for invariant in invariants), report.text()
            return
    pytest.fail(f"nobody noticed in {SEEDS_MAX} seeds")


def speaks_on(process: MasterProcess | AgentProcess) -> None:
    """It does not look at its lease before it speaks."""
    if isinstance(process, MasterProcess):
        process.driver._may_act = lambda: True


def test_a_deposed_leader_that_speaks_on_is_found() -> None:
    """I6: a leader that was stopped beyond its session and does not look at the clock before it goes on."""
    stops = tuple(fault(25.0 * number, "stop master", LEADER, 15) for number in range(1, 5))
    report = run(plan(*stops, masters=3, has_zookeeper=True), tamper=speaks_on)
    assert report.signature.startswith("Violation I6"), report.text()
    assert run(plan(*stops, masters=3, has_zookeeper=True)).violation is None


def speaks_first(process: MasterProcess | AgentProcess) -> None:
    """It does not wait for its store."""
    if isinstance(process, MasterProcess):
        process.driver._store = None


def set_options(**other: Any) -> Callable[[MasterProcess | AgentProcess], None]:
    """Masters that have not heard what they were told to be like."""

    def tamper(process: MasterProcess | AgentProcess) -> None:
        if isinstance(process, MasterProcess):
            process.core.options = attrs.evolve(process.core.options, **other)

    return tamper


def gives_up_at_once(process: MasterProcess | AgentProcess) -> None:
    """It does not keep to the limit of removals."""
    if isinstance(process, MasterProcess):
        process.core.removals._pause = 0


AWAY = tuple(fault(20.0 + number, "stop agent", f"a{number}", 100.0) for number in range(2))

#: what is wrong with every master, a plan that shows it, and how the violation begins
TAMPERED: dict[str, tuple[Callable[[MasterProcess | AgentProcess], None], Plan, str]] = {
    "words leave before facts are kept": (speaks_first, plan(), "I5: master-m0.1 says "),
    "agents are given up too early": (
        set_options(max_agent_ping_timeouts=1), plan(AWAY[0]), "I7: master-m0.1-S0 is given up after ",
    ),
    "agents are given up too fast": (gives_up_at_once, plan(*AWAY, removals=Rate(1, 60), duration_s=200.0), "I7: "),
    "agents of an earlier master are given up too early": (
        set_options(agent_reregister_timeout_s=60.0),
        plan(fault(20.0, "restart agent", "a0", 150.0), fault(21.0, "restart master", "m0", 1.0), duration_s=200.0),
        "I7: master-m0.1-S0 is given up after ",
    ),
    "offers are good for ever": (
        set_options(offer_timeout_s=None),
        plan(offer_timeout_s=5.0, frameworks=(framework(behaviour=Behaviour(target=3, hoards=1.0)),)),
        "I2: offer master-m0.1-O",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERED)
def test_masters_that_keep_to_nothing_are_found(name: str) -> None:
    """By what they say and when, whatever comes of it."""
    tamper, made, begins = TAMPERED[name]
    report = run(attrs.evolve(made, check_every=1_000), tamper=tamper)
    assert report.violation is not None
    assert f"Violation: {begins}" in report.violation, report.text()
    assert run(made).violation is None


def obeys_everybody(process: str, frame: Frame) -> None:
    """A master that does not refuse what an old instance of a framework says."""
    if isinstance(frame.reply, Problem):
        frame.reply = None


def reports_nothing(process: str, frame: Frame) -> None:
    """An agent that forgets its tasks when it registers again."""
    for index, word in enumerate(frame.sends):
        if isinstance(word, Send) and isinstance(word.message, internal.ReregisterAgent):
            frame.sends[index] = Send(word.peer, evolve(word.message, tasks=()))


def is_lost(message: Any) -> bool:
    """A word about a task whose agent is away."""
    reason = TaskStatus.Reason.REASON_AGENT_DISCONNECTED
    return isinstance(message, Event) and message.update is not None and message.update.status.reason is reason


RESTARTS = tuple(fault(10.0 * number, "restart agent", f"a{number % 2}", 8.0) for number in range(1, 11))
KILLS = framework(behaviour=Behaviour(target=6, kill_every_s=5.0))

#: what is wrong, a plan that shows it, and what is said of it
SHOWN: dict[str, tuple[Sabotage, Plan, str]] = {
    "kills are forgotten": (forgets_kills, plan(*RESTARTS, frameworks=(KILLS,)), "is to be killed, its agent"),
    "tasks that are lost are not told": (
        swallow(is_master, is_lost), plan(*RESTARTS, frameworks=(framework(checkpoint=False),)),
        "is forgotten, and the last that was told of it is",
    ),
    "an agent reports nothing": (reports_nothing, plan(*RESTARTS), "registers again without a word of"),
    "an old instance is obeyed": (obeys_everybody, plan(fault(30.0, "rival", "f0")), "is obeyed, but its framework's"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_bugs_are_found_where_they_are(name: str) -> None:
    """At the event that shows them, whether or not anything comes of it."""
    sabotage, made, text = SHOWN[name]
    report = run(attrs.evolve(made, check_every=1_000), sabotage)
    assert report.violation is not None
    assert text in report.violation, report.text()
    assert run(made).violation is None


def forgets(*kinds: type) -> Sabotage:
    """An agent that does not keep facts of these kinds."""

    def sabotage(process: str, frame: Frame) -> None:
        if is_agent(process):
            frame.writes = [write for write in frame.writes if not isinstance(write, kinds)]

    return sabotage


def launches_again() -> Sabotage:
    """An agent that launches what it has launched already, once it has been restarted."""
    launched: dict[str, ContainerSpec] = {}

    def sabotage(process: str, frame: Frame) -> None:
        if not is_agent(process):
            return
        for word in frame.sends:
            if isinstance(word, Send) and isinstance(word.message, words.LaunchContainer):
                launched[word.message.spec.container_id] = word.message.spec
        if any(isinstance(change, agent_changes.FrameworkAdded) for change in frame.changes) and not frame.writes:
            for spec in launched.values():
                again = attrs.evolve(spec, container_id=f"{spec.container_id}-again")
                frame.sends.append(Send(words.CONTAINERS, words.LaunchContainer(again)))

    return sabotage


def destroys_what_it_finds(process: str, frame: Frame) -> None:
    """An agent that, restarted, takes what runs for orphans."""
    if is_agent(process):
        for change in frame.changes:
            if isinstance(change, agent_changes.ExecutorAdded) and not frame.writes:
                frame.sends.append(Send(words.CONTAINERS, words.DestroyContainer(change.container_id)))


#: what is wrong with every agent, and which invariant sees it when agents are killed and started again
FORGETFUL: dict[str, tuple[Callable[[], Sabotage], str]] = {
    "updates are not kept": (
        lambda: forgets(facts.UpdateReceived, facts.UpdatesAcknowledged, facts.UpdatesForgotten), "I4",
    ),
    "what was launched is launched again": (launches_again, "I12"),
    "what runs is taken for orphans": (lambda: destroys_what_it_finds, "I12"),
}


#: the same of containers that are launched over the API of agents
UNHOSTED: dict[str, Sabotage] = {
    "containers are not kept": forgets(facts.ContainerSaved),
    "that they were removed is not kept": forgets(facts.ContainerForgotten),
    "nothing is destroyed": lambda process, frame: frame.sends.__setitem__(
        slice(None), [word for word in frame.sends if not isinstance(word.message, words.DestroyContainer)]
    ),
}


@pytest.mark.parametrize("name", UNHOSTED)
def test_agents_that_lose_containers_of_their_api_are_found(name: str) -> None:
    """Each is killed four times while they come and go."""
    kills = tuple(fault(13.0 * number, "restart agent", f"a{number % 2}", 1.0) for number in range(1, 9))
    made = plan(*kills, guests_every_s=2.0, check_every=1_000)
    report = run(made, UNHOSTED[name])
    assert report.violation is not None
    assert "I12" in report.signature or "AssertionError" in report.signature, report.text()
    assert run(made).violation is None


@pytest.mark.parametrize("name", FORGETFUL)
def test_agents_that_forget_are_found(name: str) -> None:
    """Each is killed four times while tasks come and go, and its framework takes its time to acknowledge."""
    make, invariant = FORGETFUL[name]
    slow = Behaviour(target=6, kill_every_s=20.0, forgets=0.7)
    short = Workload(forever=0.4, run_max_s=30.0)
    kills = tuple(fault(13.0 * number, "restart agent", f"a{number % 2}", 1.0) for number in range(1, 9))
    made = plan(*kills, frameworks=(framework(behaviour=slow, workload=short),), check_every=1_000)
    report = run(made, make())
    assert report.violation is not None
    assert invariant in report.signature, report.text()
    assert run(made).violation is None
