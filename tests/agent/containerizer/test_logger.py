"""Outputs written by the logger: bounded whatever a task does, complete, and not the agent's to lose."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.containerizer import Lines
from mesos_py.agent.containerizer.client import SupervisorClient, SupervisorSettings
from mesos_py.agent.containerizer.process import ProcessContainerizer
from mesos_py.agent.containerizer.rotation import LogBounds, Rotation
from mesos_py.agent.containerizer.supervisor.logger import LogFile
from mesos_py.wire.command import CommandInfo, Environment
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, is_alive, needs_crun, until

MAX = 4096
ROTATION = Rotation(LogBounds(stdout_max=MAX, stdout_keep=2, stderr_max=MAX, stderr_keep=1))

#: More lines than three files hold, each with its number.
COUNTS = "i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done"


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    made = Harness(tmp_path)
    await made.process(rotation=ROTATION).recover()
    yield made
    await made.containerizer.close()


def supervisor_of(harness: Harness) -> int:
    assert isinstance(harness.containerizer, ProcessContainerizer)
    return harness.containerizer.supervisor_pid


def logger_of(harness: Harness) -> psutil.Process:
    children = psutil.Process(supervisor_of(harness)).children()
    (found,) = [child for child in children if "supervisor.logger" in " ".join(child.cmdline())]
    return found


def said(sandbox: Path, name: str = "stdout") -> str:
    """All that is kept, oldest first."""
    files = sorted(sandbox.glob(f"{name}.[0-9]*"), key=lambda path: -int(path.suffix[1:]))
    return "".join([path.read_text() for path in [*files, sandbox / name]])


async def test_no_file_exceeds_its_size_and_the_last_words_are_all_there(harness: Harness) -> None:
    """Lines are whole, none is missing between files, and nothing is left under way when the end is told."""
    harness.containerizer.launch(harness.shell("c", f"({COUNTS}) | tee /dev/stderr"))
    assert await harness.exited("c") == 0
    sandbox = harness.sandbox("c")
    assert sorted(os.listdir(sandbox)) == ["stderr", "stderr.1", "stdout", "stdout.1", "stdout.2"]
    for name, files in (("stdout", 3), ("stderr", 2)):
        lines = said(sandbox, name).splitlines()
        assert lines == [f"line {number}" for number in range(2000 - len(lines), 2000)]
        assert (files - 1) * (MAX - 10) < len(said(sandbox, name)) <= files * MAX
    assert {path.stat().st_mode & 0o777 for path in sandbox.glob("std*")} == {0o644}


async def test_a_task_that_says_little_finds_its_files_as_always(harness: Harness) -> None:
    """Also one that cannot be executed, and what runs beside it."""
    assert await harness.run("c", "echo out; echo err >&2; echo more > /dev/stdout") == "out\nmore\n"
    assert (harness.sandbox("c") / "stderr").read_text() == "err\n"
    harness.containerizer.launch(harness.spec("d", "no-such-program"))
    text = "Failed to execute 'no-such-program': No such file or directory"
    assert await harness.failed("d") == text
    await until((harness.sandbox("d") / "stderr").read_text)
    assert (harness.sandbox("d") / "stderr").read_text() == f"{text}\n"
    harness.containerizer.launch(harness.shell("e", "echo mine >&2; exec sleep 1000"))
    await harness.launched("e")
    assert await harness.containerizer.run_beside(harness.shell("e", COUNTS)) == 0
    kept = said(harness.sandbox("e"), "stderr")
    assert kept.endswith("line 1999\n")
    assert len(kept) <= 2 * MAX


async def test_what_is_said_at_a_terminal_is_bounded_too(harness: Harness) -> None:
    """It all is in stdout, as from any terminal, in which lines end with two characters."""
    harness.containerizer.launch(harness.shell("c", COUNTS, lines=Lines(rows=24, columns=80)))
    assert await harness.exited("c") == 0
    assert said(harness.sandbox("c")).endswith("line 1998\nline 1999\n")
    sizes = {path.name: path.stat().st_size for path in harness.sandbox("c").glob("stdout*")}
    assert sorted(sizes) == ["stdout", "stdout.1", "stdout.2"]
    assert max(sizes.values()) <= MAX


async def test_a_task_says_for_itself_how_much_is_kept(harness: Harness) -> None:
    variables = {"CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS": "rotate 0", "CONTAINER_LOGGER_MAX_STDOUT_SIZE": "64KB"}
    environment = Environment(
        variables=tuple([Environment.Variable(name=name, value=value) for name, value in variables.items()])
    )
    command = CommandInfo(value="true", environment=environment)
    harness.containerizer.launch(harness.shell("c", COUNTS, command=command))
    assert await harness.exited("c") == 0
    assert not (harness.sandbox("c") / "stdout.1").exists()
    assert (harness.sandbox("c") / "stdout").read_text() == "".join([f"line {number}\n" for number in range(2000)])
    wrong = Environment(variables=(Environment.Variable(name="CONTAINER_LOGGER_X", value="1"),))
    harness.containerizer.launch(harness.shell("d", "true", command=CommandInfo(value="true", environment=wrong)))
    assert await harness.failed("d") == "Failed to load executor logger settings: Failed to load unknown flag 'x'"


@pytest.mark.parametrize(
    "artifice",
    [
        "rm stdout && ln -s {victim} stdout",
        "ln -sf {victim} stdout.1 && ln -sf {victim} stdout.2 && ln -s {victim} .stdout.new",
        "rm stdout && ln {victim} stdout",
        "rm stdout && mkfifo stdout && mkfifo .stdout.new",
        "rm stdout && mkdir stdout",
        "mkdir .stdout.new stdout.1 stdout.2",
        "mv stdout elsewhere",
        "rm -rf ../c",
    ],
)
async def test_a_task_that_puts_something_else_in_its_place_gains_nothing(harness: Harness, artifice: str) -> None:
    """X05: what it points to is as it was, whatever is named stdout is no link we have followed, the bound holds."""
    victim = harness.directory / "victim"
    victim.write_text("as it was")
    held = harness.directory / "held"
    script = f"ln stdout {held}; {artifice.format(victim=victim)}; {COUNTS}"
    harness.containerizer.launch(harness.shell("c", script))
    assert await harness.exited("c") == 0
    assert victim.read_text() == "as it was"
    assert held.stat().st_size <= MAX
    files = [path for path in harness.sandbox("c").glob("**/*std*") if path.is_file() and not path.is_symlink()]
    assert sum([path.stat().st_size for path in files if not path.samefile(victim)]) <= 3 * MAX


async def test_a_flood_fills_no_more_than_its_files_and_disturbs_nobody(harness: Harness) -> None:
    """X21: while one writes without end, another starts, speaks and ends, and a reader always finds each file."""
    harness.containerizer.launch(harness.shell("flood", "exec yes"))
    await harness.launched("flood")
    await until((harness.sandbox("flood") / "stdout.2").exists)
    for name in ("a", "b", "c"):
        assert await harness.run(name, "echo here") == "here\n"
    files = [harness.sandbox("flood") / name for name in ("stdout", "stdout.1", "stdout.2")]
    for _ in range(300):
        assert max([path.stat().st_size for path in files]) <= MAX
    harness.containerizer.destroy("flood")
    assert await harness.exited("flood") == signal.SIGKILL
    assert len(said(harness.sandbox("flood"))) <= 3 * MAX


async def test_a_logger_that_dies_is_replaced_and_nobody_notices(harness: Harness) -> None:
    """1 one speaks; 2 the logger is killed; 3 it goes on speaking, and a new one starts; 4 both are heard."""
    harness.containerizer.launch(harness.shell("c", "echo one; until [ -e go ]; do sleep 0.01; done; echo two"))
    await harness.launched("c")
    sandbox = harness.sandbox("c")
    await until(lambda: (sandbox / "stdout").exists() and (sandbox / "stdout").read_text())
    logger_of(harness).kill()
    (sandbox / "go").touch()
    assert await harness.run("d", "echo here") == "here\n"
    assert await harness.exited("c") == 0
    assert (sandbox / "stdout").read_text() == "one\ntwo\n"


async def test_the_logger_outlives_agents_and_ends_with_the_last_container(tmp_path: Path) -> None:
    """1 the agent goes, another finds the task, which is still heard; 2 with a dead supervisor it ends, too."""
    first = Harness(tmp_path)
    await first.process(rotation=ROTATION).recover()
    first.containerizer.launch(first.shell("c", "until [ -e go ]; do sleep 0.01; done; echo heard; exec sleep 1000"))
    await first.launched("c")
    logger = logger_of(first)
    await first.containerizer.close(keep=True)
    (first.sandbox("c") / "go").touch()
    await until(lambda: (first.sandbox("c") / "stdout").read_text() == "heard\n")
    second = Harness(tmp_path)
    await second.process(rotation=ROTATION).recover()
    assert logger_of(second) == logger
    os.kill(supervisor_of(second), signal.SIGKILL)
    assert await second.exited("c") is None
    await until(lambda: not is_alive(logger.pid))
    await second.containerizer.close()


async def test_programs_get_the_limit_of_descriptors_that_we_were_given(tmp_path: Path) -> None:
    """The agent may have raised its own since, and so has the supervisor: it holds pipes of everyone."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    harness = Harness(tmp_path)
    harness.work.mkdir()
    settings = SupervisorSettings(work_dir=str(harness.work), runtime_dir=str(tmp_path / "run"), nofile=300)
    client, _ = await SupervisorClient.open(settings, on_frame=lambda frame: None, on_lost=lambda: None)
    await client.close()
    await harness.process(rotation=ROTATION).recover()
    assert await harness.run("c", "ulimit -Sn") == "300\n"
    assert await harness.run("d", "ulimit -Sn", setup=(("4", "0 0"),)) == "300\n"  # RLIMIT_CORE
    assert psutil.Process(supervisor_of(harness)).rlimit(psutil.RLIMIT_NOFILE) == (most, most)
    await harness.containerizer.close()


@pytest.mark.root
async def test_files_are_the_users(harness: Harness) -> None:
    """Those that replace others, too; and he can open /dev/stdout."""
    harness.containerizer.launch(harness.shell("c", f"{COUNTS}; echo last > /dev/stdout", user="nobody"))
    assert await harness.exited("c") == 0
    files = list(harness.sandbox("c").glob("std*"))
    assert len(files) == 4
    assert {path.owner() for path in files} == {"nobody"}
    assert said(harness.sandbox("c")).endswith("line 1999\nlast\n")


@pytest.mark.root
def test_what_a_full_disk_does_not_take_is_told_of_when_there_is_room(tmp_path: Path) -> None:
    """The writer is not held up meanwhile."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", tmp_path], check=True)
    try:
        (tmp_path / "filler").write_bytes(b"x" * (12 << 10))
        file = LogFile(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), b"stdout", 1 << 20, 0, None)
        file.write(b"a" * 5000)
        file.write(b"b" * 1000)
        (tmp_path / "filler").unlink()
        file.write(b"c")
        file.close()
        text = (tmp_path / "stdout").read_text()
        assert text == "a" * 4096 + "\n[1904 bytes are missing here: No space left on device]\nc"
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.root
def test_what_can_be_neither_moved_nor_emptied_gets_no_more(tmp_path: Path) -> None:
    """A task of root's has forbidden it; the logger has others to write for."""
    file = LogFile(os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY), b"stdout", MAX, 1, None)
    file.write(b"x" * MAX)
    if subprocess.run(["chattr", "+a", tmp_path / "stdout"], capture_output=True, check=False).returncode:
        pytest.skip("no append-only files on this file system")
    try:
        file.write(b"y")
        file.write(b"z")
        assert (tmp_path / "stdout").read_bytes() == b"x" * MAX
    finally:
        subprocess.run(["chattr", "-a", tmp_path / "stdout"], check=True)
        file.close()


@pytest.mark.root
@needs_crun
async def test_containers_of_a_runtime_are_heard_likewise(tmp_path: Path) -> None:
    harness = Harness(tmp_path)
    flags = {"container_logger": "org_apache_mesos_LogrotateContainerLogger", "max_stdout_size": MAX}
    await harness.isolated(isolation="filesystem/linux,namespaces/pid", **flags).recover()
    try:
        harness.containerizer.launch(harness.shell("c", COUNTS, user="nobody"))
        assert await harness.exited("c") == 0
        assert (harness.sandbox("c") / "stdout").read_text().endswith("line 1999\n")
        assert (harness.sandbox("c") / "stdout").stat().st_size <= MAX
    finally:
        await harness.containerizer.close()
        remove_cgroups(harness)
