"""The cluster that the golden captures named ``.running`` were taken of, as a world of ours."""

from __future__ import annotations

from typing import Any

from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerStatus
from mesos_py.wire.discovery import DiscoveryInfo, Port, Ports
from mesos_py.wire.framework import FrameworkInfo
from mesos_py.wire.health import CheckInfo, CheckStatusInfo, HealthCheck
from mesos_py.wire.ids import ContainerID, ExecutorID
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import Label, Labels
from tests import builders
from tests.master.world import AgentDouble, Scheduler, World

CAPABILITY = FrameworkInfo.Capability.Type


def busy_world() -> tuple[World, Scheduler, AgentDouble]:
    """One agent, a scheduler that has gone, and one with a pod, a long task, ended tasks and an offer."""
    world = World()
    agent = world.agent(
        resources=(*builders.resources(cpus=64, mem=65536, disk=100_000), builders.ports((31000, 32000)))
    )
    gone = world.scheduler(name="golden-disconnected", roles=("ops",), failover_timeout=600.0, checkpoint=False)
    gone.disconnect()
    scheduler = world.scheduler(
        name="golden-running",
        roles=("eng/web", "*"),
        capabilities=(CAPABILITY.PARTITION_AWARE, CAPABILITY.RESERVATION_REFINEMENT, CAPABILITY.TASK_KILLING_STATE),
        hostname="sched.example",
        webui_url="http://x/",
        principal="golden",
        failover_timeout=600.0,
        labels=labels("fk", "fv"),
    )
    world.settle()
    pod = builders.launch_group(
        builders.default_executor("grp-exec", scheduler.id),
        builders.task("pod-a", agent.id, cpus=0.1, mem=32),
        builders.task("pod-b", agent.id, cpus=0.1, mem=32),
    )
    long_task = builders.task(
        "long-1",
        agent.id,
        resources=(*builders.resources(cpus=1, mem=64), builders.ports((31000, 31001))),
        labels=labels("k", "v"),
        discovery=DiscoveryInfo(
            visibility=DiscoveryInfo.Visibility.CLUSTER,
            name="svc",
            ports=Ports(ports=(Port(number=80, name="http", protocol="tcp"),)),
        ),
        health_check=HealthCheck(
            type=HealthCheck.Type.COMMAND,
            command=CommandInfo(value="true"),
            delay_seconds=0.0,
            interval_seconds=5.0,
            timeout_seconds=5.0,
        ),
    )
    quick = [builders.task(name, agent.id, cpus=0.1, mem=32) for name in ("quick-1", "fail-1")]
    offer = scheduler.offers()[0]
    scheduler.accept([offer], pod, builders.launch(long_task, *quick), refuse_s=0)
    for name in ("pod-a", "pod-b", "long-1", "quick-1", "fail-1"):
        for state in (TaskState.TASK_STARTING, TaskState.TASK_RUNNING):
            fields: dict[str, Any] = {}
            if (name, state) == ("long-1", TaskState.TASK_RUNNING):
                fields |= {"healthy": True, "reason": TaskStatus.Reason.REASON_TASK_HEALTH_CHECK_STATUS_UPDATED}
            if name == "pod-b":
                fields["check_status"] = CheckStatusInfo(type=CheckInfo.Type.COMMAND, command=CheckStatusInfo.Command())
            said(scheduler, agent, name, state, **fields)
    said(scheduler, agent, "quick-1", TaskState.TASK_FINISHED)
    said(scheduler, agent, "fail-1", TaskState.TASK_FAILED)
    world.advance(2)
    return world, scheduler, agent


def said(scheduler: Scheduler, agent: AgentDouble, name: str, state: TaskState, **fields: Any) -> TaskStatus:
    """An update, acknowledged."""
    container = ContainerID(value=f"c-{name}")
    if name.startswith("pod"):
        container = ContainerID(value=f"c-{name}", parent=ContainerID(value="c-pod"))
    address = NetworkInfo.IPAddress(protocol=NetworkInfo.Protocol.IPv4, ip_address="127.0.0.1")
    status = agent.update(
        scheduler.id,
        name,
        state,
        executor_id=ExecutorID("grp-exec" if name.startswith("pod") else name),
        container_status=ContainerStatus(
            container_id=container, network_infos=(NetworkInfo(ip_addresses=(address,)),), executor_pid=42
        ),
        **fields,
    )
    scheduler.acknowledge(status)
    return status


def labels(key: str, value: str) -> Labels:
    return Labels(labels=(Label(key=key, value=value),))
