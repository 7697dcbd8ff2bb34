"""Counters are what happened, gauges what is: a busy cluster, told as metrics."""

from __future__ import annotations

from mesos_py.flags import Rate
from mesos_py.master.events import ChangeQuota, RemoveQuota
from mesos_py.master.metrics import Metrics
from mesos_py.master.options import Options
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call, Event
from mesos_py.wire.task import TaskState
from tests import builders
from tests.master.busy import busy_world, said
from tests.master.world import AgentDouble, World


def told(world: World, *, per_framework: bool = True) -> dict[str, float]:
    """Every metric after all frames of the world."""
    metrics = Metrics(world.master, started_ns=world.now - 5 * 10**9, per_framework=per_framework)
    for frame in world.frames:
        metrics.observe(frame)
    samples = list(metrics.samples(world.now))
    names = [sample.name for sample in samples]
    assert len(names) == len(set(names)), "a metric is told twice"
    return {sample.name: float(sample.number) for sample in samples}


def test_a_busy_cluster() -> None:
    world, scheduler, _ = busy_world()
    numbers = told(world)
    expected = {
        "master/uptime_secs": 5,
        "master/slaves_connected": 1, "master/slaves_active": 1, "master/slave_registrations": 1,
        "master/frameworks_connected": 1, "master/frameworks_disconnected": 1, "master/frameworks_active": 1,
        "master/tasks_running": 3, "master/tasks_staging": 0, "master/tasks_finished": 1, "master/tasks_failed": 1,
        "master/outstanding_offers": 1,
        "master/cpus_total": 64, "master/cpus_used": 1.3, "master/cpus_percent": 1.3 / 64, "master/mem_used": 160,
        "master/gpus_percent": 0,
        "master/messages_register_slave": 1, "master/messages_status_update": 12,
        "master/messages_status_update_acknowledgement": 12, "master/messages_launch_tasks": 2,
        "master/valid_status_updates": 12, "master/invalid_status_updates": 0,
        "master/valid_status_update_acknowledgements": 12,
        "allocator/mesos/resources/cpus/offered_or_allocated": 64,
    }  # fmt: skip
    assert {name: numbers[name] for name in expected} == expected
    prefix = f"master/frameworks/golden-running/{scheduler.id}"
    of_framework = {
        "subscribed": 1, "offers/sent": 2, "offers/accepted": 1, "operations": 2, "operations/launch": 1,
        "operations/launch_group": 1, "tasks/active/task_running": 3, "tasks/terminal/task_finished": 1,
        "tasks/terminal/task_failed": 1, "roles/eng/web/suppressed": 0,
    }  # fmt: skip
    assert {name: numbers[f"{prefix}/{name}"] for name in of_framework} == of_framework


def test_a_launch_of_nothing_is_a_decline() -> None:
    world, scheduler, _ = busy_world()
    declines = told(world)["master/messages_decline_offers"]
    launch = Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=Offer.Operation.Launch())
    scheduler.accept((), launch)
    scheduler.accept(())
    scheduler.accept((), Offer.Operation(type=Offer.Operation.Type.RESERVE))
    numbers = told(world)
    assert (numbers["master/messages_decline_offers"], numbers["master/messages_launch_tasks"]) == (declines + 2, 2)


def test_roles_as_the_allocator_sees_them() -> None:
    """Each role somebody is in has its share; each role, ancestors too, has its number of declines."""
    world, scheduler, _ = busy_world()
    prefix = "allocator/mesos"
    numbers = told(world)
    assert numbers[f"{prefix}/roles/*/shares/dominant"] == 1.3 / 64
    assert numbers[f"{prefix}/roles/eng/web/shares/dominant"] == 1 - 10 / 100_000  # disk but for its pod's
    filters = {name: number for name, number in numbers.items() if name.startswith(f"{prefix}/offer_filters/")}
    roles = ("*", "eng", "eng/web", "ops")
    assert filters == {f"{prefix}/offer_filters/roles/{role}/active": 0.0 for role in roles}
    scheduler.decline(*world.state.offers)
    assert told(world)[f"{prefix}/offer_filters/roles/eng/web/active"] == 1


def test_an_agent_that_is_lost_and_comes_back() -> None:
    world, scheduler, agent = busy_world()
    agent.fall_silent()
    world.advance(100)
    numbers = told(world)
    assert numbers["master/slaves_unreachable"] == numbers["master/slave_unreachable_completed"] == 1
    assert numbers["master/slave_removals/reason_unhealthy"] == 1
    assert numbers["master/tasks_unreachable"] == 3
    assert numbers[f"master/frameworks/golden-running/{scheduler.id}/tasks/active/task_unreachable"] == 3
    agent.reregister()
    assert told(world)["master/slave_reregistrations"] == 1


def test_agents_that_wait_to_be_given_up() -> None:
    """Scheduled, done and cancelled, as in Mesos; those that a new master never saw once more by themselves."""
    world = World(Options(agent_removal_rate_limit=Rate(1, 60)))
    world.recover(*[builders.agent_info(agent_id=f"old-{name}", hostname=name) for name in "abc"])
    world.advance(601)
    back = AgentDouble(world, builders.agent_info(agent_id="old-b", hostname="b"))
    back.reregister()
    world.advance(30)
    numbers = told(world)
    names = ("scheduled", "completed", "canceled")
    assert [numbers[f"master/slave_unreachable_{name}"] for name in names] == [3, 1, 1]
    world.advance(60)
    numbers = told(world)
    assert [numbers[f"master/slave_unreachable_{name}"] for name in names] == [3, 2, 1]
    assert numbers["master/recovery_slave_removals"] == numbers["master/slave_removals"] == 2
    back.fall_silent()
    world.advance(100)
    numbers = told(world)
    assert (numbers["master/recovery_slave_removals"], numbers["master/slave_removals/reason_unhealthy"]) == (2, 3)
    world.mark_gone("old-b")
    assert told(world)["master/slave_removals"] == 3


def test_ends_are_counted_by_source_and_reason() -> None:
    """Reasons keep the words of old, in which an agent is a slave."""
    world, scheduler, agent = busy_world()
    scheduler.launch(builders.task("bad id/", agent.id, cpus=0.1, mem=32))
    numbers = told(world)
    assert numbers["master/tasks_error"] == 1
    assert numbers["master/task_error/source_master/reason_task_invalid"] == 1
    said(scheduler, agent, "long-1", TaskState.TASK_KILLED)
    assert told(world)["master/tasks_killed"] == 1


def test_calls_and_events_of_a_framework() -> None:
    world, scheduler, _ = busy_world()
    metrics = Metrics(world.master, started_ns=0)
    framework = world.state.frameworks[scheduler.id]
    metrics.called(Call(type=Call.Type.SUBSCRIBE))
    metrics.sent(framework, Event(type=Event.Type.SUBSCRIBED))
    metrics.called(Call(type=Call.Type.REVIVE, framework_id=scheduler.id))
    metrics.called(Call(type=Call.Type.REVIVE, framework_id="nobody"))
    metrics.sent(None, Event(type=Event.Type.HEARTBEAT))
    numbers = {sample.name: sample.number for sample in metrics.samples(0)}
    prefix = f"master/frameworks/golden-running/{scheduler.id}"
    assert numbers["master/messages_register_framework"] == 1
    assert (numbers[f"{prefix}/calls"], numbers[f"{prefix}/calls/subscribe"], numbers[f"{prefix}/calls/revive"]) == (
        2,
        1,
        1,
    )
    assert (numbers[f"{prefix}/events"], numbers[f"{prefix}/events/subscribed"]) == (1, 1)


def test_frameworks_may_be_left_out() -> None:
    world, _, _ = busy_world()
    names = [name for name in told(world, per_framework=False) if name.startswith("master/frameworks/")]
    assert names and all(name.endswith("/subscribed") for name in names)


def test_names_with_slashes_are_encoded() -> None:
    world = World()
    scheduler = world.scheduler(name="team/a b%")
    assert f"master/frameworks/team%2Fa b%25/{scheduler.id}/subscribed" in told(world)


def test_quota_is_told_as_long_as_there_is_any() -> None:
    """Guarantee and limit of each resource that has one, and what the role has of it, offered or used."""
    world = World()
    world.agent(cpus=4, mem=4096)
    world.scheduler(roles=("a/b",))
    world.settle()
    change = ChangeQuota((builders.quota("a", {"cpus": 1.5}, {"cpus": 4, "gpus": 0}),), force=False)
    world.apply(ChangeQuota, change)
    prefix = "allocator/mesos/quota/roles/a/resources"
    assert {name: number for name, number in told(world).items() if name.startswith("allocator/mesos/quota")} == {
        f"{prefix}/cpus/guarantee": 1.5, f"{prefix}/cpus/limit": 4, f"{prefix}/gpus/limit": 0,
        f"{prefix}/cpus/offered_or_allocated": 4, f"{prefix}/gpus/offered_or_allocated": 0,
    }  # fmt: skip
    world.apply(RemoveQuota, RemoveQuota("a"))
    assert not any(name.startswith("allocator/mesos/quota") for name in told(world))
