"""The tasks of a pod as Mesos is asked for them: one group, and an executor that has what they share."""

from __future__ import annotations

from random import Random
from typing import Any

from frameworks.marathon_py.core import Marathon
from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from frameworks.marathon_py.launching import ports
from frameworks.marathon_py.launching.pod import executor_id, launch_group
from frameworks.marathon_py.launching.request import request
from frameworks.marathon_py.launching.task import Slot
from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.wire.codec.json import to_value
from mesos_py.wire.ids import AgentID, FrameworkID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Event as MasterEvent
from mesos_py.wire.task import TaskState
from tests.marathon.app_of import SETTINGS
from tests.marathon.world import World, world_of

FRONT: dict[str, Any] = {
    "name": "front",
    "exec": {"command": {"shell": "serve"}},
    "resources": {"cpus": 0.5, "mem": 64},
    "endpoints": [{"name": "web", "containerPort": 80, "hostPort": 0, "protocol": ["tcp", "udp"]}],
    "image": {"kind": "DOCKER", "id": "i", "forcePull": True},
    "volumeMounts": [{"name": "shared", "mountPath": "s"}, {"name": "etc", "mountPath": "/e", "readOnly": True}],
    "healthCheck": {"http": {"endpoint": "web", "path": "/ok"}, "gracePeriodSeconds": 5, "intervalSeconds": 30},
    "lifecycle": {"killGracePeriodSeconds": 1.5},
    "labels": {"a": "front"},
    "resourceLimits": {"cpus": 1},
    "tty": True,
}
SIDE: dict[str, Any] = {
    "name": "side",
    "exec": {"command": {"argv": ["x", "y"]}},
    "resources": {"cpus": 0.1, "mem": 32, "disk": 5},
    "endpoints": [{"name": "adm", "containerPort": 0}, {"name": "raw", "containerPort": 90, "hostPort": 9000}],
    "check": {"tcp": {"endpoint": "raw"}},
    "artifacts": [{"uri": "u"}],
    "linuxInfo": {"seccomp": {"unconfined": True}},
}
BODY: dict[str, Any] = {
    "id": "/shop/pod",
    "containers": [FRONT, SIDE],
    "volumes": [{"name": "shared"}, {"name": "etc", "host": "/etc"}],
    "networks": [{"mode": "container", "name": "n"}],
    "labels": {"a": "pod"},
    "user": "nobody",
    "linuxInfo": {"ipcInfo": {"mode": "PRIVATE", "shmSize": 8}},
}


def pod_of(**body: Any) -> Pod:
    return complete_pod(read_pod({**BODY, **body}), SETTINGS)


def group_of(pod: Pod, drawn: tuple[int, ...], has: str = "cpus:0.7;mem:128;disk:15") -> dict[str, Any]:
    m = Marathon(Random(7), SETTINGS)
    slot = Slot(AgentID("a0"), "h0", Resources.of(parse_resources(has)), ports.assigned(pod, drawn))
    ids = {container.name: TaskID(container.name) for container in pod.containers}
    group = launch_group(m, pod, "shop_pod.instance-1", ids, FrameworkID("f"), slot)
    return to_value(group)


def test_executor_ids() -> None:
    assert executor_id("shop_pod.instance-1-2") == "instance-shop_pod.1-2"


def test_what_a_pod_needs() -> None:
    """Everything of its containers and its executor; ports in order, those with numbers first."""
    asked = request(Marathon(Random(7), SETTINGS), pod_of())
    assert dict(asked.resources.items()) == {"cpus": 700, "mem": 128_000, "disk": 15_000}
    assert asked.ports == (9000, 0)
    assert ports.assigned(pod_of(), (9000, 31_000)) == (31_000, None, 9000)


def test_the_executor_has_networks_and_ports() -> None:
    has = "cpus:0.7;mem:128;disk:15;ports:[9000-9000,31000-31000]"
    executor = group_of(pod_of(), (9000, 31_000), has)["executor"]
    assert executor == {
        "type": "DEFAULT",
        "executor_id": {"value": "instance-shop_pod.1"},
        "framework_id": {"value": "f"},
        "labels": {"labels": [{"key": "a", "value": "pod"}]},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32.0}},
            {"name": "disk", "type": "SCALAR", "scalar": {"value": 10.0}},
            {"name": "ports", "type": "RANGES",
             "ranges": {"range": [{"begin": 9000, "end": 9000}, {"begin": 31000, "end": 31000}]}},
        ],
        "container": {
            "type": "MESOS",
            "linux_info": {"ipc_mode": "PRIVATE", "shm_size": 8, "share_cgroups": False},
            "network_infos": [{
                "name": "n",
                "port_mappings": [
                    {"host_port": 31_000, "container_port": 80, "protocol": "tcp"},
                    {"host_port": 31_000, "container_port": 80, "protocol": "udp"},
                    {"host_port": 9000, "container_port": 90, "protocol": "tcp"},
                ],
            }],
        },
    }  # fmt: skip


def test_containers_have_what_is_theirs() -> None:
    front, side = group_of(pod_of(), (9000, 31_000))["task_group"]["tasks"]
    for task in (front, side):
        del task["command"]["environment"]
    assert front == {
        "name": "front",
        "task_id": {"value": "front"},
        "agent_id": {"value": "a0"},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.5}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 64.0}},
        ],
        "limits": {"cpus": {"value": 1.0}},
        "command": {"shell": True, "value": "serve", "user": "nobody"},
        "container": {
            "type": "MESOS",
            "mesos": {"image": {"type": "DOCKER", "docker": {"name": "i"}, "cached": False}},
            "tty_info": {},
            "linux_info": {"share_cgroups": False},
            "volumes": [
                {"container_path": "s", "mode": "RW",
                 "source": {"type": "SANDBOX_PATH", "sandbox_path": {"type": "PARENT", "path": "volumes/shared"}}},
                {"container_path": "/e", "mode": "RO", "host_path": "/etc"},
            ],
        },
        "health_check": {
            "type": "HTTP", "http": {"port": 80, "path": "/ok", "scheme": "http", "protocol": "IPv4"},
            "grace_period_seconds": 5.0, "interval_seconds": 30.0, "timeout_seconds": 20.0, "delay_seconds": 15.0,
            "consecutive_failures": 3,
        },
        "kill_policy": {"grace_period": {"nanoseconds": 1_500_000_000}},
        "labels": {"labels": [{"key": "a", "value": "front"}]},
        "discovery": {
            "visibility": "FRAMEWORK", "name": "pod.shop",
            "ports": {"ports": [
                {"number": 31_000, "name": "web", "protocol": protocol,
                 "labels": {"labels": [{"key": "network-scope", "value": "host"}]}} for protocol in ("tcp", "udp")
            ]},
        },
    }  # fmt: skip
    assert side["command"] == {
        "shell": False, "value": "x", "arguments": ["x", "y"], "user": "nobody",
        "uris": [{"value": "u", "extract": True, "executable": False, "cache": False}],
    }  # fmt: skip
    assert side["check"]["tcp"] == {"port": 90}
    assert side["container"]["linux_info"] == {"seccomp": {"unconfined": True}, "share_cgroups": False}


def test_arguments_are_those_of_the_image_unless_they_replace_it() -> None:
    def command(**given: Any) -> Any:
        container = {**FRONT, "exec": {"command": {"argv": ["x", "y"]}, **given}}
        (task,) = group_of(
            pod_of(containers=[container], volumes=BODY["volumes"]), (31_000,), "cpus:0.6;mem:96;disk:10"
        )["task_group"]["tasks"]  # fmt: skip
        return task["command"].get("value"), task["command"]["arguments"]

    assert command() == (None, ["x", "y"])
    assert command(overrideEntrypoint=True) == ("x", ["x", "y"])


# ---- in a world


def small(name: str) -> dict[str, Any]:
    return {"name": name, "exec": {"command": {"shell": "x"}}, "resources": {"cpus": 0.1, "mem": 32},
            "endpoints": [{"name": f"{name}-e"}]}  # fmt: skip


def running(instances: int = 1) -> World:
    body = {"id": "/pod", "containers": [small("a"), small("b")], "scaling": {"kind": "fixed", "instances": instances}}
    world = world_of(complete_pod(read_pod(body), SETTINGS), agents=2)
    world.run()
    return world


def test_a_pod_runs() -> None:
    """One group each, in which every task has its port."""
    world = running(3)
    operations = [one for call in world.calls if call.accept is not None for one in call.accept.operations]
    assert [one.type for one in operations] == [Offer.Operation.Type.LAUNCH_GROUP] * 3
    assert len(world.alive()) == 6
    for instance in world.of("/pod"):
        assert [*instance.tasks] == ["a", "b"]
        assert {task.id for task in instance.tasks.values()} == {f"{instance.id}.{name}.1" for name in "ab"}
        assert all(len(task.host_ports) == 1 for task in instance.tasks.values())
        assert instance.condition.value == "Running"
    taken = [task.host_ports for instance in world.of("/pod") for task in instance.tasks.values()]
    places = [instance.placed.hostname for instance in world.of("/pod") for _ in "ab" if instance.placed is not None]
    assert len({*zip(places, taken, strict=True)}) == 6


def test_a_group_that_nobody_heard_never_was() -> None:
    body = {"id": "/pod", "containers": [small("a"), small("b")]}
    world = world_of(complete_pod(read_pod(body), SETTINGS), agents=1)
    world.is_cut = True
    (agent,) = world.agents.values()
    world.tell(MasterEvent.Offers(offers=(agent.template,)))
    (instance,) = world.of("/pod")
    assert (instance.condition.value, instance.incarnation, instance.tasks) == ("Scheduled", 0, {})
    world.is_cut = False
    world.run()
    assert len(world.alive()) == 2


def test_the_end_of_one_is_the_end_of_all_and_the_next_incarnation() -> None:
    world = running()
    (instance,) = world.of("/pod")
    world.end(instance.tasks["a"].id, TaskState.TASK_FAILED)
    world.end(instance.tasks["b"].id, TaskState.TASK_KILLED)
    assert instance.condition.value == "Scheduled"
    world.now += 2_000_000_000
    world.advance(0)
    world.run()
    assert sorted(world.alive()) == [f"{instance.id}.a.2", f"{instance.id}.b.2"]
