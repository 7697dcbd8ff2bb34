"""Agents and schedulers that lie: whatever they say, the master neither fails nor loses count.

Words that decoders let through but nobody honest says: of other agents, of tasks that are not there, with odd states,
ids and amounts. All invariants are checked after every one (``World``).
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.wire import internal
from mesos_py.wire.ids import FrameworkID, OfferID
from mesos_py.wire.offer import Filters
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import Task, TaskState, TaskStatus
from mesos_py.wire.value import Value
from tests import builders
from tests.master.world import World

ODD = ["", ".", "a/b", "\udcff", "x" * 300]
agent_ids = st.sampled_from(["m-S0", "m-S1", *ODD])
framework_ids = st.sampled_from(["m-0000", "m-0001", *ODD])
task_ids = st.sampled_from(["t", "u", *ODD])
executor_ids = st.sampled_from(["e", *ODD])
amounts = st.sampled_from([0.0, 1.0, -1.0, 1e300, float("nan"), float("inf"), 0.0001])
uuids = st.sampled_from([None, b"", b"u" * 16])
roles = st.sampled_from(["*", "eng", "", "a//b", None])
resources = st.lists(
    st.builds(builders.scalar, st.sampled_from(["cpus", "mem", ""]), st.just(1), roles), max_size=2
).map(tuple)


def odd_scalar(name: str, amount: float) -> Any:
    made = builders.scalar(name, 1, "*")
    return type(made)(
        name=name, type=made.type, scalar=Value.Scalar(value=amount), allocation_info=made.allocation_info
    )


odd_resources = resources | st.tuples(st.builds(odd_scalar, st.sampled_from(["cpus", "gpus"]), amounts))

statuses = st.builds(
    TaskStatus,
    task_id=task_ids,
    state=st.sampled_from(TaskState),
    agent_id=st.none() | agent_ids,
    uuid=uuids,
    data=st.sampled_from([None, b"x"]),
)
frameworks = st.builds(
    builders.framework_info,
    framework_id=framework_ids,
    roles=st.lists(roles.filter(lambda role: role is not None), max_size=2).map(tuple),
    failover_timeout=amounts,
)
tasks = st.builds(
    Task,
    name=task_ids,
    task_id=task_ids,
    framework_id=framework_ids,
    agent_id=agent_ids,
    executor_id=st.none() | executor_ids,
    state=st.sampled_from(TaskState),
    resources=odd_resources,
)
executors = st.builds(builders.executor, executor_ids, framework_id=st.none() | framework_ids, resources=odd_resources)
infos = st.builds(builders.agent_info, agent_id=st.none() | agent_ids, resources=odd_resources)
registered = st.builds(
    internal.RegisterAgent,
    agent=infos,
    pid=st.sampled_from(["", "slave(1)@127.0.0.1:5051", "@", "x@y:z"]),
    version=st.sampled_from(["1.12.0", "", "1"]),
    checkpointed_resources=odd_resources,
)
reregistered = st.builds(
    internal.ReregisterAgent,
    agent=infos,
    pid=st.sampled_from(["", "slave(1)@127.0.0.1:5051"]),
    version=st.just("1.12.0"),
    checkpointed_resources=odd_resources,
    tasks=st.lists(tasks, max_size=3).map(tuple),
    executors=st.lists(executors, max_size=2).map(tuple),
    frameworks=st.lists(frameworks, max_size=2).map(tuple),
)
words = st.one_of(
    registered,
    reregistered,
    reregistered,
    st.builds(internal.UnregisterAgent, agent_id=agent_ids),
    st.builds(
        internal.StatusUpdate,
        framework_id=framework_ids,
        status=statuses,
        latest_state=st.none() | st.sampled_from(TaskState),
    ),
    st.builds(internal.ExitedExecutor, framework_id=framework_ids, executor_id=executor_ids, status=st.integers(-1, 9)),
    st.builds(internal.ExecutorToFramework, framework_id=framework_ids, executor_id=executor_ids, data=st.just(b"")),
    st.sampled_from([internal.Pong(), internal.Ping(connected=False), internal.ShutdownAgent(message="x")]),
)


def busy_world() -> World:
    world = World()
    for hostname in "ab":
        world.agent(hostname=hostname)
    schedulers = [world.scheduler(name=name, roles=("eng",)) for name in "xy"]
    world.settle()
    holder = next(s for s in schedulers if any(offer.agent_id == "m-S0" for offer in s.offers()))
    holder.launch(builders.task("t", "m-S0", executor=builders.executor("e")))
    return world


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(words, st.sampled_from(["agent-1", "agent-2", "agent-9"])), max_size=8))
def test_nothing_an_agent_says_breaks_the_master(said: list[tuple[Any, str]]) -> None:
    world = busy_world()
    for word, peer in said:
        if peer not in world.closed:
            world.apply(type(word), word, peer)
    world.advance(100)


offer_ids = st.sampled_from([OfferID("m-O0"), OfferID("m-O1"), OfferID("nope"), OfferID("")])
infos_of_tasks = st.builds(
    builders.task,
    task_ids,
    agent_ids,
    resources=odd_resources,
    executor=st.none() | executors,
)
operations = st.builds(builders.launch, infos_of_tasks, infos_of_tasks) | st.builds(
    builders.launch_group, executors, infos_of_tasks
)
payloads: dict[Call.Type, st.SearchStrategy[Any]] = {
    Call.Type.ACCEPT: st.builds(
        Call.Accept,
        offer_ids=st.lists(offer_ids, max_size=3).map(tuple),
        operations=st.lists(operations, max_size=2).map(tuple),
        filters=st.none() | st.builds(Filters, refuse_seconds=amounts),
    ),
    Call.Type.DECLINE: st.builds(
        Call.Decline,
        offer_ids=st.lists(offer_ids, max_size=3).map(tuple),
        filters=st.builds(Filters, refuse_seconds=amounts),
    ),
    Call.Type.KILL: st.builds(Call.Kill, task_id=task_ids, agent_id=st.none() | agent_ids),
    Call.Type.ACKNOWLEDGE: st.builds(Call.Acknowledge, agent_id=agent_ids, task_id=task_ids, uuid=st.just(b"u" * 16)),
    Call.Type.RECONCILE: st.builds(
        Call.Reconcile,
        tasks=st.lists(st.builds(Call.Reconcile.Task, task_id=task_ids, agent_id=agent_ids), max_size=2).map(tuple),
    ),
    Call.Type.SHUTDOWN: st.builds(Call.Shutdown, executor_id=executor_ids, agent_id=agent_ids),
    Call.Type.MESSAGE: st.builds(Call.Message, executor_id=executor_ids, agent_id=agent_ids, data=st.just(b"x")),
    Call.Type.SUBSCRIBE: st.builds(Call.Subscribe, framework_info=frameworks),
    Call.Type.UPDATE_FRAMEWORK: st.builds(Call.UpdateFramework, framework_info=frameworks),
}
calls = st.sampled_from(list(payloads)).flatmap(
    lambda type_: st.builds(
        lambda framework_id, payload: Call(
            type=type_, framework_id=FrameworkID(framework_id), **{type_.name.lower(): payload}
        ),
        framework_ids,
        payloads[type_],
    )
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(calls, st.sampled_from(["scheduler-3", "scheduler-4", "nobody"])), max_size=8))
def test_nothing_a_scheduler_says_breaks_the_master(said: list[tuple[Call, str]]) -> None:
    world = busy_world()
    for call, peer in said:
        stream = world.peer("stream") if call.type is Call.Type.SUBSCRIBE else peer
        if stream not in world.closed:
            world.apply(call.type, call, stream)
    world.advance(100)
