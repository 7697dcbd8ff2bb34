"""Why instances wait, in sentences, with the smallest change that would help."""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.views.why import why
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState
from mesos_py.wire.value import Attribute, Value
from tests.marathon.app_of import app_of
from tests.marathon.world import SECOND, World, hosts, world_of

WAITS = "1 instance waits for offers in role 'marathon', since 1970-01-12T13:46:40.000Z."


def told(world: World, spec_id: str = "/web") -> list[str]:
    found = why(world.core, PathId(spec_id), world.now)
    assert found is not None
    return list(found)


def test_what_nobody_has_defined() -> None:
    assert why(world_of().core, PathId("/web"), 0) is None


def test_nothing_waits() -> None:
    world = world_of(app_of(instances=2))
    world.run()
    assert told(world) == ["Nothing waits: of 2 instances, 2 were launched."]


def test_what_was_asked_for_and_not_heard_of() -> None:
    world = world_of(app_of())
    world.offer_all()
    assert told(world) == ["1 instance was asked for, and nothing has been heard of that yet."]


def test_nobody_has_offered_anything() -> None:
    world = world_of(app_of())
    hint = "'mesos-py quota' tells whether the role is at its limit, and what is kept free for others."
    assert told(world) == [WAITS, "No agent has offered anything in role 'marathon' since then.", hint]


RACK = Attribute(name="rack", type=Value.Type.TEXT, text=Value.Text(value="r1"))


@pytest.mark.parametrize(
    ("app", "counted", "change"),
    [
        ({"cpus": 7}, "1 InsufficientCpus", "with 4 cpus instead of 7"),
        ({"cpus": 7, "mem": 2000}, "1 InsufficientCpus", "with 4 cpus instead of 7 and with 1000 mem instead of 2000"),
        ({"gpus": 1, "container": {"type": "MESOS"}}, "1 InsufficientGpus", "with no gpus instead of 1"),
        (
            {"constraints": [["rack", "LIKE", "r2"]], "cpus": 7}, "1 UnfulfilledConstraint",
            "without the constraint rack LIKE r2 (it has 'r1') and with 4 cpus instead of 7",
        ),
        ({"constraints": [["row", "UNIQUE"]]}, "1 UnfulfilledConstraint",
         "without the constraint row UNIQUE (it has nothing)"),
        ({"portDefinitions": [{"port": 80}], "requirePorts": True}, "1 InsufficientPorts", "if port 80 were free"),
        ({"portDefinitions": [{"port": 0}] * 9}, "1 InsufficientPorts", "with 3 ports instead of 9"),
        ({"acceptedResourceRoles": ["marathon"]}, "1 UnfulfilledRole",
         "if it accepted resources of '*', not of marathon."),
    ],
)  # fmt: skip
def test_the_smallest_change(app: dict[str, Any], counted: str, change: str) -> None:
    world = world_of(app_of(**app), agents=1, resources="cpus:4;mem:1000;disk:10;ports:[31000-31002]")
    (agent,) = world.agents.values()
    agent.template = evolve(agent.template, attributes=(RACK,))
    world.offer_all()
    _, none, nearest = told(world)
    assert none == f"None of the last offers of 1 agent is enough: {counted}."
    assert nearest.startswith(f"h0 comes nearest: one instance would run there {change}")


def test_the_agent_that_comes_nearest() -> None:
    """Not one that is wrong in kind, but the one that has the most of what is missing."""
    world = world_of(app_of(cpus=8), agents=3, resources="cpus:4;mem:1000;ports:[31000-31002]")
    (better,) = hosts(1, "cpus:6;mem:1000;ports:[31000-31002]", role="marathon")
    agent = list(world.agents.values())[1]
    agent.template = evolve(agent.template, resources=better.resources)
    world.offer_all()
    assert told(world)[2] == "h1 comes nearest: one instance would run there with 6 cpus instead of 8."


def test_unique_hosts_are_taken() -> None:
    world = world_of(app_of(instances=3, constraints=[["hostname", "UNIQUE"]]), agents=2)
    world.run()
    world.offer_all()
    assert told(world)[1:] == [
        "None of the last offers of 2 agents is enough: 2 UnfulfilledConstraint.",
        "h0 comes nearest: one instance would run there without the constraint hostname UNIQUE ('h0' has one already).",
    ]


def test_a_failure() -> None:
    world = world_of(app_of(backoffSeconds=10), agents=1)
    world.run()
    world.now += SECOND
    world.end(world.alive()[0], TaskState.TASK_FAILED, message="Command exited with status 1")
    world.now += 2 * SECOND
    _, delay, *rest = told(world)
    assert delay == (
        "It has failed before, so the next launch waits for another 8 s. "
        "The last was TASK_FAILED on h0: Command exited with status 1."
    )
    assert not rest, "no offer is wanted yet"


def test_too_many_launches() -> None:
    world = world_of(app_of(instances=2), launch_tokens=1)
    world.launch()
    assert told(world)[2] == (
        "As many launches are under way as there may be (1); others follow when some of these run, or in 30 s."
    )


def test_residents_wait() -> None:
    volume = {"containerPath": "data", "mode": "RW", "persistent": {"size": 1}}
    app = app_of(
        container={"type": "MESOS", "volumes": [volume]}, acceptedResourceRoles=["*"], cmd="x",
        upgradeStrategy={"minimumHealthCapacity": 0, "maximumOverCapacity": 0}, unreachableStrategy="disabled",
    )  # fmt: skip
    world = world_of(app)
    world.run()
    assert world.alive() == []
    assert world.wanted == {}, "no offer can do"
    assert told(world)[1] == (
        "No offer can do: it has persistent volumes, and nothing reserves resources and creates volumes for it yet: "
        "its instances wait until that can be done."
    )


def test_secrets_need_somebody_who_finds_them() -> None:
    world = world_of(app_of(env={"A": {"secret": "s"}}, secrets={"s": {"source": "/a/b"}}))
    world.run()
    assert world.alive() == []
    assert told(world)[1] == "No offer can do: it uses secret 's', and there is no plug-in that finds secrets."
