"""What people declare: names, counts, and how a task is made of them."""

from __future__ import annotations

import pytest

from mesos_py.sdk.launcher import Launch, Spec
from mesos_py.sdk.launcher.specs import parsed
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ExecutorID
from mesos_py.wire.schema import evolve
from tests.builders import resources
from tests.sdk.launcher.world import ONE, TASK, world_of


def test_a_copied_task_is_told_its_ports() -> None:
    variables = (Environment.Variable(name="A", value="b"),)
    task = evolve(TASK, command=CommandInfo(value="x", environment=Environment(variables=variables)))
    launch = Launch("s", 0, 1, "s.0.1", "a0", "h0", (), (31000, 31007))
    made = Spec("s", task).make(launch)
    assert (made.task_id, made.agent_id) == ("s.0.1", "a0")
    assert {one.name: one.value for one in made.command.environment.variables} == {
        "A": "b", "PORT0": "31000", "PORT1": "31007", "PORT": "31000",
    }  # fmt: skip


def test_a_function_may_make_the_task() -> None:
    """Whatever it says of id, agent and resources is what the launcher says."""
    spec = Spec("s", lambda launch: evolve(TASK, name=f"{launch.number} on {launch.hostname}"), request=ONE)
    world = world_of(spec)
    world.offer_all()
    info = world.agents["a0"].tasks["s.0.0"].info
    assert (info.name, info.agent_id) == ("0 on h0", "a0")
    with pytest.raises(ValueError, match="needs a request"):
        Spec("s", lambda launch: TASK)


@pytest.mark.parametrize(
    ("name", "count", "text"),
    [
        ("", 1, "no name"), ("a/b", 1, "no name"), ("x" * 201, 1, "no name"), ("a", -1, "-1 instances"),
        ("a", 10**9, "instances"),
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(name: str, count: int, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Spec(name, TASK, count=count)


def test_an_executor_with_resources_of_its_own_is_refused() -> None:
    executor = ExecutorInfo(executor_id=ExecutorID("e"), resources=resources(cpus=1))
    with pytest.raises(ValueError, match="the executor of 's' cannot have resources"):
        Spec("s", evolve(TASK, executor=executor))
    assert Spec("s", evolve(TASK, executor=evolve(executor, resources=()))).count == 1


def test_ids_are_read_as_they_are_written() -> None:
    assert parsed("a.b-3.12.345") == ("a.b-3", 12, 345)
    assert parsed("a.b") is None
    assert parsed("a.1.x") is None
