"""``mesos-py exec`` and ``mesos-py attach``, at a terminal and without, as their users see them."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator

import pytest

from tests.acceptance.cluster import MARK, Cluster, environment, eventually, marked, new_mark

MESOS = (sys.executable, "-m", "mesos_py")
WAIT_S = 90

#: Its stdin is the terminal of its session.
AT_TERMINAL = (
    sys.executable, "-c",
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])",
)  # fmt: skip


class Task:
    """A ``mesos-py run``, and what its task's environment is marked with."""

    def __init__(self, cluster: Cluster, name: str, *words: str) -> None:
        self.name, self.mark = name, new_mark()
        self.process = cluster.start(*MESOS, "run", f"--name={name}", f"--env={MARK}={self.mark}", *words)
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=WAIT_S)


class Terminal:
    """A program at a terminal of which we are the user."""

    def __init__(self, cluster: Cluster, *words: str, rows: int = 30, columns: int = 100) -> None:
        self.fd, inner = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(inner)
        self.process = subprocess.Popen(
            [*AT_TERMINAL, *MESOS, *words], env=environment(MESOS_MASTER=cluster.address, TERM="xterm"), cwd="/",
            stdin=inner, stdout=inner, stderr=inner, start_new_session=True,
        )  # fmt: skip
        self.inner = inner
        self.said = b""

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, data: bytes) -> None:
        os.write(self.fd, data)

    def until(self, text: bytes) -> bytes:
        """What is shown up to and with ``text``."""
        deadline = time.monotonic() + WAIT_S
        while text not in self.said:
            assert time.monotonic() < deadline, (text, self.said)
            if select.select([self.fd], [], [], 0.05)[0]:
                self.said += os.read(self.fd, 65536)
        shown, _, self.said = self.said.partition(text)
        return shown + text

    def ended(self) -> int:
        """The exit code; the terminal is as it was."""
        code = self.process.wait(WAIT_S)
        assert termios.tcgetattr(self.inner) == self.before
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.fd)
        os.close(self.inner)


@pytest.fixture(scope="module")
def task(cluster: Cluster) -> Iterator[Task]:
    started = Task(cluster, "exec-me", "--env=COLOUR=blue", "--command=echo up; exec sleep 1000")
    yield started
    started.stop()


@pytest.mark.parametrize(
    ("words", "input", "code", "stdout", "stderr"),
    [
        (("--", "true"), None, 0, "", ""),
        (("--", "sh", "-c", "echo out; echo err >&2; exit 3"), None, 3, "out\n", "err\n"),
        (("--", "sh", "-c", "echo $COLOUR; kill -9 $$"), None, 137, "blue\n", ""),
        (("-i", "--", "tr", "a-z", "A-Z"), "typed " * 50_000, 0, "TYPED " * 50_000, ""),
        (("--", "cat"), "not passed on", 0, "", ""),
        (("-t", "--", "stty", "size"), None, 0, "24 80\n", ""),
    ],
    ids=["true", "status", "signal", "stdin", "no-stdin", "terminal"],
)
def test_exec(
    cluster: Cluster, task: Task, words: tuple[str, ...], input: str | None, code: int, stdout: str, stderr: str
) -> None:
    """Output in the right stream, input to its end, the exit status of the command."""
    done = cluster.cli("exec", "exec-me", *words, input=input)
    assert (done.returncode, done.stdout.replace("\r\n", "\n"), done.stderr) == (code, stdout, stderr)


def test_a_command_runs_where_the_task_does(cluster: Cluster, task: Task) -> None:
    """A prefix names the task; what is written into the sandbox is there."""
    assert cluster.cli("exec", "exec-m", "--", "sh", "-c", "echo here > made").returncode == 0
    done = cluster.cli("logs", "exec-me", "--file=made")
    assert (done.returncode, done.stdout) == (0, "here\n")


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("exec", "exec-me", "--", "/no/such/program"), 125, "Failed to execute '/no/such/program'"),
        (("exec", "nobody", "--", "true"), 1, "no task 'nobody'"),
        (("exec", "exec-me"), 2, "say where and what"),
        (("exec", "-x", "exec-me", "--", "true"), 2, "unknown flag -x"),
        (("attach", "exec-me"), 1, "has no terminal (tty_info)"),
        (("attach",), 2, "say which task"),
    ],
    ids=["program", "task", "usage", "flag", "no-terminal", "attach-usage"],
)
def test_what_cannot_be_done(cluster: Cluster, task: Task, words: tuple[str, ...], code: int, text: str) -> None:
    done = cluster.cli(*words)
    assert done.returncode == code
    assert text in done.stderr


def test_a_shell_at_a_terminal(cluster: Cluster, task: Task) -> None:
    """1 of the size of ours; 2 resized with it; 3 Ctrl-C is the command's; 4 its status; 5 ours is as it was."""
    at = Terminal(cluster, "exec", "-it", "exec-me", "--", "env", "PS1=> ", "bash", "--norc")
    try:
        at.until(b"> ")
        at.type(b"stty size; echo $TERM $COLOUR\r")
        assert b"30 100\r\nxterm blue\r\n" in at.until(b"xterm blue\r\n")
        at.resize(50, 132)
        at.type(b"until [ \"$(stty size)\" = '50 132' ]; do sleep 0.05; done; echo re''sized\r")
        at.until(b"resized")
        at.type(b"sh -c 'echo re$((1))dy; exec sleep 1000'\r")
        at.until(b"re1dy")
        at.type(b"\x03")
        at.until(b"> ")
        at.type(b"exit 42\r")
        assert at.ended() == 42
    finally:
        at.close()


def test_our_terminal_is_as_it_was_however_we_end(cluster: Cluster, task: Task) -> None:
    """Whoever ends us finds nothing raw left behind."""
    at = Terminal(cluster, "exec", "-it", "exec-me", "--", "sh", "-c", "echo re$((1))dy; exec sleep 1000")
    try:
        at.until(b"re1dy")
        assert termios.tcgetattr(at.inner) != at.before
        at.process.send_signal(signal.SIGTERM)
        assert at.ended() == 128 + signal.SIGTERM
    finally:
        at.close()


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_what_is_run_ends_with_us(cluster: Cluster, task: Task, signum: int) -> None:
    """However we end; the task goes on."""
    process = cluster.start(*MESOS, "exec", "exec-me", "--", "sh", "-c", "trap '' TERM HUP; echo on; sleep 1000 & wait")
    assert process.stdout is not None
    process.stdout.readline()
    eventually(lambda: len(marked(task.mark)) == 3, "the command and what it has started")
    process.send_signal(signum)
    process.communicate(timeout=WAIT_S)
    eventually(lambda: len(marked(task.mark)) == 1, "the command has ended, and the task has not")


def test_attach(cluster: Cluster) -> None:
    """1 it shows and types; 2 a second one only watches; 3 Ctrl-P Ctrl-Q leaves; 4 whoever stays ends as the task."""
    container = '{"type": "MESOS", "tty_info": {"window_size": {"rows": 24, "columns": 80}}}'
    command = "echo up; while read line; do echo got $line; [ $line != end ] || exit 7; done"
    run = Task(cluster, "attach-me", f"--container={container}", f"--command={command}")
    first = Terminal(cluster, "attach", "attach-me")
    try:
        first.type(b"one\r")
        first.until(b"got one\r\n")
        second = Terminal(cluster, "attach", "attach-me")
        try:
            second.until(b"somebody else types")
            first.type(b"two\r")
            second.until(b"got two\r\n")
            first.type(b"\x10\x11")
            first.until(b"is left to itself")
            assert first.ended() == 0
        finally:
            second.close()
        third = Terminal(cluster, "attach", "attach-me")
        try:
            third.type(b"end\r")
            third.until(b"got end\r\n")
            assert third.ended() == 7
        finally:
            third.close()
    finally:
        first.close()
        run.stop()
