"""The same tasks, however they are run: what each comes to, and that nothing is left of it (``kinds.py``)."""

from __future__ import annotations

import os
import signal

import pytest

from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.health import HealthCheck
from mesos_py.wire.linux import RLimitInfo
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import Value
from mesos_py.wire.volume import Volume
from tests.agent.containerizer.harness import until
from tests.agent.kinds import Host, needs, scalars
from tests.agent.world import kill_policy

pytestmark = [pytest.mark.xdist_group("kinds"), pytest.mark.asyncio(loop_scope="module")]

Reason = TaskStatus.Reason
LOOPS = "touch ready; while :; do sleep 0.02; done"

#: Takes 512 MB at once.
HOG = "exec dd if=/dev/zero of=/dev/null bs=512M count=1"


# ---- how tasks end


@pytest.mark.parametrize(
    ("script", "state", "message"),
    [
        ("exit 0", "FINISHED", "Command exited with status 0"),
        ("exit 7", "FAILED", "Command exited with status 7"),
        ("exit 143", "FAILED", "Command exited with status 143"),
        ("kill -TERM $$; sleep 9", "FAILED", "Command terminated with signal Terminated"),
        ("kill -KILL $$; sleep 9", "FAILED", "Command terminated with signal Killed"),
        ("kill -SEGV $$; sleep 9", "FAILED", "Command terminated with signal Segmentation fault"),
        (CommandInfo(shell=False, value="no-such-program"), "FAILED", "Command exited with status 1"),
        (CommandInfo(shell=False, value="/no/such/program"), "FAILED", "Command exited with status 1"),
    ],
)
async def test_how_a_command_ends(host: Host, script: str | CommandInfo, state: str, message: str) -> None:
    task_id = host.run(script)
    end = await host.end(task_id)
    assert host.master.states[task_id] == ["STARTING", "RUNNING", state], end.message
    expected = host.kind.says(message)
    if host.dockerd is not None and isinstance(script, CommandInfo):
        expected = "Container exited with status 127"  # as docker run exits
    assert (end.message, end.reason) == (expected, None)


async def test_the_state_of_the_last_process_counts_and_nothing_outlives_it(host: Host) -> None:
    """A daemon that has left its session and its parent dies with the task."""
    end = await host.end(host.run("(setsid sleep 1000 &) ; sleep 1000 & touch ready; exit 4"))
    assert end.message == host.kind.says("Command exited with status 4")


async def test_killed_within_its_grace_period(host: Host) -> None:
    """SIGTERM reaches it, and it has time to clean up."""
    task_id = host.run(f"trap 'echo told; exit 0' TERM; {LOOPS}")
    await host.running(task_id, "ready")
    host.master.kill(task_id, 30)
    end = await host.end(task_id)
    assert (end.state, end.message) == (TaskState.TASK_KILLED, host.kind.says("Command exited with status 0"))
    assert host.read(task_id, "stdout") == "told\n"


async def test_who_has_no_handler_ends_by_the_signal(host: Host) -> None:
    task_id = host.run("exec sleep 1000")
    await host.running(task_id)
    host.master.kill(task_id, 30)
    end = await host.end(task_id)
    said = host.kind.says("Command terminated with signal Terminated")
    assert (end.state, end.message) == (TaskState.TASK_KILLED, said)


async def test_who_does_not_listen_is_ended_after_the_grace_period(host: Host) -> None:
    """The policy of the task counts; all of its processes are ended, whatever they ignore."""
    script = f"trap '' TERM; (trap '' TERM; setsid sleep 1000 &); {LOOPS}"
    task_id = host.run(script, kill_policy=kill_policy(0.1))
    await host.running(task_id, "ready")
    host.master.kill(task_id, 0.1)
    end = await host.end(task_id)
    assert (end.state, end.message) == (TaskState.TASK_KILLED, host.kind.says("Command terminated with signal Killed"))


# ---- what tasks find


async def test_environment_directory_and_logs(host: Host) -> None:
    """Nothing of the agent's own environment; three descriptors; stdout and stderr are files of the sandbox."""
    variables = (Environment.Variable(name="GIVEN", value="as it is\nwith two lines"),)
    script = "pwd; echo no >&2; echo \"$GIVEN\"; echo $MESOS_SANDBOX; env | grep -c ^PYTHON; ls /proc/self/fd | wc -l"
    command = CommandInfo(value=script, environment=Environment(variables=variables))
    task_id = host.run(command)
    await host.end(task_id)
    sandbox = host.kind.sandbox or str(host.sandbox(task_id))
    assert host.read(task_id, "stdout").splitlines() == [sandbox, "as it is", "with two lines", sandbox, "0", "4"]
    assert host.read(task_id, "stderr") == "no\n"


async def test_what_it_writes_is_in_its_sandbox(host: Host) -> None:
    await host.said("echo mine >file; mkdir directory; echo deep >directory/file")
    task_id = f"t{host.count}"
    assert (host.read(task_id, "file"), host.read(task_id, "directory/file")) == ("mine\n", "deep\n")


async def test_what_is_fetched_is_there(host: Host) -> None:
    source = host.directory / "fetched"
    source.write_text("fetched\n")
    uris = (CommandInfo.URI(value=f"file://{source}", executable=False),)
    assert await host.said(CommandInfo(value="cat fetched", uris=uris)) == "fetched\n"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="users are switched by root")
@needs("users")
async def test_another_user(host: Host) -> None:
    """The sandbox is its own, and it is nobody else."""
    said = await host.said(CommandInfo(value="id -u; id -g; id -G; touch file", user="nobody"))
    assert said.split() == ["65534"] * 3
    status = os.stat(host.sandbox(f"t{host.count}") / "file")
    assert (status.st_uid, status.st_gid) == (65534, 65534)


async def test_limits_of_processes(host: Host) -> None:
    limit = RLimitInfo.RLimit(type=RLimitInfo.RLimit.Type.RLMT_NOFILE, soft=64, hard=128)
    fields = {"rlimit_info": RLimitInfo(rlimits=(limit,))}
    assert await host.said("ulimit -Sn; ulimit -Hn", container=fields) == "64\n128\n"


async def test_a_check_runs_where_the_task_does(host: Host) -> None:
    """It sees the task's files and environment; once it fails, the task is killed as unhealthy."""
    checked = CommandInfo(value="[ \"$MESOS_SANDBOX\" ] && [ -e well ]")
    check = HealthCheck(
        type=HealthCheck.Type.COMMAND, command=checked, delay_seconds=0.0, interval_seconds=0.05,
        grace_period_seconds=60.0, consecutive_failures=1,
    )  # fmt: skip
    task_id = host.run("touch well; exec sleep 1000", health_check=check)
    await host.master.met(lambda: any(one.healthy for one in host.master.statuses if one.task_id == task_id))
    (host.sandbox(task_id) / "well").unlink()
    end = await host.end(task_id)
    assert (end.state, end.healthy) == (TaskState.TASK_KILLED, False)


# ---- what tasks may use


@needs("limits")
async def test_requests_and_limits_are_in_its_cgroups(host: Host) -> None:
    """The executor's own overhead (0.1 cpus, 32 MB) is added."""
    limits = {"cpus": Value.Scalar(value=2.0), "mem": Value.Scalar(value=float("inf"))}
    task_id = host.run("exec sleep 1000", limits=limits, resources=scalars(cpus=0.5, mem=32))
    await host.running(task_id)

    def value(controller: str, file: str) -> int:
        (path,) = host.cgroup(controller).glob(f"*/{file}")
        return int(path.read_text())

    assert value("cpu", "cpu.shares") == int(0.6 * 1024)
    assert value("cpu", "cpu.cfs_quota_us") == 210_000
    assert value("memory", "memory.soft_limit_in_bytes") == 64 << 20
    assert value("memory", "memory.limit_in_bytes") > 1 << 60
    host.master.kill(task_id)
    await host.end(task_id)


@needs("memory")
async def test_who_takes_too_much_memory(host: Host) -> None:
    """It fails with the reason and with how much it had; its neighbour does not notice."""
    neighbour = host.run("exec sleep 1000")
    await host.running(neighbour)
    task_id = host.run(HOG, resources=scalars(cpus=0.1, mem=32))
    await host.master.until_ended(task_id)
    end = host.master.ends[task_id]
    assert (end.state, end.reason) == (TaskState.TASK_FAILED, Reason.REASON_CONTAINER_LIMITATION_MEMORY)
    assert end.message is not None
    assert end.message.startswith("Memory limit exceeded: Requested: 64MB Maximum Used: 64MB")
    assert end.limitation is not None
    (taken,) = end.limitation.resources
    assert taken.name == "mem" and taken.scalar is not None and 63 < taken.scalar.value <= 64
    assert neighbour not in host.master.ends
    host.master.kill(neighbour)
    await host.end(neighbour)


@needs("disk")
async def test_who_takes_too_much_of_the_disk(host: Host) -> None:
    script = "dd if=/dev/zero of=big bs=1M count=3; exec sleep 1000"
    end = await host.end(host.run(script, resources=scalars(cpus=0.1, mem=32, disk=1)))
    assert (end.state, end.reason) == (TaskState.TASK_FAILED, Reason.REASON_CONTAINER_LIMITATION_DISK)
    assert end.message is not None
    assert end.message.startswith("Disk usage (") and end.message.endswith(") exceeds quota (1MB)")
    assert end.limitation is not None and [one.name for one in end.limitation.resources] == ["disk"]


# ---- volumes


@needs("volumes")
async def test_volumes(host: Host) -> None:
    """A directory of the host that can be written and one that cannot, one of the sandbox, and a secret's file."""
    for name in ("written", "read"):
        (host.directory / name).mkdir(exist_ok=True)
        (host.directory / name / "file").write_text("of the host\n")
    Source = Volume.Source
    inner = Source.SandboxPath(type=Source.SandboxPath.Type.SELF, path="inner")
    volumes = (
        Volume(mode=Volume.Mode.RW, container_path="written", host_path=f"{host.directory}/written"),
        Volume(mode=Volume.Mode.RO, container_path="read", host_path=f"{host.directory}/read"),
        Volume(mode=Volume.Mode.RW, container_path="again",
               source=Source(type=Source.Type.SANDBOX_PATH, sandbox_path=inner)),
    )  # fmt: skip
    script = """
        cat written/file read/file
        echo task >written/file
        echo task 2>/dev/null >read/file || echo kept
        echo inner >again/file
        cat inner/file
    """
    said = await host.said(script, container={"volumes": volumes})
    assert said == "of the host\nof the host\nkept\ninner\n"
    assert (host.directory / "written/file").read_text() == "task\n"
    assert (host.directory / "read/file").read_text() == "of the host\n"


# ---- an agent that is killed


async def test_a_killed_agents_tasks_run_on(host: Host) -> None:
    """1 two run; 2 kill -9 of the agent, one ends meanwhile; 3 the next agent tells of both, truly."""
    waits = "trap 'exit 9' TERM; touch ready; until [ -e go ]; do sleep 0.02; done; kill -SEGV $$; sleep 9"
    ends, stays = host.run(waits), host.run(waits)
    for task_id in (ends, stays):
        await host.running(task_id, "ready")
    before = {one.pid for one in host.processes()}
    await host.killed()
    assert {one.pid for one in host.processes()} & before
    (host.sandbox(ends) / "go").touch()
    await host.again()
    assert (await ended(host, ends)).message == host.kind.says("Command terminated with signal Segmentation fault")
    assert stays not in host.master.ends
    host.master.kill(stays, 30)
    end = await host.end(stays)
    assert (end.state, end.message) == (TaskState.TASK_KILLED, host.kind.says("Command exited with status 9"))


@needs("memory")
async def test_a_killed_agents_limits_stay(host: Host) -> None:
    """Memory runs out while no agent is there: the reason is told by the next one."""
    script = f"touch ready; until [ -e go ]; do sleep 0.02; done; {HOG}"
    task_id = host.run(script, resources=scalars(cpus=0.1, mem=32))
    await host.running(task_id, "ready")
    await host.killed()
    (host.sandbox(task_id) / "go").touch()
    await until(lambda: not host.processes())
    await host.again()
    end = await host.end(task_id)
    assert end.reason is Reason.REASON_CONTAINER_LIMITATION_MEMORY


@needs("supervisor")
async def test_a_supervisor_that_is_killed(host: Host) -> None:
    """Nobody knows how its tasks have ended; that they have is told, and another one serves the next task."""
    task_id = host.run("exec sleep 1000")
    await host.running(task_id)
    supervisor = host.supervisor()
    assert supervisor is not None
    supervisor.send_signal(signal.SIGKILL)
    end = await host.end(task_id)
    assert (end.state, end.message) == (TaskState.TASK_FAILED, "Failed to get exit status for Command")
    assert await host.said("echo again") == "again\n"


async def ended(host: Host, task_id: str) -> TaskStatus:
    await host.master.until_ended(task_id)
    return host.master.ends[task_id]
