"""Starts ``mesos-py local`` as a user does, and finds what it may have left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import attrs
import psutil

ROOT = Path(__file__).resolve().parents[2]
STOP_TIMEOUT_S = 90
T = TypeVar("T")
#: tasks that carry it in their environment can be found wherever they and their children have gone
MARK = "MESOS_PY_TEST_MARK"


@attrs.frozen(kw_only=True)
class Cluster:
    address: str
    process: subprocess.Popen[bytes]
    #: where the log goes
    log: Path
    #: with --marathon: its URL
    marathon: str = ""

    def cli(self, *arguments: str, timeout: float = 90, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """``mesos-py ARGUMENTS`` against this cluster, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "mesos_py", *arguments], env=environment(MESOS_MASTER=self.address), cwd="/",
            capture_output=True, text=True, timeout=timeout, input=input, check=False,
        )

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Any program that knows the cluster as MESOS_MASTER."""
        return subprocess.Popen(
            command, env=environment(MESOS_MASTER=self.address), cwd="/", text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )


def environment(**more: str) -> dict[str, str]:
    """Ours, without what makes the tests' own process stricter and slower."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MESOS_")}
    return kept | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | more


@contextlib.contextmanager
def local_cluster(
    *arguments: str, python: Sequence[str] = (sys.executable, "-m", "mesos_py"), tree: str = str(ROOT)
) -> Iterator[Cluster]:
    """Ready when entered; stopped by SIGTERM, which must end it well, when left. ``tree``: its PYTHONPATH."""
    with tempfile.TemporaryDirectory(prefix="mesos-py-test-") as folder:
        log = Path(folder) / "log"
        with log.open("wb") as log_file:
            process = subprocess.Popen(
                [*python, "local", "--port=0", "--logging_level=INFO", *arguments],
                env=environment(PYTHONPATH=tree, TMPDIR=folder), cwd="/", stdout=subprocess.PIPE, stderr=log_file,
            )
        try:
            said = announced(process, log)
            address = said["ready"].removeprefix("http://")
            yield Cluster(address=address, process=process, log=log, marathon=said.get("marathon", ""))
            stop(process, log)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            assert process.stdout is not None
            process.stdout.close()
            destroy(folder)


def destroy(directory: str | Path) -> None:
    """No task lives of any agent that has its files there: those outlive it, under a supervisor that names the place in
    its command line."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(f"{directory}/" in f"{word}/" for word in process.cmdline()):
                for each in (*process.children(recursive=True), process):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        each.kill()


def announced(process: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    """What it says until it is ready: URLs by what they are."""
    assert process.stdout is not None
    said: dict[str, str] = {}
    while "ready" not in said:
        what, _, url = process.stdout.readline().decode().strip().partition(" ")
        if not url.startswith("http://"):
            process.kill()
            process.wait()
            raise AssertionError(f"not ready but {what!r}; log:\n{log.read_text()[-4000:]}")
        said[what] = url
    return said


def stop(process: subprocess.Popen[bytes], log: Path) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"did not end; log:\n{log.read_text()[-4000:]}") from error
    assert code == 0, f"ended with {code}; log:\n{log.read_text()[-4000:]}"


def new_mark() -> str:
    return uuid.uuid4().hex


def marked(mark: str) -> list[psutil.Process]:
    """Every living process with this mark in its environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == mark:
                found.append(process)
    return found


def eventually(look: Callable[[], T], what: str, timeout: float = 60) -> T:
    """The first true thing that ``look`` returns; polling a process from outside is all a user can do, too."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"never came true: {what}"
        time.sleep(0.05)
