"""Views of small clusters, value by value: what changes is seen, what is asked for is what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.master.views import frameworks, roles, state, tasks
from mesos_py.master.views.context import Context
from mesos_py.master.views.sections import json_pieces, protobuf_pieces
from mesos_py.master.views.values import MERGED_FROM, Total, attributes_object, countable, resources_object
from mesos_py.wire.codec import json as json_codec
from mesos_py.wire.codec import protobuf as protobuf_codec
from mesos_py.wire.ids import TaskID
from mesos_py.wire.master_api import Response
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskState
from mesos_py.wire.value import Attribute, Value
from tests import builders
from tests.master.busy import busy_world, said
from tests.master.world import World


def page(world: World, **wanted: Any) -> list[str]:
    query = {"framework_id": None, "task_id": None, "limit": 100, "offset": 0, "ascending": True} | wanted
    return [task.id for task in tasks.legacy_list(world.state, **query)]


def test_a_change_is_seen_in_the_next_reading() -> None:
    """Encodings are kept, but no longer than they are true."""
    world, scheduler, agent = busy_world()
    task = world.state.frameworks[scheduler.id].tasks[TaskID("long-1")]
    assert json.loads(tasks.task_json(task))["state"] == "TASK_RUNNING"
    assert tasks.task_json(task) is tasks.task_json(task)
    said(scheduler, agent, "long-1", TaskState.TASK_KILLING)
    shown = json.loads(tasks.task_json(task))
    assert shown["state"] == "TASK_KILLING"
    assert [status["state"] for status in shown["statuses"]] == ["TASK_STARTING", "TASK_RUNNING", "TASK_KILLING"]
    slaves = json.loads(b"{" + b"".join(state.slaves_pieces(world.state)) + b"}")["slaves"]
    assert slaves[0]["active"] is True
    agent.disconnect()
    slaves = json.loads(b"{" + b"".join(state.slaves_pieces(world.state)) + b"}")["slaves"]
    assert slaves[0]["active"] is False


def test_pages_of_tasks() -> None:
    world, scheduler, _ = busy_world()
    everything = page(world, limit=-1)
    assert len(everything) == 5
    assert page(world, limit=2) == everything[:2]
    assert page(world, limit=2, offset=3) == everything[3:]
    assert page(world, offset=-5) == everything
    assert page(world, limit=0) == page(world, offset=99) == []
    assert page(world, task_id="pod-a") == ["pod-a"]
    assert page(world, framework_id="nobody") == []
    assert sorted(page(world, framework_id=scheduler.id, ascending=False)) == sorted(everything)


def test_resources_are_summed_whatever_their_reservations() -> None:
    static = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.STATIC, role="eng")
    parts = [
        Resources.of(builders.resources(cpus=1.1, mem=10)),
        Resources.of((builders.scalar("cpus", 0.2, reservations=(static,)),)),
        Resources.of((builders.scalar("cpus", 5, revocable=Resource.RevocableInfo()),)),
        Resources.of((builders.ports((31000, 31005)), builders.scalar("bananas", 3))),
        Resources.of((builders.ports((31006, 31007), (32000, 32000)),)),
        Resources.of((Resource(name="zones", type=Value.Type.SET, set=Value.Set(item=("b", "a"))),)),
    ]
    assert resources_object(parts) == {
        "cpus": 1.3, "mem": 10.0, "disk": 0.0, "gpus": 0.0, "bananas": 3.0, "cpus_revocable": 5.0,
        "ports": "[31000-31007, 32000-32000]", "zones": "{a, b}",
    }  # fmt: skip


def test_ports_are_counted_for_roles() -> None:
    resources = Resources.of((*builders.resources(cpus=0.5), builders.ports((1, 10), (20, 20))))
    assert countable(resources) == {"cpus": 0.5, "ports": 11.0}
    assert countable(Resources.of((builders.ports((0, 2**63)),)))["ports"] == float(2**63 + 1)


def test_attributes_by_type() -> None:
    kind = Value.Type
    attributes = (
        Attribute(name="rack", type=kind.TEXT, text=Value.Text(value="a")),
        Attribute(name="zone", type=kind.SCALAR, scalar=Value.Scalar(value=1.5)),
        Attribute(name="ids", type=kind.RANGES, ranges=Value.Ranges(range=(Value.Range(begin=1, end=5),))),
        Attribute(name="tags", type=kind.SET, set=Value.Set(item=("x", "y"))),
        Attribute(name="rack", type=kind.TEXT, text=Value.Text(value="b")),
    )
    assert attributes_object(attributes) == {"rack": "b", "zone": 1.5, "ids": "[1-5]", "tags": "{x, y}"}
    assert str(Ranges([(1, 5)])) == "[1-5]"


def test_roles_hold_what_their_children_hold() -> None:
    world, _, _ = busy_world()
    *_, found = roles.figures(world.state, world.master.options, world.master.registry)
    listed = {role["name"]: role for role in roles.roles_list(found, world.master.registry)}
    assert list(listed) == ["*", "eng", "eng/web", "ops"]
    assert listed["*"]["allocated"]["cpus"] == listed["*"]["quota"]["consumed"]["cpus"] == 1.3
    assert listed["eng"]["offered"] == listed["eng/web"]["offered"] != {}
    assert listed["eng"]["frameworks"] == []
    assert listed["ops"]["resources"] == {}


@pytest.mark.parametrize("count", [0, 1, 1500])
def test_long_lists_of_roles_are_made_in_steps(count: int) -> None:
    world = World(check=False)
    for number in range(count):
        world.agent(hostname=f"h{number}")
    steps = list(roles.figures(world.state, world.master.options, world.master.registry))
    assert len(steps) == 1 + count // roles.STEP


def test_sums_in_pairs_are_sums() -> None:
    one = Resources.of(builders.resources(cpus=1))
    for count in range(6):
        steps = frameworks._sum([one] * count)
        with pytest.raises(StopIteration) as end:
            while True:
                next(steps)
        assert end.value.value.quantities().get("cpus") == count * 1000


def test_a_long_sum_is_that_of_its_parts() -> None:
    """Ranges that touch become one, those that do not stay apart, however many come together."""
    total, end = Total(), 8 * MERGED_FROM
    for step in (2, 8):  # every even port, and of every eight the second
        ports = [(port, port) for port in range(step // 8, end, step)]
        for begin in range(0, len(ports), 100):
            total.add(Resources.of((builders.ports(*ports[begin : begin + 100]),)))
    eights = [f"{n}-{n + 2}, {n + 4}-{n + 4}, {n + 6}-{n + 6}" for n in range(0, end, 8)]
    assert total.shown()["ports"] == "[" + ", ".join(eights) + "]"


def test_a_framework_is_shown_in_pieces_that_pause_at_each_agent() -> None:
    """It may be on every agent, and be offered each: neither is added up, nor are its offers encoded, in one go."""
    world = World(check=False)
    agents = [world.agent(hostname=f"h{number}") for number in range(40)]
    scheduler = world.scheduler()
    world.settle()
    context = Context(info=world.master.info, flags={}, started_ns=0)
    pieces = list(state.state_pieces(context, world.state))
    assert pieces.count(b"") >= len(agents)
    (shown,) = json.loads(b"".join(pieces))["frameworks"]
    assert len(shown["offers"]) == len(agents)
    assert shown["resources"] == shown["offered_resources"]
    pieces = list(json_pieces(frameworks.get_frameworks(world.state)))
    assert pieces.count(b"") >= len(agents) - 1
    assert max(map(len, pieces)) < 2 * len(b"".join(pieces)) / len(agents)
    *_, made = protobuf_pieces(frameworks.get_frameworks(world.state))
    told = protobuf_codec.decode(Response.GetFrameworks, b"".join(made))
    assert told == json_codec.decode(Response.GetFrameworks, b"".join(pieces))
    assert told.frameworks[0].framework_info.id == scheduler.id
    assert sorted(offer.agent_id for offer in told.frameworks[0].offers) == sorted(agent.id for agent in agents)
