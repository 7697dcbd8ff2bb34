"""Random stories: every invariant after every step, and a twin without shortcuts that must grant the same.

The twin forgets nothing and skips nothing: each run looks at every agent for every framework in the order of the
sorters. What the real one does not look at, for it remembers that it was in vain, is thereby proven to be in vain.
A failure names its seed: ``pytest --hypothesis-seed`` is not needed, ``Story(seed)`` is the whole world.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.resources import NONE, Resources
from mesos_py.machine.values import SECOND
from mesos_py.master.allocator.core import Allocator, AllocatorOptions, Grant
from mesos_py.master.allocator.filters import Slot
from mesos_py.master.allocator.ledger import Agent
from mesos_py.master.allocator.offering import Offering
from mesos_py.master.allocator.rounds import Rounds
from mesos_py.master.allocator.turns import walk
from mesos_py.master.allocator.visits import Visits
from mesos_py.master.capabilities import AgentCapabilities, FrameworkCapabilities
from mesos_py.wire.ids import AgentID, FrameworkID
from tests.master.allocator.test_agents import revocable, volume
from tests.master.allocator.world import AGENT, able, minimum, res

ROOT = Path(__file__).resolve().parents[3]
ROLES = ["a", "a/b", "a/b/c", "d", "e"]
TOTALS = [
    res("cpus:2;mem:1024;ports:[1-10]"),
    res("cpus:4;mem:256;disk:100"),
    res("cpus:2;mem:512;cpus(a):1;mem(a):128"),
    res("cpus:1;mem:64;mem(a/b):512;ports(d):[1-2]"),
    res("cpus:1;mem:256") + revocable(3),
    res("cpus:3;mem:256") + Resources.of([volume(10, "a", shared=True)]),
    res("cpus:0.005;mem:16"),
    res("cpus:8;gpus:1"),
]


class ByName(Rounds):
    """In place of chance an order that does not depend on who else is there."""

    def _draw(self, pool: list[Agent]) -> Agent:
        agent = min(pool, key=lambda agent: agent.id[::-1])
        pool.remove(agent)
        return agent


class PlainVisits(Visits):
    """Nobody is passed by."""

    def is_open(self, agent: Agent) -> bool:
        return agent.active

    def _in_order(self, open_slots: int) -> Iterable[Slot]:
        return walk(self._books, self._books.live)


class Plain(Allocator):
    """The twin."""

    def __init__(self, options: AllocatorOptions, rng: random.Random) -> None:
        super().__init__(options, rng)
        self._visits = PlainVisits(self._books, Offering(options), self._quotas)


class Story:
    """A world and what happens in it, drawn from a seed; told to all given allocators alike."""

    def __init__(self, seed: int, *allocators: Allocator) -> None:
        self.draw = random.Random(seed)
        self.allocators = allocators
        self.now = 0
        self.agents: list[AgentID] = []
        self.frameworks: list[FrameworkID] = []
        self.offers: list[Grant] = []
        self.used: list[Grant] = []
        self.count = 0

    def all(self, call: str, *args: object, **more: object) -> None:
        for allocator in self.allocators:
            getattr(allocator, call)(*args, **more)

    def step(self) -> None:
        steps = [self.add_agent] * 3 + [self.add_framework] * 2 + [self.decline] * 4 + [self.accept] * 3
        steps += [self.finish] * 3 + [self.change_agent, self.change_framework, self.quiet, self.remove, self.weights]
        self.draw.choice(steps)()
        self.now += self.draw.choice([0, 0, SECOND // 3, SECOND])

    def run(self, budget: int | None = None) -> None:
        granted = [allocator.allocate(self.now, budget=budget) for allocator in self.allocators]
        for others in granted[1:]:
            assert others == granted[0]
        self.offers += granted[0]

    def add_agent(self) -> None:
        if len(self.agents) < 8:
            self.count += 1
            agent_id = AgentID(f"agent{self.count}")
            self.agents.append(agent_id)
            used: dict[FrameworkID, Resources] = {}
            if self.frameworks and self.draw.random() < 0.3:
                grant = Grant(self.draw.choice(self.frameworks), "a", agent_id, res("cpus:1;mem:32").allocate("a"))
                used[grant.framework_id] = grant.resources
                self.used.append(grant)
            capabilities = self.draw.choice([AGENT, AGENT, AGENT, AgentCapabilities(multi_role=True)])
            total = self.draw.choice(TOTALS)
            self.all("add_agent", agent_id, hostname="h", capabilities=capabilities, total=total, used=used)

    def add_framework(self) -> None:
        if len(self.frameworks) < 12:
            self.count += 1
            framework_id = FrameworkID(f"framework{self.count}")
            self.frameworks.append(framework_id)
            self.all("add_framework", framework_id, **self._framework(), active=self.draw.random() < 0.9)

    def _framework(self) -> dict[str, object]:
        roles = self.draw.sample(ROLES, self.draw.randint(1, 3))
        capabilities: FrameworkCapabilities = able(
            shared_resources=self.draw.random() < 0.5,
            revocable_resources=self.draw.random() < 0.5,
            gpu_resources=self.draw.random() < 0.5,
        )
        minima: dict[str, tuple[Quantities, ...]] = {}
        if self.draw.random() < 0.3:
            minima = {roles[0]: self.draw.choice([(), (minimum(cpus=2),)])}
        suppressed = roles[:1] if self.draw.random() < 0.2 else []
        return {"roles": roles, "suppressed": suppressed, "capabilities": capabilities, "offer_filters": minima}

    def decline(self) -> None:
        if self.offers:
            grant = self.offers.pop(self.draw.randrange(len(self.offers)))
            refuse_s = self.draw.choice([None, 0.0, 0.0, 0.5, 3.0, 5.0, 1000.0])
            self._recover(grant, grant.resources, refuse_s, used=False)

    def accept(self) -> None:
        """A task takes a part, the rest is declined."""
        if self.offers:
            grant = self.offers.pop(self.draw.randrange(len(self.offers)))
            part = grant.resources.shrink(Quantities.of(cpus=1, mem=100, disk=10))
            if part:
                self.all("use", grant.framework_id, grant.agent_id, part)
                self.used.append(Grant(grant.framework_id, grant.role, grant.agent_id, part))
            self._recover(grant, grant.resources - part, self.draw.choice([None, 0.0, 5.0]), used=False)

    def finish(self) -> None:
        if self.used:
            grant = self.used.pop(self.draw.randrange(len(self.used)))
            self._recover(grant, grant.resources, None, used=True)

    def _recover(self, grant: Grant, resources: Resources, refuse_s: float | None, *, used: bool) -> None:
        self.all("recover", grant.framework_id, grant.agent_id, resources, self.now, refuse_s=refuse_s, used=used)

    def change_agent(self) -> None:
        if self.agents:
            agent_id = self.draw.choice(self.agents)
            what = self.draw.randrange(4)
            if what == 0:
                self.all("update_agent", agent_id, total=self.draw.choice(TOTALS))
            elif what == 1:
                self.all("update_agent", agent_id, capabilities=AGENT)
            else:
                self.all("activate_agent" if what == 2 else "deactivate_agent", agent_id)

    def change_framework(self) -> None:
        if self.frameworks:
            framework_id = self.draw.choice(self.frameworks)
            if self.draw.random() < 0.5:
                self.all("update_framework", framework_id, **self._framework())
            else:
                self.all(self.draw.choice(["activate_framework", "deactivate_framework"]), framework_id)

    def quiet(self) -> None:
        if self.frameworks:
            roles = self.draw.choice([(), ("a",), ("a/b", "d")])
            self.all(self.draw.choice(["suppress", "revive", "revive"]), self.draw.choice(self.frameworks), roles)

    def remove(self) -> None:
        if self.agents and self.draw.random() < 0.5:
            agent_id = self.agents.pop(self.draw.randrange(len(self.agents)))
            self.all("remove_agent", agent_id)
            self._forget(lambda grant: grant.agent_id == agent_id)
        elif self.frameworks:
            framework_id = self.frameworks.pop(self.draw.randrange(len(self.frameworks)))
            self.all("remove_framework", framework_id)
            self._forget(lambda grant: grant.framework_id == framework_id)

    def _forget(self, gone: object) -> None:
        self.offers = [grant for grant in self.offers if not gone(grant)]  # type: ignore[operator]
        self.used = [grant for grant in self.used if not gone(grant)]  # type: ignore[operator]

    def weights(self) -> None:
        self.all("set_weights", {self.draw.choice(ROLES): self.draw.choice([0.5, 1.0, 3.0])})

    def held(self) -> Resources:
        """What is offered and used, by the story's own account."""
        together = NONE
        for grant in self.offers + self.used:
            together += grant.resources
        return together


@pytest.mark.parametrize("seed", range(40))
def test_like_the_twin(seed: int) -> None:
    """Same story, same grants."""
    fast, plain = (kind(AllocatorOptions(), random.Random(seed)) for kind in (Allocator, Plain))
    fast._rounds, plain._rounds = (ByName(SECOND, random.Random(seed)) for _ in range(2))
    story = Story(seed, fast, plain)
    for _ in range(80):
        story.step()
        fast.check()
        story.run()
        fast.check()
        assert fast.deadline() == plain.deadline()


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_granted_twice(seed: int) -> None:
    """Safety in slices: what is held is what was granted and has not come back. Liveness: in the end all is granted."""
    allocator = Allocator(AllocatorOptions(), random.Random(seed))
    story = Story(seed, allocator)
    for _ in range(100):
        story.step()
        story.run(budget=story.draw.choice([1, 2, None]))
        allocator.check()
        held = NONE
        for agent in allocator._books.agents.values():
            for resources in agent.held.values():
                held += resources
        assert held == story.held()
    for framework_id in story.frameworks:
        story.all("remove_framework", framework_id)
    for agent_id in story.agents:
        story.all("activate_agent", agent_id)
    everything = able(shared_resources=True, revocable_resources=True, gpu_resources=True)
    allocator.add_framework(
        FrameworkID("heir"), roles=ROLES, capabilities=everything, offer_filters=dict.fromkeys(ROLES, ())
    )
    story.now += SECOND
    while allocator.deadline() == 0:
        story.run(budget=2)
    for agent in allocator._books.agents.values():
        for role in ROLES if agent.capabilities.hierarchical_role else ["a", "d", "e"]:
            assert not agent.available.nonshared.allocatable_to(role), f"{agent.id} has something left for {role}"


def told(seed: int, steps: int = 60) -> list[tuple[str, str, str, str]]:
    """What one seed's story leads to."""
    allocator = Allocator(AllocatorOptions(framework_sorter="random"), random.Random(seed))
    story = Story(seed, allocator)
    granted: list[tuple[str, str, str, str]] = []
    for _ in range(steps):
        story.step()
        before = len(story.offers)
        story.run(budget=3)
        granted += [(g.framework_id, g.role, g.agent_id, str(g.resources)) for g in story.offers[before:]]
    return granted


def test_a_story_repeats_under_any_hash_seed() -> None:
    """Same seed, same grants in the same order: nothing depends on hashing or addresses, in any process."""
    program = "from tests.master.allocator.test_stories import told; print([told(seed) for seed in range(5)])"
    outcomes = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        ran = subprocess.run(
            [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, check=True
        )
        outcomes.append(ran.stdout)
    assert outcomes[0] == outcomes[1]
    assert eval(outcomes[0]) == [told(seed) for seed in range(5)]
