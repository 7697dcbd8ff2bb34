"""Checked tasks as real processes: servers that turn bad, commands that hang, an agent that is killed in between."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer.supervisor import procfs
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.server import AgentServer
from mesos_py.wire import internal
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, CheckStatusInfo, HealthCheck
from mesos_py.wire.task import TaskGroupInfo, TaskInfo, TaskStatus
from tests import builders
from tests.agent.containerizer.harness import pid_in, until
from tests.agent.masters import Master
from tests.agent.programs import AgentProgram
from tests.agent.test_server import shell
from tests.agent.world import AGENT_ID, FRAMEWORK_ID, framework
from tests.ports import free_port

pytestmark = pytest.mark.xdist_group("restarts")

SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists(sys.argv[2]) else 500)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
async def server(master: Master, tmp_path: Path) -> AsyncIterator[AgentServer]:
    options = AgentOptions(
        master=f"127.0.0.1:{master.port}", work_dir=str(tmp_path / "work"), runtime_dir=str(tmp_path / "run"), port=0,
        switch_user=False, registration_backoff_factor=1, resources="cpus:8;mem:1024",
    )  # fmt: skip
    async with AgentServer(options) as made:
        await master.met(lambda: bool(master.peer))
        yield made


def health(**fields: Any) -> HealthCheck:
    given = {"delay_seconds": 0.0, "interval_seconds": 0.1, "grace_period_seconds": 0.0, "consecutive_failures": 2}
    return HealthCheck(**(given | fields))


def commanded(command: str, **fields: Any) -> HealthCheck:
    return health(type=HealthCheck.Type.COMMAND, command=CommandInfo(value=command), **fields)


def checked(type_: CheckInfo.Type, **fields: Any) -> CheckInfo:
    return CheckInfo(type=type_, delay_seconds=0.0, interval_seconds=0.1, **fields)


def sandbox(server: AgentServer, executor_id: str) -> Path:
    run = f"slaves/{AGENT_ID}/frameworks/{FRAMEWORK_ID}/executors/{executor_id}/runs/latest"
    return (Path(server.options.work_dir) / run).resolve()


def flags(master: Master) -> list[tuple[str, bool | None]]:
    """(state, healthy) as they were said, after STARTING."""
    return [(one.state.name.removeprefix("TASK_"), one.healthy) for one in master.statuses[1:]]


def last(master: Master) -> TaskStatus:
    return master.statuses[-1]


@pytest.mark.usefixtures("server")
async def test_a_server_that_turns_bad(master: Master, tmp_path: Path) -> None:
    """1 it starts slowly, within its grace; 2 it is healthy, and its port is open; 3 it turns bad; 4 it is killed."""
    good, port = tmp_path / "good", free_port()
    good.touch()
    (tmp_path / "server.py").write_text(SERVER)
    info = shell(
        "t", f"exec {sys.executable} {tmp_path}/server.py {port} {good}",
        health_check=health(
            type=HealthCheck.Type.HTTP, http=HealthCheck.HTTPCheckInfo(port=port, path="/x"), grace_period_seconds=60.0
        ),
        check=checked(CheckInfo.Type.TCP, tcp=CheckInfo.Tcp(port=port)),
    )  # fmt: skip
    master.run(info)
    open_ = CheckStatusInfo(type=CheckInfo.Type.TCP, tcp=CheckStatusInfo.Tcp(succeeded=True))
    await master.met(lambda: bool(master.statuses) and last(master).healthy is True)
    await master.met(lambda: last(master).check_status == open_)
    good.unlink()
    assert (await master.until("t", "KILLED"))[-1] == "KILLED"
    said = [one for one in flags(master) if one[1] is not None]
    assert said[-3:] == [("RUNNING", False), ("RUNNING", False), ("KILLED", False)]
    assert last(master).message == "Command terminated with signal Terminated"


async def test_a_command_that_hangs(master: Master, server: AgentServer, tmp_path: Path) -> None:
    """When its time is up its task is killed, of the command nothing is left; what it said is in the sandbox."""
    command = f"echo $$ >> {tmp_path}/pids; pwd; sleep 1000 & wait"
    check = commanded(command, timeout_seconds=2.0, consecutive_failures=1)
    master.run(shell("t", "echo mine >&2; exec sleep 1000", health_check=check))
    await master.until("t", "KILLED")
    assert flags(master) == [("RUNNING", None), ("RUNNING", False), ("KILLED", False)]
    (pid,) = map(int, (tmp_path / "pids").read_text().split())
    await until(lambda: not _runs(pid))
    run = sandbox(server, "t")
    assert sorted((run / "stderr").read_text().split()) == sorted(["mine", str(run)])


def _runs(pid: int) -> bool:
    status = procfs.stat(pid)
    return status is not None and status.state not in b"ZX"


async def test_a_check_of_a_task_in_a_group(master: Master, server: AgentServer) -> None:
    """Its value is said when it is another one; the task's environment and sandbox are there."""
    check = checked(
        CheckInfo.Type.COMMAND,
        command=CheckInfo.Command(command=CommandInfo(value='test "$PWD" = "$MESOS_SANDBOX" && exit $(cat code)')),
    )
    group(master, shell("t", "echo 4 > code; until [ -e stop ]; do sleep 0.01; done", check=check))

    def code() -> int | None:
        status = last(master).check_status if master.statuses else None
        return status.command.exit_code if status is not None and status.command is not None else None

    await master.met(lambda: code() == 4)
    (task_sandbox,) = (sandbox(server, "default") / "containers").iterdir()
    (task_sandbox / "code").write_text("5")
    await master.met(lambda: code() == 5)
    (task_sandbox / "stop").touch()
    assert (await master.until("t", "FINISHED"))[-1] == "FINISHED"


def group(master: Master, *infos: TaskInfo) -> None:
    executor = builders.default_executor("default")
    master.say(
        internal.RunTaskGroup(
            framework=framework(user="root"), executor=executor, task_group=TaskGroupInfo(tasks=infos),
            launch_executor=True,
        )
    )  # fmt: skip


async def test_the_agent_is_killed_in_between(master: Master, agent: AgentProgram, tmp_path: Path) -> None:
    """1 healthy; 2 kill -9 of the agent while a check runs; 3 the next one goes on, and nothing is said twice.

    4 what the former agent's check had started is gone; 5 the task turns bad and is killed.
    """
    good = tmp_path / "good"
    good.touch()
    command = f"test -e {good} || exit 1; [ -e {tmp_path}/hang ] || exit 0; echo $$ > {tmp_path}/pid; exec sleep 1000"
    info = shell("t", "exec sleep 1000", health_check=commanded(command, timeout_seconds=0.0))
    master.run(info, checkpoint=True)
    await master.met(lambda: bool(master.statuses) and last(master).healthy is True)
    (tmp_path / "hang").touch()
    pid = await pid_in(tmp_path / "pid")
    await agent.killed()
    (tmp_path / "hang").unlink()
    await agent.registered()
    await until(lambda: not _runs(pid))
    good.unlink()
    await master.until("t", "KILLED")
    assert flags(master) == [
        ("RUNNING", None), ("RUNNING", True), ("RUNNING", False), ("RUNNING", False), ("KILLED", False),
    ]  # fmt: skip
