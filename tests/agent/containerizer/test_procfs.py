"""Reading /proc: marks, statistics and names made to confuse."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from mesos_py.agent.containerizer.supervisor import procfs


@given(st.binary(max_size=80))
def test_a_mark_is_a_limit_the_kernel_takes(container_id: bytes) -> None:
    assert procfs.MARK_BASE <= procfs.mark_of(container_id) < 1 << 62


@given(st.sets(st.uuids().map(lambda one: str(one).encode()), max_size=50))
def test_marks_tell_containers_apart(ids: set[bytes]) -> None:
    assert len({procfs.mark_of(one) for one in ids}) == len(ids)


def test_marks_are_handed_down_whatever_a_process_clears() -> None:
    """Through fork, setsid, an empty environment and exec."""
    mark = procfs.mark_of(b"test")
    script = "import os, sys; os.setsid(); os.execve('/bin/sleep', ['sleep', '1000'], {})"

    def carry() -> None:
        resource.setrlimit(resource.RLIMIT_RTTIME, (mark, resource.RLIM_INFINITY))

    with subprocess.Popen([sys.executable, "-I", "-S", "-c", script], preexec_fn=carry) as process:  # noqa: PLW1509
        while b"sleep" not in procfs.read(f"/proc/{process.pid}/cmdline").split(b"\0")[0]:
            assert process.poll() is None
        assert procfs.mark(process.pid) == mark
        process.kill()
    assert procfs.mark(process.pid) is None
    assert procfs.mark(os.getpid()) is None


def test_a_name_with_parentheses_and_spaces_does_not_shift_fields(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "1000"]) as process:
        while b"1000" not in procfs.read(f"/proc/{process.pid}/cmdline"):
            assert process.poll() is None
        found = procfs.stat(process.pid)
        assert found is not None
        assert (found.parent, found.threads) == (os.getpid(), 1)
        assert found.session == os.getsid(0)
        assert process.pid in procfs.children(os.getpid())
        assert procfs.is_inside(process.pid, os.fsencode(os.getcwd()))
        assert not procfs.is_inside(process.pid, os.fsencode(os.getcwd()) + b"-evil")
        process.kill()
    assert procfs.stat(process.pid) is None
    assert procfs.children(process.pid) == []
