"""What a container's process finds around it, and what its sandbox is protected from."""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from mesos_py.agent.containerizer import NO_SANDBOX
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value
from tests.agent.containerizer.harness import Harness, until

LOOK = """
import json, os, signal
print(json.dumps({
    "fds": sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")),
    "env": dict(os.environ), "cwd": os.getcwd(), "session": os.getsid(0) == os.getpid(), "umask": os.umask(0),
    "blocked": [int(s) for s in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    "status": [line for line in open("/proc/self/status") if line.startswith("SigIgn")],
    "stdin": os.readlink("/proc/self/fd/0"),
}))
"""


async def test_surroundings_are_exactly_those_asked_for(real: Harness) -> None:
    """Own session, sandbox as cwd, exact environment, three descriptors, default signals, umask 022."""
    inheritable = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(inheritable, True)
    try:
        real.containerizer.launch(
            real.spec("c", "python", "-I", "-S", "-c", LOOK, executable=sys.executable, env={"A": "b=c", "E": ""})
        )
        assert await real.exited("c") == 0, (real.sandbox("c") / "stderr").read_text()
    finally:
        os.close(inheritable)
    seen = json.loads((real.sandbox("c") / "stdout").read_text())
    assert seen["fds"] == [0, 1, 2]
    assert {name: value for name, value in seen["env"].items() if name != "LC_CTYPE"} == {"A": "b=c", "E": ""}
    assert seen["cwd"] == str(real.sandbox("c"))
    assert seen["session"] is True
    assert seen["umask"] == 0o022
    assert seen["blocked"] == []
    assert seen["stdin"] == "/dev/null"


async def test_signal_dispositions_are_the_defaults(real: Harness) -> None:
    """Python ignores SIGPIPE and the supervisor SIGTERM; a shell must find neither ignored."""
    said = await real.run("c", "grep SigIgn /proc/self/status")
    internal = 1 << 31 | 1 << 32  # 32 and 33 belong to the C library, whose posix_spawn ignores them
    assert int(said.split()[1], 16) & ~internal == 0


async def test_the_executable_is_looked_up_in_the_path_of_its_own_environment(real: Harness, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("echo shebangless $1\n")
    tool.chmod(0o755)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "tool").write_text("not executable")
    path = f"/nowhere:{tmp_path}/first:{tmp_path}/bin"
    real.containerizer.launch(real.spec("c", "argv0", "one", executable="tool", env={"PATH": path}))
    assert await real.exited("c") == 0
    assert (real.sandbox("c") / "stdout").read_text() == "shebangless one\n"


async def test_a_failed_exec_is_told_in_the_sandbox_too(real: Harness) -> None:
    real.containerizer.launch(real.spec("c", "./missing"))
    text = await real.failed("c")
    assert text == "Failed to execute './missing': No such file or directory"
    assert (real.sandbox("c") / "stderr").read_text() == text + "\n"


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"argv": ("a", "b\0c")}, "embedded NUL"),
        ({"env": {"A": "\0"}}, "embedded NUL"),
        ({"argv": ()}, "no argv"),
        ({"env": {"A": "\ud800"}}, "surrogates not allowed"),
        ({"env": {"A": "x" * 17 * 1024 * 1024}}, "exceeds"),
        ({"argv": ("true", "x" * 4 * 1024 * 1024)}, "Argument list too long"),
        ({"user": "no-such-user"}, "Failed to chown directory to 'no-such-user': No such user 'no-such-user'"),
        ({"sandbox": "/tmp/elsewhere"}, "not below"),
    ],
)
async def test_what_cannot_run_fails_its_own_launch_only(real: Harness, changes: dict[str, object], text: str) -> None:
    real.containerizer.launch(real.spec("c", "true", **changes))
    assert text in await real.failed("c")
    real.containerizer.launch(real.spec("d", "true"))
    assert await real.exited("d") == 0


@pytest.mark.parametrize("uris", [[], ["/etc/hostname"]])
async def test_no_sandbox_is_no_launch_whatever_was_to_be_fetched(real: Harness, uris: list[str]) -> None:
    """Whoever hears of it tells by the text that the container counts as never launched."""
    wanted = tuple([CommandInfo.URI(value=uri) for uri in uris])
    real.containerizer.launch(real.spec("c", "true", user="no-such-user", uris=wanted))
    assert (await real.failed("c")).startswith(NO_SANDBOX)


async def test_output_is_appended_and_latest_follows_the_last_run(real: Harness) -> None:
    latest = real.work / "runs" / "latest"
    for name in ("one", "two"):
        await real.run(name, "echo hello", latest_link=str(latest))
        assert os.readlink(latest) == name
        assert (latest / "stdout").read_text() == "hello\n"
    real.containerizer.launch(real.shell("three", "echo again", sandbox=str(real.sandbox("one"))))
    await real.exited("three")
    assert (real.sandbox("one") / "stdout").read_text() == "hello\nagain\n"
    assert stat.S_IMODE(real.sandbox("one").stat().st_mode) == 0o750


async def test_a_sandbox_is_never_reached_through_a_link(real: Harness, tmp_path: Path) -> None:
    """An executor may have put a link where a nested sandbox is to be made."""
    outside = tmp_path / "outside"
    outside.mkdir()
    parent = real.sandbox("parent")
    parent.mkdir(parents=True)
    (parent / "containers").symlink_to(outside)
    real.containerizer.launch(real.spec("c", "true", sandbox=str(parent / "containers" / "c")))
    assert (await real.failed("c")).startswith(NO_SANDBOX)
    real.containerizer.launch(real.spec("d", "true", sandbox=str(real.work / "runs" / ".." / ".." / "d")))
    assert "not below" in await real.failed("d")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("trap", ["link", "hard link", "fifo", "directory"])
async def test_output_is_never_written_through_a_trap(real: Harness, tmp_path: Path, trap: str) -> None:
    """X05: stdout replaced by something that leads elsewhere or blocks (spec/faults.md)."""
    secret = real.work / "secret"
    sandbox = real.sandbox("c")
    sandbox.mkdir(parents=True)
    secret.write_text("untouched")
    match trap:
        case "link":
            (sandbox / "stdout").symlink_to(secret)
        case "hard link":
            os.link(secret, sandbox / "stdout")
        case "fifo":
            os.mkfifo(sandbox / "stdout")
        case "directory":
            (sandbox / "stdout").mkdir()
    real.containerizer.launch(real.shell("c", "echo overwritten"))
    assert "Failed to open 'stdout' in the sandbox" in await real.failed("c")
    assert secret.read_text() == "untouched"


async def test_usage_adds_up_the_tree(real: Harness) -> None:
    """The fields are those of the C++ agent without cgroups: ../shared/golden agent.running/containers.json."""
    resources = tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=value))
        for name, value in (("cpus", 0.1), ("cpus", 0.2), ("mem", 96.0))
    )
    script = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; (setsid sleep 1000 &); touch ready; sleep 1000"
    real.containerizer.launch(real.shell("c", script, resources=resources))
    await until((real.sandbox("c") / "ready").exists)
    usage = (await real.containerizer.usage(["c"]))["c"]
    assert usage.cpus_soft_limit == 0.3
    assert usage.mem_limit_bytes == usage.mem_soft_limit_bytes == 96 * 1024 * 1024
    assert usage.cpus_user_time_secs is not None and usage.cpus_user_time_secs > 0
    assert usage.cpus_system_time_secs is not None
    assert usage.mem_rss_bytes is not None and usage.mem_rss_bytes > 1_000_000  # some may be between fork and exec
    real.containerizer.update("c", resources[:1], {})
    assert (await real.containerizer.usage(["c"]))["c"].mem_limit_bytes is None


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="switching users needs root")
async def test_a_task_runs_as_its_user_in_a_sandbox_of_its_own(real: Harness) -> None:
    import pwd

    nobody = pwd.getpwnam("nobody")
    said = await real.run("c", "id -u; id -g; echo x > file; cat /proc/self/status", user="nobody")
    uid, gid, *status = said.splitlines()
    assert (int(uid), int(gid)) == (nobody.pw_uid, nobody.pw_gid)
    groups = next(line for line in status if line.startswith("Groups:")).split()[1:]
    assert sorted(map(int, groups)) == sorted(os.getgrouplist("nobody", nobody.pw_gid))
    assert int(next(line for line in status if line.startswith("CapEff")).split()[1], 16) == 0
    for name in (".", "stdout", "stderr", "file"):
        assert (real.sandbox("c") / name).stat().st_uid == nobody.pw_uid
    real.containerizer.launch(real.shell("d", "exit 3", user="nobody"))
    assert await real.exited("d") == 3 << 8
    real.containerizer.launch(real.spec("e", "nope", user="nobody", env={"PATH": "/usr/bin:/bin"}))
    assert "No such file or directory" in await real.failed("e")


async def test_make_sandbox_makes_it_or_says_why_not(real: Harness) -> None:
    path = real.sandbox("c")
    real.containerizer.make_sandbox("c", str(path), str(path.parent / "latest"), None)
    real.containerizer.make_sandbox("d", "/tmp/elsewhere", None, None)
    await until(lambda: real.events and (path.parent / "latest").is_symlink())
    assert os.readlink(path.parent / "latest") == "c" and path.is_dir()
    assert [type(event).__name__ for event in real.events] == ["DirectoryFailed"]
    assert real.events[0].container_id == "d"
    real.containerizer.signal("c", signal.SIGTERM)  # there is no process; nothing happens


EAT = "x = bytearray(80 << 20); sum(range(2_000_000))"


async def test_what_all_of_it_has_used_is_told_with_its_exit(real: Harness) -> None:
    """Of the first process, of those it has waited for, and of those that are left when it ends."""
    eat = f"{sys.executable} -I -S -c '{EAT}'"
    left = f"{sys.executable} -I -S -c '{EAT}; open(\"ready\", \"w\"); import time; time.sleep(1000)'"
    real.containerizer.launch(real.shell("waited", f"{eat}; true"))
    real.containerizer.launch(real.shell("left", f"{left} & while [ ! -e ready ]; do sleep 0.05; done"))
    for container_id in ("waited", "left"):
        assert await real.exited(container_id) == 0, (real.sandbox(container_id) / "stderr").read_text()
        event = real.exit_of(container_id)
        assert event is not None and event.usage is not None
        assert event.usage.user_us + event.usage.system_us > 10_000
        assert event.usage.largest_bytes is not None and event.usage.largest_bytes > 80 << 20


async def test_what_is_smaller_than_the_supervisor_is_not_measured(real: Harness) -> None:
    """A process counts as large as its parent until it becomes another program."""
    real.containerizer.launch(real.spec("c", "true"))
    assert await real.exited("c") == 0
    event = real.exit_of("c")
    assert event is not None and event.usage is not None and event.usage.largest_bytes is None
