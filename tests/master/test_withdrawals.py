"""More offers end together than one frame takes: void from the first moment on, taken back soon, nothing lost."""

from __future__ import annotations

import pytest

from mesos_py.machine.frame import Frame, Tick
from mesos_py.master import changes
from mesos_py.master.calls.offers import ENDED_AT_ONCE
from mesos_py.master.changes import OfferEnd
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as Word
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskStatus
from tests import builders
from tests.master.world import AgentDouble, Scheduler, World

AGENTS = ENDED_AT_ONCE + 60


class Cluster:
    """One framework has an offer of every agent."""

    def __init__(self) -> None:
        self.world = World(check=False)
        self.agents: list[AgentDouble] = [self.world.agent(hostname=f"h{number}") for number in range(AGENTS)]
        self.scheduler: Scheduler = self.world.scheduler(roles=("a",))
        self.world.settle()
        self.offers: list[Offer] = self.scheduler.offers()
        assert len(self.offers) == AGENTS
        self.scheduler.take()

    def settle(self) -> None:
        """Frame by frame: everything adds up after each, and none takes back more than its share."""
        while (deadline := self.world.master.deadline()) is not None and deadline <= self.world.now + 1:
            self.world.now = max(self.world.now, deadline)
            frame = self.world.apply(Tick)
            self.world.master.check()
            assert len(ended(frame)) <= ENDED_AT_ONCE

    def ends(self) -> list[OfferEnd]:
        return [change.end for change in self.world.changes(changes.OfferEnded)]

    def offered_to(self, scheduler: Scheduler) -> list[str]:
        return sorted(offer.agent_id for offer in scheduler.offers())

    @property
    def everywhere(self) -> list[str]:
        return sorted(agent.id for agent in self.agents)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def ended(frame: Frame) -> list[changes.OfferEnded]:
    return [change for change in frame.changes if isinstance(change, changes.OfferEnded)]


def test_of_a_framework_that_goes_the_offers_are_void_and_all_are_free_soon(cluster: Cluster) -> None:
    frame = cluster.scheduler.disconnect()
    cluster.world.master.check()
    assert len(ended(frame)) == ENDED_AT_ONCE
    assert len(cluster.world.state.withdrawn) == AGENTS - ENDED_AT_ONCE
    other = cluster.world.scheduler(name="other")
    cluster.settle()
    assert cluster.ends() == [OfferEnd.RESCINDED] * AGENTS
    assert cluster.offered_to(other) == cluster.everywhere


def test_a_scheduler_that_takes_over_has_none_of_the_offers_before_it(cluster: Cluster) -> None:
    """It may know their ids. It is refused them, and hears of none: not of their end either."""
    cluster.scheduler.subscribe()
    late = cluster.offers[-1]
    assert late.id in cluster.world.state.withdrawn
    task = builders.task("t", late.agent_id)
    cluster.scheduler.accept([late], builders.launch(task))
    (refused,) = cluster.scheduler.statuses()
    assert refused.reason is TaskStatus.Reason.REASON_INVALID_OFFERS
    assert f"Offer {late.id} is no longer valid" in (refused.message or "")
    declined = cluster.scheduler.decline(late.id)
    assert [change.what for change in declined.changes if isinstance(change, changes.Dropped)] == ["DECLINE"]
    cluster.settle()
    assert cluster.ends() == [OfferEnd.DISCARDED] * AGENTS
    assert cluster.offered_to(cluster.scheduler) == cluster.everywhere
    assert not cluster.scheduler.of(Word.Type.RESCIND)


def test_who_comes_back_at_once_hears_nothing_of_what_it_had(cluster: Cluster) -> None:
    """What was to be rescinded when the stream ended is discarded when the next one begins."""
    cluster.scheduler.disconnect()
    cluster.scheduler.subscribe()
    cluster.settle()
    assert not cluster.scheduler.of(Word.Type.RESCIND)
    assert cluster.ends().count(OfferEnd.RESCINDED) == ENDED_AT_ONCE
    assert len(cluster.ends()) == AGENTS
    assert cluster.offered_to(cluster.scheduler) == cluster.everywhere


def test_a_framework_is_completed_when_its_last_offer_is(cluster: Cluster) -> None:
    cluster.scheduler.call(Call.Type.TEARDOWN)
    cluster.world.master.check()
    assert cluster.world.state.frameworks[cluster.scheduler.id].is_ending
    cluster.settle()
    assert cluster.scheduler.id in cluster.world.state.completed_frameworks
    assert cluster.ends() == [OfferEnd.DISCARDED] * AGENTS
    other = cluster.world.scheduler(name="other")
    cluster.settle()
    assert cluster.offered_to(other) == cluster.everywhere


def test_a_framework_that_leaves_a_role_hears_of_each_offer_once(cluster: Cluster) -> None:
    info = evolve(cluster.scheduler.info, roles=("b",))
    update = Call.UpdateFramework(framework_info=info)
    cluster.scheduler.call(Call.Type.UPDATE_FRAMEWORK, update_framework=update)
    cluster.world.master.check()
    cluster.settle()
    rescinded = [word.rescind.offer_id for word in cluster.scheduler.of(Word.Type.RESCIND) if word.rescind is not None]
    assert sorted(rescinded) == sorted(offer.id for offer in cluster.offers)


def test_an_agent_that_goes_takes_its_withdrawn_offer_along(cluster: Cluster) -> None:
    cluster.scheduler.disconnect()
    last = cluster.offers[-1]
    (agent,) = [agent for agent in cluster.agents if agent.id == last.agent_id]
    agent.disconnect()
    cluster.world.master.check()
    assert last.id not in cluster.world.state.withdrawn
    cluster.settle()
    assert len(cluster.ends()) == AGENTS
    assert not cluster.world.state.withdrawn
