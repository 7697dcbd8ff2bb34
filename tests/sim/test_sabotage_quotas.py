"""I9 must be shown to be seen: masters that forget quotas, pass limits, or do not wait for who has yet to come back."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from mesos_py.algebra.quantities import Limits
from mesos_py.machine.frame import Frame
from mesos_py.master.changes import OfferEnded
from mesos_py.master.registry import UpdateQuota, UpdateWeights
from mesos_py.sim.agents import AgentProcess
from mesos_py.sim.cluster import Sabotage, Tamper
from mesos_py.sim.masters import MasterProcess
from mesos_py.sim.plan import Plan
from mesos_py.sim.run import run
from tests.sim.scenarios import PATIENT, SLOW, fault, framework, guarantee, limit, limited, plan, weigh


def forgets(*kinds: type) -> Sabotage:
    """A master that does not keep facts of these kinds."""

    def sabotage(process: str, frame: Frame) -> None:
        frame.writes = [write for write in frame.writes if not isinstance(write, kinds)]

    return sabotage


def takes_nothing_back(process: str, frame: Frame) -> None:
    """A master that leaves on offer what a new limit forbids."""
    if any(isinstance(write, UpdateQuota) for write in frame.writes):
        frame.changes = [change for change in frame.changes if not isinstance(change, OfferEnded)]


def of_masters(spoil: Callable[[MasterProcess], None]) -> Tamper:
    def tamper(process: MasterProcess | AgentProcess) -> None:
        if isinstance(process, MasterProcess):
            spoil(process)

    return tamper


def knows_no_limits(master: MasterProcess) -> None:
    master.core.allocator.set_quota = lambda role, quota: None  # type: ignore[method-assign]


def resumes_at_once(master: MasterProcess) -> None:
    """It knows whom to wait for, and does not wait."""
    master.core.allocator.expected.hold = lambda now: None  # type: ignore[method-assign]


def counts_who_is_back(master: MasterProcess) -> None:
    """It waits as Mesos does, and then goes by what has been reported."""
    master.core.allocator.expected.amount = lambda name: 0  # type: ignore[method-assign]


def gives_nothing_that_is_guaranteed(master: MasterProcess) -> None:
    """It holds back what is guaranteed from everybody."""
    quotas = master.core.allocator._quotas
    allowed = quotas.allowed
    quotas.allowed = lambda role: NOTHING if role.top.quota.guarantees else allowed(role)  # type: ignore[method-assign]


NOTHING = Limits.of(cpus=0, mem=0, disk=0)
HOARDS = attrs.evolve(PATIENT, hoards=1.0)
RESTARTED = (fault(25, "restart master", "m0", 5),)
#: what is wrong with every master, and where it shows
SABOTAGES: dict[str, tuple[Plan, Sabotage | None, Tamper | None, str]] = {
    "quotas are not kept": (limited(*RESTARTED), forgets(UpdateQuota), None, "I5"),
    "weights are not kept": (plan(weigh(10, r1=3.0), *RESTARTED), forgets(UpdateWeights), None, "I5"),
    "limits are ignored": (limited(), None, of_masters(knows_no_limits), "I9"),
    "offers beyond a new limit are kept": (
        plan(limit(20, "r1", cpus=1.0), frameworks=(framework(role="r1", behaviour=HOARDS),)), takes_nothing_back, None,
        "I9",
    ),
    "offers are made before agents are back": (limited(*RESTARTED), None, of_masters(resumes_at_once), "I9"),
    "what slow agents may have does not count": (limited(*SLOW), None, of_masters(counts_who_is_back), "I9"),
    "what is guaranteed is not given": (
        plan(guarantee(0.1, "r1", cpus=0.1), frameworks=(framework(role="r1"),)), None,
        of_masters(gives_nothing_that_is_guaranteed), "not settled I9",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SABOTAGES)
def test_masters_that_do_not_mind_quotas_are_found(name: str) -> None:
    """Each by the invariant it breaks; without the bug the same run goes well."""
    made, sabotage, tamper, invariant = SABOTAGES[name]
    # The core's own invariants would see some of them, too.
    report = run(attrs.evolve(made, check_every=1_000_000), sabotage, tamper=tamper)
    assert report.signature.removeprefix("Violation ").startswith(f"{invariant} "), report.text()
    assert run(made).violation is None
