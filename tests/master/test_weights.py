"""What roles weigh: who may say it how, who is offered otherwise then, and what a later master knows of it."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import pytest

from mesos_py.machine.problem import Problem
from mesos_py.master.changes import WeightsUpdated
from mesos_py.master.events import ChangeWeights
from mesos_py.master.options import Options
from mesos_py.master.registry import UpdateWeights
from mesos_py.master.server import MasterServer
from mesos_py.wire.codec import protobuf
from mesos_py.wire.master_api import Call
from mesos_py.wire.role import WeightInfo
from mesos_py.wire.scheduler_api import Event
from tests.golden import golden_dir
from tests.golden_compare import read_capture
from tests.master.over_http import API, call
from tests.master.world import World
from tests.web.raw import exchange, get, post


def change(world: World, *infos: tuple[str | None, float]) -> str | None:
    """An operator's word; the refusal, if it is one."""
    made = tuple(WeightInfo(role=role, weight=weight) for role, weight in infos)
    reply = world.apply(ChangeWeights, ChangeWeights(made)).reply
    assert reply is None or isinstance(reply, Problem)
    return None if reply is None else reply.text


# ---- what it does


def test_all_is_shared_out_anew() -> None:
    """Everybody's offers are taken back, in the same frame in which the weights are kept, and then go to whom the new
    weights say: three to one."""
    world = World()
    for number in range(8):
        world.agent(hostname=f"h{number}", cpus=4, mem=4096)
    schedulers = {role: world.scheduler(name=role, roles=(role,)) for role in ("heavy", "light")}
    world.settle()
    assert [len(scheduler.offers()) for scheduler in schedulers.values()] == [4, 4]
    assert change(world, ("heavy", 3.0)) is None
    frame = world.frames[-1]
    assert frame.writes == [UpdateWeights({"heavy": 3.0})]
    assert [len(scheduler.of(Event.Type.RESCIND)) for scheduler in schedulers.values()] == [4, 4]
    assert world.changes(WeightsUpdated) == [WeightsUpdated({"heavy": 3.0})]
    world.advance(1)
    assert [len(scheduler.offers()) for scheduler in schedulers.values()] == [6, 2]


@pytest.mark.parametrize(
    ("role", "weight", "is_rescinded"),
    [("a/b", 2.0, True), ("a", 2.0, True), ("a/b/c", 2.0, False), ("other", 2.0, False), ("a/b", 1.0, False)],
)
def test_offers_are_taken_back_if_it_matters_to_somebody(role: str, weight: float, is_rescinded: bool) -> None:
    """A framework is in the role or below it, and the role weighs otherwise than before; kept it is in any case."""
    world = World()
    world.agent()
    scheduler = world.scheduler(roles=("a/b",))
    world.settle()
    assert change(world, (role, weight)) is None
    assert bool(scheduler.of(Event.Type.RESCIND)) is is_rescinded
    assert world.master.registry.weights == {role: weight}


def test_saying_it_again_changes_nothing() -> None:
    """No write, and nobody's offers are taken back; of a role named twice the last word counts."""
    world = World()
    world.agent()
    scheduler = world.scheduler(roles=("a",))
    assert change(world, ("a", 5.0), (" a ", 2.5)) is None
    world.settle()
    assert scheduler.offers() != []
    assert change(world, ("a", 2.5)) is None
    assert world.frames[-1].writes == []
    assert scheduler.of(Event.Type.RESCIND) == []
    assert world.writes()[-1] == UpdateWeights({"a": 2.5})


@pytest.mark.parametrize(
    ("role", "weight", "text"),
    [
        ("a b", 1, ": Invalid role 'a b': Role component 'a b' is invalid because it contains backspace or whitespace"),
        ("../a", 1, ": Invalid role '../a': Role '../a' cannot include '..' as a component"),
        (None, 1, ": Invalid role '': Role names cannot be the empty string"),
        ("x", 1, ": Unknown role 'x'"),
        ("ads", 0, " for role 'ads': Invalid weight '0': Weights must be positive"),
        ("ads", -1.5, " for role 'ads': Invalid weight '-1.5': Weights must be positive"),
        ("ads", math.nan, " for role 'ads': Invalid weight 'nan': Weights must be positive"),
        ("ads", math.inf, " for role 'ads': Invalid weight 'inf': Weights must be finite"),
    ],
)
def test_what_is_refused_changes_nothing(role: str | None, weight: float, text: str) -> None:
    """Not even the weights before it on the list."""
    world = World(Options(roles=("ads", "good")))
    world.recover()
    refusal = change(world, ("good", 2.0), (role, weight))
    assert refusal == "Failed to validate update weights request JSON" + text
    assert world.frames[-1].writes == []
    assert world.master.registry.weights == {}


def test_the_default_role_may_weigh_something_under_a_whitelist() -> None:
    """``*`` is on every list."""
    world = World(Options(roles=("a",)))
    assert change(world, ("*", 2.0)) is None
    assert world.master.registry.weights == {"*": 2.0}


# ---- what a new master knows


def test_flags_are_what_a_cluster_begins_with() -> None:
    """They are kept in a registry that has no weights; later masters go by the registry, whatever their flags say."""
    first = World(Options(weights={"a": 2.0}))
    assert UpdateWeights({"a": 2.0}) in first.recover().writes
    later = World(Options(weights={"b": 7.0}))
    assert later.recover(facts=[UpdateWeights({"a": 3.0})]).writes == []
    assert later.master.registry.weights == {"a": 3.0}


def test_a_new_master_shares_as_the_registry_says() -> None:
    world = World(Options(weights={"light": 100.0}))
    world.recover(facts=[UpdateWeights({"heavy": 3.0})])
    for number in range(8):
        world.agent(hostname=f"h{number}", cpus=4, mem=4096)
    schedulers = [world.scheduler(name=role, roles=(role,)) for role in ("heavy", "light")]
    world.settle()
    assert [len(scheduler.offers()) for scheduler in schedulers] == [6, 2]


# ---- over HTTP


async def test_weights_are_kept_through_a_restart(tmp_path: Path) -> None:
    """Told by PUT and by UPDATE_WEIGHTS, in JSON and in protobuf; read at every place where they are shown."""
    options = Options(port=0, work_dir=str(tmp_path), weights={"flag": 4.0})
    async with asyncio.timeout(60):
        async with MasterServer(options) as master:
            body = json.dumps([{"role": "qa", "weight": 1.5}]).encode()
            put = b"PUT /weights HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            assert (await exchange(master.port, put)).status == 200
            infos = [{"role": "eng", "weight": 3}]
            told = await exchange(master.port, call("UPDATE_WEIGHTS", update_weights={"weight_infos": infos}))
            assert told.status == 200
            update = Call.UpdateWeights(weight_infos=(WeightInfo(role="ads", weight=2.5),))
            body = protobuf.encode(Call(type=Call.Type.UPDATE_WEIGHTS, update_weights=update))
            told = await exchange(master.port, post(API, body, content_type="application/x-protobuf"))
            assert (told.status, told.body) == (200, b"")
        async with MasterServer(Options(port=0, work_dir=str(tmp_path), weights={"flag": 9.0})) as master:
            told = await exchange(master.port, get("/weights"))
            expected = [
                {"role": "ads", "weight": 2.5}, {"role": "eng", "weight": 3.0}, {"role": "flag", "weight": 4.0},
                {"role": "qa", "weight": 1.5},
            ]
            assert json.loads(told.body) == expected
            told = await exchange(master.port, call("GET_WEIGHTS"))
            assert json.loads(told.body)["get_weights"]["weight_infos"] == [
                {"weight": each["weight"], "role": each["role"]} for each in expected
            ]
            for path in ("/roles", "/master/roles"):
                shown = json.loads((await exchange(master.port, get(path))).body)["roles"]
                assert [(role["name"], role["weight"]) for role in shown] == [
                    (each["role"], each["weight"]) for each in expected
                ]
            kept = json.loads((await exchange(master.port, get("/registrar(1)/registry"))).body)
            assert sorted(each["info"]["role"] for each in kept["weights"]) == ["ads", "eng", "flag", "qa"]


CAPTURES = ("UPDATE_WEIGHTS_badrole", "UPDATE_WEIGHTS_neg", "UPDATE_WEIGHTS_zero", "weights_PUT_bad", "weights_PUT")


@pytest.mark.parametrize("name", CAPTURES)
async def test_as_captured(name: str) -> None:
    """Status and text are those of the C++ master."""
    capture = read_capture(golden_dir() / "mutate" / f"{name}.txt")
    async with asyncio.timeout(60), MasterServer(Options(port=0)) as master:
        ours = await exchange(master.port, capture.request)
    assert (ours.status, ours.text) == (capture.status, capture.body)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{}", "Failed to parse update weights request JSON '{}': Unexpected JSON type parsed"),
        ("[1]", "Failed to convert weights JSON array to protobuf '[1]': Expecting a JSON object"),
        (
            '[{"role": "a"}]',
            "Failed to convert weights JSON array to protobuf '[{\"role\": \"a\"}]': Missing required fields: weight",
        ),
    ],
)
async def test_what_is_no_list_of_weights(body: str, text: str) -> None:
    request = f"PUT /weights HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    async with asyncio.timeout(60), MasterServer(Options(port=0)) as master:
        ours = await exchange(master.port, request)
    assert (ours.status, ours.text) == (400, text)
