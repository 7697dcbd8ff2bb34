"""Tasks of Docker in a network of their own, through a whole agent: addresses, and checks that look from inside."""

from __future__ import annotations

import json

import pytest

from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState
from tests.agent.containerizer.docker.daemon import IMAGE
from tests.agent.kinds import Host, needs

pytestmark = [pytest.mark.xdist_group("kinds"), pytest.mark.asyncio(loop_scope="module")]

BRIDGED = ContainerInfo(
    type=ContainerInfo.Type.DOCKER,
    docker=ContainerInfo.DockerInfo(image=IMAGE, network=ContainerInfo.DockerInfo.Network.BRIDGE),
)
SERVES = "mkdir /www; echo well >/www/index.html; trap 'exit 0' TERM; httpd -p 8000 -h /www; {}"
LOOP = "while :; do sleep 0.02; done"
ONCE = {"delay_seconds": 0.0, "interval_seconds": 0.05, "grace_period_seconds": 30.0, "consecutive_failures": 1}


def bridged(host: Host, script: str, **fields: object) -> str:
    info = evolve(host.task(script, **fields), container=BRIDGED)
    host.master.run(info, checkpoint=True)
    return info.task_id


@needs("docker")
async def test_a_check_looks_from_inside(host: Host) -> None:
    """Nobody listens there on the host; it is well until nobody listens inside, and is killed then."""
    http = HealthCheck.HTTPCheckInfo(port=8000, path="/")
    check = HealthCheck(type=HealthCheck.Type.HTTP, http=http, **ONCE)
    until = "until [ -e /mnt/mesos/sandbox/go ]; do sleep 0.02; done; killall httpd; " + LOOP
    task_id = bridged(host, SERVES.format(until), health_check=check)
    await host.master.met(lambda: any(one.healthy for one in host.master.statuses if one.task_id == task_id))
    (host.sandbox(task_id) / "go").touch()
    end = await host.end(task_id)
    assert (end.state, end.healthy) == (TaskState.TASK_KILLED, False)


@needs("docker")
async def test_statuses_tell_its_address_and_what_docker_says(host: Host) -> None:
    """So they do after a kill -9 of the agent."""
    check = CheckInfo(
        type=CheckInfo.Type.TCP, tcp=CheckInfo.Tcp(port=8000), delay_seconds=0.0, interval_seconds=0.05
    )
    task_id = bridged(host, SERVES.format(LOOP), check=check)
    await host.running(task_id)
    running = next(one for one in host.master.statuses if one.task_id == task_id and one.data is not None)
    assert running.data is not None and running.container_status is not None
    (told,) = json.loads(running.data)
    (info,) = running.container_status.network_infos
    assert [one.ip_address for one in info.ip_addresses] == [told["NetworkSettings"]["IPAddress"]]
    statuses = host.master.statuses

    def succeeded() -> bool:
        found = [one.check_status for one in statuses if one.task_id == task_id]
        return any(one is not None and one.tcp is not None and one.tcp.succeeded for one in found)

    await host.master.met(succeeded)
    await host.killed()
    await host.again()
    host.master.kill(task_id, 30)
    end = await host.end(task_id)
    assert (end.state, end.message) == (TaskState.TASK_KILLED, "Container exited with status 0")
    assert end.container_status is not None and end.container_status.network_infos == (info,)
