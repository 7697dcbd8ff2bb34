"""F28, X20 (spec/faults.md): whatever a container's processes do to get away, nothing is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from mesos_py.agent.containerizer.supervisor import server
from mesos_py.agent.containerizer.supervisor.tree import Container, Trees
from tests.agent.containerizer.harness import DEADLINE_S, Harness, until

#: Python, because a shell cannot clear an environment and close descriptors so thoroughly. Writes the pids of all it
#: starts to the directory given; argv: directory, way out.
RUNAWAY = """
import os, signal, sys, time
directory, way = sys.argv[1:3]
def note(name):
    with open(os.path.join(directory, f"{name}-{os.getpid()}"), "w"): pass
def stay():
    while True: time.sleep(1000)
note("main")
if way == "child":
    if os.fork() == 0: note("child")
elif way == "double fork":
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0: note("daemon"); stay()
        os._exit(0)
    os.wait()
elif way == "vanish":
    if os.fork() == 0:
        os.setsid()
        for _ in range(3):
            if os.fork(): os._exit(0)
        os.chdir("/")
        note("vanished")
        os.closerange(0, 100)
        os.execve("/bin/sleep", ["sleep", "1000"], {})
elif way == "ignore":
    for number in set(range(1, 65)) - {9, 19, 32, 33}: signal.signal(number, signal.SIG_IGN)
    if os.fork() == 0: note("child")
elif way == "many":
    for _ in range(20):
        if os.fork() == 0: note("child"); break
elif way == "thread":
    import threading
    ready = threading.Event()
    def work():
        if os.fork() == 0: note("child"); stay()
        ready.set()
        stay()
    threading.Thread(target=work, daemon=True).start()
    ready.wait()
note("ready")
if len(sys.argv) > 3: os._exit(0)
stay()
"""

WAYS = ["child", "double fork", "vanish", "ignore", "many", "thread"]
EXPECTED = {"many": 20}


def pids_in(directory: Path) -> set[int]:
    return {int(name.name.rsplit("-", 1)[1]) for name in directory.iterdir()}


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if is_alive(pid)}


def launch(real: Harness, name: str, directory: Path, way: str, *then: str) -> None:
    directory.mkdir(exist_ok=True)
    argv = ("python", "-I", "-S", "-c", RUNAWAY, str(directory), way, *then)
    real.containerizer.launch(real.spec(name, *argv, executable=sys.executable))


async def running(directory: Path, way: str) -> set[int]:
    """Wait until the runaway has done what it does; all its pids."""
    expected = 2 + EXPECTED.get(way, 1)
    await until(lambda: len(list(directory.iterdir())) >= expected and any(directory.glob("ready-*")))
    return pids_in(directory)


@pytest.mark.parametrize("way", WAYS)
async def test_destroy_leaves_nothing(real: Harness, tmp_path: Path, way: str) -> None:
    launch(real, "c", tmp_path / "pids", way)
    pids = await running(tmp_path / "pids", way)
    assert len(alive(pids)) >= 2
    real.containerizer.destroy("c")
    assert await real.exited("c") == signal.SIGKILL
    assert alive(pids) == set()


@pytest.mark.parametrize("way", WAYS)
async def test_the_end_of_the_main_process_ends_everything(real: Harness, tmp_path: Path, way: str) -> None:
    """The exit is reported when nothing is left, with the main process' own status."""
    launch(real, "c", tmp_path / "pids", way, "and leave")
    assert await real.exited("c") == 0
    assert alive(pids_in(tmp_path / "pids")) == set()


@pytest.mark.parametrize("way", ["child", "double fork", "vanish", "many", "thread"])
async def test_a_signal_reaches_all_of_them(real: Harness, tmp_path: Path, way: str) -> None:
    """Children, other sessions, orphans with an empty environment: SIGSTOP is seen on every one."""
    launch(real, "c", tmp_path / "pids", way)
    pids = alive(await running(tmp_path / "pids", way))
    real.containerizer.signal("c", signal.SIGSTOP)
    await until(lambda: all(psutil.Process(pid).status() == psutil.STATUS_STOPPED for pid in pids))
    usage = await real.containerizer.usage(["c"])
    assert usage["c"].mem_rss_bytes
    real.containerizer.destroy("c")
    await real.exited("c")
    assert alive(pids) == set()


async def test_neighbours_are_spared(real: Harness, tmp_path: Path) -> None:
    """Orphans of one container survive the end of another."""
    launch(real, "a", tmp_path / "a", "vanish")
    launch(real, "b", tmp_path / "b", "vanish")
    mine, others = await running(tmp_path / "a", "vanish"), await running(tmp_path / "b", "vanish")
    others = alive(others)
    real.containerizer.destroy("a")
    await real.exited("a")
    assert alive(mine) == set()
    assert alive(others) == others
    real.containerizer.destroy("b")
    await real.exited("b")
    assert alive(others) == set()


async def test_a_hundred_that_fork_and_ignore_sigterm(real: Harness, tmp_path: Path) -> None:
    script = "trap '' TERM; (setsid sleep 1000) & (sleep 1000 &); touch ready; while :; do sleep 1000; done"
    names = [f"c{number}" for number in range(100)]
    for name in names:
        real.containerizer.launch(real.shell(name, script))
    await until(lambda: all((real.sandbox(name) / "ready").exists() for name in names))
    supervisor = psutil.Process(real.containerizer.supervisor_pid)  # type: ignore[attr-defined]
    assert len(supervisor.children(recursive=True)) >= 300
    for name in names:
        real.containerizer.signal(name, signal.SIGTERM)
    for name in names:
        real.containerizer.destroy(name)
    for name in names:
        assert await real.exited(name) == signal.SIGKILL
    await until(lambda: supervisor.children(recursive=True) == [])


async def test_a_fork_bomb_ends(real: Harness) -> None:
    """Bounded (it stops by itself at a thousand), but forking all the while it is being killed."""
    bomb = "import os\nfor _ in range(10): os.fork()\nopen('ready','w').close()\nimport time; time.sleep(1000)"
    real.containerizer.launch(real.spec("c", "python", "-I", "-S", "-c", bomb, executable=sys.executable))
    await until((real.sandbox("c") / "ready").exists)
    real.containerizer.destroy("c")
    assert await real.exited("c") == signal.SIGKILL
    supervisor = psutil.Process(real.containerizer.supervisor_pid)  # type: ignore[attr-defined]
    await until(lambda: supervisor.children(recursive=True) == [])


#: The supervisor's own modules, in a process whose children are not the test's. `c` has no process any more.
WORDS = """
import sys; sys.path.insert(0, sys.argv[1])
from supervisor.tree import WORDS_MAX_S, Container, Trees
trees = Trees()
written = set()
trees.is_written = written.__contains__
def ending(name):
    trees.add(Container(b"/work", name, b"/work/" + name, 0, None))
    trees.destroy(trees.containers[name])
    return name
ended = lambda now: [one.id for one in trees.finish(now)]
ending(b"a"), ending(b"b")
assert ended(100.0) == [] and trees.next_look() == 100 + WORDS_MAX_S
written.add(b"a")
trees.look_again(b"a")
assert ended(101.0) == [b"a"]
assert ended(100 + WORDS_MAX_S) == [b"b"] and not trees.containers
"""


def test_last_words_are_waited_for_but_not_for_ever() -> None:
    """A container may have handed its output to a process of another."""
    place = Path(server.__file__).parents[1]
    subprocess.run([sys.executable, "-I", "-S", "-c", WORDS, place], check=True, timeout=DEADLINE_S)


def test_a_main_process_that_somebody_else_has_reaped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of it, and its number may be a stranger's by now: that one lives on."""
    trees = Trees()
    monkeypatch.setattr(trees, "adopt", lambda: None)  # the children of this process are other tests'
    gone = subprocess.Popen(["true"])
    gone.wait()
    with subprocess.Popen(["setsid", "sh", "-c", "sleep 100 & echo $!; wait"], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        stranger = int(parent.stdout.readline())
        mains = {b"a": gone.pid, b"b": stranger}
        containers = [Container(b"/root", name, b"/none", pid, None) for name, pid in mains.items()]
        for container in containers:
            trees.add(container)
            trees.destroy(container)
        try:
            assert trees.finish(time.monotonic()) == containers
            assert [container.status for container in containers] == [None, None]
            assert psutil.pid_exists(stranger)
        finally:
            os.killpg(parent.pid, signal.SIGKILL)
