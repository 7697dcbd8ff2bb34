"""Anyone's framework through the fault scenarios: which promises it keeps, and how to see one broken again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import attrs

from mesos_py.machine.values import SECOND
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.sdk.testing.cluster import Cluster, NotSettled
from mesos_py.sdk.testing.loop import run_simulated
from mesos_py.sdk.testing.promises import Breach, Promises
from mesos_py.sim import faults
from mesos_py.sim.fate import Fate
from mesos_py.sim.faults import LEADER, Fault
from mesos_py.wire.ids import AgentID, ExecutorID, OfferID
from mesos_py.wire.scheduler_api import Event
from mesos_py.wire.task import TaskInfo

HOST = "f0"
LOOK_EVERY_S = 1.0
DRAWN_WITHIN_S = 200.0
TOLD_EVERY_S = 7.0
MADE_UP_LOOKS = 300  # that long it may take to launch again what was lost
#: kinds of faults that are none of a framework's
ON_PURPOSE = ("tear down", "operator tears down", "kill everything")


@attrs.frozen(kw_only=True)
class Scenario:
    """What goes wrong in one trial."""

    name: str
    #: as in the list of faults that real systems failed at
    about: str
    faults: tuple[Fault, ...] = ()
    masters: int = 1
    offer_timeout_s: float | None = None
    duration_s: float = 400.0
    #: the master says now and then what it seldom does
    told: tuple[Event, ...] = ()
    #: the faults are drawn from the seed
    is_drawn: bool = False


def _fault(at_s: float, kind: str, host: str = LEADER, for_s: float = 0.0, draw: float = 0.5) -> Fault:
    return Fault(at_s=at_s, kind=kind, host=host, for_s=for_s, draw=draw)


#: what frameworks are told in other clusters than ours, or will be
SELDOM = (
    Event(type=Event.Type.UNKNOWN),
    Event(type=Event.Type.FAILURE, failure=Event.Failure(agent_id=AgentID("nobody's"), status=9)),
    Event(
        type=Event.Type.FAILURE,
        failure=Event.Failure(agent_id=AgentID("nobody's"), executor_id=ExecutorID("nobody's"), status=256),
    ),
    Event(
        type=Event.Type.MESSAGE,
        message=Event.Message(agent_id=AgentID("nobody's"), executor_id=ExecutorID("nobody's"), data=b"\xff"),
    ),
    Event(type=Event.Type.RESCIND, rescind=Event.Rescind(offer_id=OfferID("never made"))),
    Event(type=Event.Type.INVERSE_OFFERS, inverse_offers=Event.InverseOffers()),
    Event(
        type=Event.Type.RESCIND_INVERSE_OFFER,
        rescind_inverse_offer=Event.RescindInverseOffer(inverse_offer_id=OfferID("never made")),
    ),
)  # fmt: skip

SCENARIOS = (
    Scenario(name="calm", about="nothing goes wrong"),
    Scenario(name="seldom", about="it is told what it seldom is, and what nobody knows yet", told=SELDOM,
             offer_timeout_s=20.0),
    Scenario(name="F01", about="the leading master is killed, another one takes over", masters=3,
             faults=(_fault(10, "restart master", for_s=60), _fault(60, "restart master", for_s=60))),
    Scenario(name="F02", about="the only master is killed and started again",
             faults=(_fault(10, "restart master", for_s=20),)),
    Scenario(name="F03", about="the leading master is stopped for longer than its session", masters=3,
             faults=(_fault(10, "stop master", for_s=40),)),
    Scenario(name="F04", about="the leading master is cut off from ZooKeeper alone", masters=3,
             faults=(_fault(10, "cut off from zookeeper", for_s=60),)),
    Scenario(name="F05", about="ZooKeeper has no quorum for five minutes", masters=3, duration_s=600.0,
             faults=(_fault(10, "lose quorum", "z0", for_s=300),)),
    Scenario(name="F09", about="an agent is killed and started again",
             faults=(_fault(10, "restart agent", "a0", for_s=5), _fault(40, "restart agent", "a1", for_s=5))),
    Scenario(name="F10", about="a host is rebooted", faults=(_fault(15, "reboot host", "a0", for_s=30),)),
    Scenario(name="F13", about="an agent is out of reach for longer than it is waited for", duration_s=500.0,
             faults=(_fault(15, "partition", "a0", for_s=200),)),
    Scenario(name="F14", about="the framework hears nothing, or is not heard, for a while",
             faults=(_fault(15, "cut to", HOST, for_s=160), _fault(200, "cut from", HOST, for_s=100))),
    Scenario(name="F16", about="all hosts are rebooted at once",
             faults=tuple(_fault(5, "reboot host", f"a{number}", for_s=30) for number in range(3))),
    Scenario(name="F17", about="the framework is killed and started again in time",
             faults=(_fault(10, "restart framework", HOST, for_s=5), _fault(60, "restart framework", HOST, for_s=60))),
    Scenario(name="F18", about="the framework is started again with nothing kept",
             faults=(_fault(20, "replace framework", HOST, for_s=5),)),
    Scenario(name="F20", about="a second instance is started beside the first one",
             faults=(_fault(15, "rival", HOST), _fault(60, "rival", HOST))),
    Scenario(name="F24", about="offers are taken back all the time, and tasks die",
             offer_timeout_s=7.0, duration_s=500.0,
             faults=(_fault(15, "kill containers", "a0", draw=0.0), _fault(30, "lose host", "a1", for_s=100))),
    Scenario(name="F32", about="connections break again and again",
             faults=(_fault(5, "flap", HOST, draw=0.9), _fault(30, "reset", HOST, draw=0.7),
                     _fault(60, "flap", HOST, draw=0.6))),
    Scenario(name="drawn", about="whatever the seed makes of it", masters=3, duration_s=450.0, is_drawn=True),
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Trial:
    """What came of one scenario."""

    scenario: Scenario
    seed: int
    breaches: tuple[Breach, ...]
    tasks: int
    #: its program has come to its end
    has_ended: bool
    digest: str


def trial(make: Callable[[], Scheduler], scenario: Scenario, seed: int) -> Trial:
    """The framework that ``make`` makes, through ``scenario``. Raises Violation when it is the kernel that fails."""
    return run_simulated(_trial(make, scenario, seed), seed)


def _drawn(scenario: Scenario, seed: int) -> Scenario:
    """With up to two dozen faults of a few kinds, none of which an operator or the program itself would do."""
    rng = random.Random(f"{seed}/certify")
    masters = tuple(f"m{number}" for number in range(scenario.masters))
    found = faults.draw(
        rng, DRAWN_WITHIN_S, master=masters, zookeeper=("z0", "z1", "z2"), agent=("a0", "a1", "a2"), framework=(HOST,)
    )
    kept = tuple(fault for fault in found if fault.kind not in ON_PURPOSE)
    return attrs.evolve(scenario, faults=kept, offer_timeout_s=rng.choice((None, None, 10.0)))


async def _trial(make: Callable[[], Scheduler], scenario: Scenario, seed: int) -> Trial:
    if scenario.is_drawn:
        scenario = _drawn(scenario, seed)
    loop = asyncio.get_running_loop()
    promises = Promises(lambda: round(loop.time() * SECOND))
    cluster = Cluster(
        agents=3, masters=scenario.masters, seed=seed, outcomes=_outcomes(seed), faults=scenario.faults,
        offer_timeout_s=scenario.offer_timeout_s, judges=(promises,), settles=False,
    )  # fmt: skip
    async with cluster:
        program = cluster.start(make, HOST)
        while cluster.now_s < scenario.duration_s and not (program.has_ended and not scenario.faults):
            await asyncio.sleep(LOOK_EVERY_S)
            promises.look(program)
            if scenario.told and cluster.now_s % TOLD_EVERY_S < LOOK_EVERY_S:
                program.tell(scenario.told[round(cluster.now_s / TOLD_EVERY_S) % len(scenario.told)])
        try:
            await cluster.settle()
        except NotSettled as left:
            promises.breach("settles", str(left).partition("\n")[0])
        else:
            for _ in range(MADE_UP_LOOKS):
                if not promises.owed(program):
                    break
                await asyncio.sleep(LOOK_EVERY_S)
            promises.conclude(program)
        promises.look(program)
        breaches = tuple(promises.breaches.values())
        return Trial(
            scenario=scenario, seed=seed, breaches=breaches, tasks=len(program.book), has_ended=program.has_ended,
            digest=cluster.digest,
        )  # fmt: skip


def _outcomes(seed: int) -> Callable[[TaskInfo], Fate]:
    """Tasks take a while; some fail."""
    rng = random.Random(f"{seed}/outcomes")
    return lambda task: Fate(run=round(rng.uniform(5.0, 90.0), 3), exit=rng.choice((0, 0, 0, 1)))
