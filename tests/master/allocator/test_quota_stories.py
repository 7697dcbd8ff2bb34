"""Random stories with quotas: what must hold after every run, told by agents and grants alone, whatever is kept.

limits      no run gives who is in a role more than the role's limit leaves, all that is below it being counted
headroom    no run leaves less free than is guaranteed and not yet given, or takes more of what is too little
guarantees  in the end every role with demand has what it is guaranteed, or nothing of it is left
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mesos_py.algebra.kinds import SCALAR, Format
from mesos_py.algebra.quantities import Limits, Milli, Quantities
from mesos_py.algebra.quota import NO_QUOTA, Quota
from mesos_py.algebra.resources import Resources
from mesos_py.machine.values import SECOND
from mesos_py.master.allocator.core import Allocator, AllocatorOptions
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.test_stories import ROLES, ByName, Plain, Story
from tests.master.allocator.world import AGENT, able, mount_disk, res

TOPS = ("a", "d", "e", "nobody")
NAMES = ("cpus", "mem", "disk")


class QuotaStory(Story):
    """A story in which operators set and remove quotas."""

    def step(self) -> None:
        if self.draw.random() < 0.2:
            self.set_quota()
        else:
            super().step()

    def set_quota(self) -> None:
        guarantees = Quantities({name: self.amount(name) for name in NAMES if self.draw.random() < 0.3})
        limits = {name: guarantees.get(name) + self.amount(name) for name in NAMES if self.draw.random() < 0.4}
        quota = self.draw.choice([NO_QUOTA, Quota(guarantees, Limits(limits)), Quota(guarantees, Limits(limits))])
        self.all("set_quota", self.draw.choice(TOPS), quota)

    def amount(self, name: str) -> Milli:
        return self.draw.choice([0, 1, 2, 3, 5]) * (1000 if name == "cpus" else 128_000)


def measured(resources: Resources) -> Quantities:
    counts = resources.filter(lambda kind: kind.type == SCALAR and not kind.reservations and not kind.revocable)
    return counts.quantities()


class Measure:
    """Consumption and headroom as the agents tell them, without any sum that is kept."""

    def __init__(self, allocator: Allocator) -> None:
        self.consumed = dict.fromkeys((*TOPS, "c"), Quantities())
        #: held by who is in the very role
        self.own = dict.fromkeys((*TOPS, "c"), Quantities())
        self.free = Counter[str]()
        for agent in allocator._books.agents.values():
            for role, reserved in agent.total.reservations().items():
                self.consumed[role.split("/")[0]] += reserved.quantities()
            for name, amount in measured(agent.total).items():
                self.free[name] += amount
            for held in agent.held.values():
                for name, amount in measured(held).items():
                    self.free[name] -= amount
                for role, part in held.allocations().items():
                    self.consumed[role.split("/")[0]] += measured(part)
                    if role in self.own:
                        self.own[role] += measured(part)
        #: of what is guaranteed and not given: free - that; negative where too much is guaranteed
        self.spare: dict[str, Milli] = {}
        for role, quota in allocator.quotas.items():
            for name, amount in (quota.guarantees - self.consumed[role]).items():
                self.spare[name] = self.spare.get(name, self.free[name]) - amount


def run(story: Story, allocator: Allocator, budget: int | None) -> None:
    before = Measure(allocator)
    story.run(budget)
    allocator.check()
    after = Measure(allocator)
    for role, quota in allocator.quotas.items():
        assert allocator.offered_or_consumed(role) == after.consumed[role]
        for name, limit in quota.limits.items():
            given = after.own[role].get(name) - before.own[role].get(name)
            assert given <= max(0, limit - before.consumed[role].get(name))
    for name, spare in after.spare.items():
        assert spare >= min(0, before.spare[name]), f"{name}: what is guaranteed was given away"


@pytest.mark.parametrize("seed", range(15))
def test_like_the_twin(seed: int) -> None:
    """Same story, same grants: whatever quota closes to a slot has indeed nothing for it."""
    fast, plain = (kind(AllocatorOptions(), random.Random(seed)) for kind in (Allocator, Plain))
    fast._rounds, plain._rounds = (ByName(SECOND, random.Random(seed)) for _ in range(2))
    story = QuotaStory(seed, fast, plain)
    for _ in range(80):
        story.step()
        run(story, fast, None)
        assert fast.deadline() == plain.deadline()


@pytest.mark.parametrize("seed", range(15))
def test_limits_headroom_and_guarantees(seed: int) -> None:
    """Safety in slices, with disks that are whole or nothing, too; then liveness."""
    allocator = Allocator(AllocatorOptions(), random.Random(seed))
    story = QuotaStory(seed, allocator)
    allocator.add_agent(
        AgentID("disks"),
        hostname="h",
        capabilities=AGENT,
        total=res("cpus:2;mem:512;disk:64") + mount_disk(128, "one") + mount_disk(256, "two"),
    )
    for _ in range(80):
        story.step()
        run(story, allocator, story.draw.choice([1, 2, None]))
    for framework_id in story.frameworks:
        story.all("remove_framework", framework_id)
    for agent_id in story.agents:
        story.all("activate_agent", agent_id)
        story.all("update_agent", agent_id, capabilities=AGENT)
    everything = able(shared_resources=True, revocable_resources=True, gpu_resources=True)
    allocator.add_framework(
        FrameworkID("heir"), roles=ROLES, capabilities=everything, offer_filters=dict.fromkeys(ROLES, ())
    )
    for _ in range(3):
        story.now += SECOND
        while allocator.deadline() == 0 or allocator._rounds.next_periodic <= story.now:
            run(story, allocator, 2)
    end = Measure(allocator)
    for role, quota in allocator.quotas.items():
        if role != "nobody":
            for name in quota.guarantees - end.consumed[role]:
                left = end.free[name]
                assert left == 0 or name == "disk", f"'{role}' has not got its {name}, of which {left} are free"


@pytest.mark.parametrize("seed", range(3))
def test_looking_changes_nothing(seed: int) -> None:
    """Checks and sums for metrics draw nothing and close nothing: a story is the same with and without them."""
    plain, watched = (Allocator(AllocatorOptions(), random.Random(seed)) for _ in range(2))
    story = QuotaStory(seed, plain, watched)
    for number in range(4):
        disks = mount_disk(100 + number, "one") + mount_disk(200, "two") + mount_disk(300, "three")
        total = res("cpus:2;mem:512;disk:64") + disks
        story.all("add_agent", AgentID(f"disks{number}"), hostname="h", capabilities=AGENT, total=total)
    for _ in range(80):
        story.step()
        story.run(budget=3)
        watched.check()
        for role in TOPS:
            watched.consumed(role), watched.offered_or_consumed(role), watched.offered_or_allocated_to(role)


@pytest.mark.parametrize("seed", [*range(15), 124])  # 124: a check measured a room, and it was another one later
def test_no_limit_is_passed_while_agents_come_back(seed: int) -> None:
    """I9 after a failover: tasks that return late find room for them, whatever was offered meanwhile.

    Another allocator hears the same and is never looked at: it must grant the same.
    """
    draw = random.Random(seed)
    allocator, unwatched = (Allocator(AllocatorOptions(), random.Random(seed)) for _ in range(2))

    def tell(call: str, *args: object, **more: object) -> None:
        for each in (allocator, unwatched):
            getattr(each, call)(*args, **more)
        allocator.check()
        assert allocator.offered_or_consumed("a").get("cpus") <= limit

    def run(now: int) -> None:
        assert allocator.allocate(now) == unwatched.allocate(now)
        tell("set_whitelist", None)  # nothing, but everything is checked

    limit = 1000 * draw.randint(5, 12)
    tell("set_quota", "a", Quota(limits=Limits({"cpus": limit})))
    total = res("cpus:2;mem:64;ports:[1-9]")
    running, left = {}, limit
    for number in range(10):  # what runs is within the limit, for the old master kept it
        task = min(left, draw.choice([0, 500, 1000, 2000]))
        left -= task
        running[AgentID(f"A{number}")] = res(f"cpus:{task / 1000};mem:1").allocate("a") if task else Resources()
    tell("expect", dict.fromkeys(running, total.messages(Format.POST_REFINEMENT)), 0)
    for name, role in (("F1", "a"), ("F2", "a"), ("F3", "c")):
        minima = draw.choice([{}, {role: ()}])
        tell("add_framework", FrameworkID(name), roles=[role], capabilities=able(), offer_filters=minima)
    now, waiting = 0, list(running)
    draw.shuffle(waiting)
    while waiting or now < 700 * SECOND:
        if waiting:
            agent_id = waiting.pop()
            if now > 600 * SECOND and draw.random() < 0.3:
                tell("unexpect", agent_id)
            else:
                used = {FrameworkID("F2"): running[agent_id]} if running[agent_id] else {}
                tell("add_agent", agent_id, hostname="h", capabilities=AGENT, total=total, used=used)
        run(now)
        now += draw.choice([0, SECOND // 2, SECOND, 150 * SECOND])
    run(now + SECOND)
    run(now + 2 * SECOND)
    held, free = allocator.offered_or_consumed("a").get("cpus"), Measure(allocator).free["cpus"]
    assert held == limit or free == 0, "in the end there is room for all that is allowed"
