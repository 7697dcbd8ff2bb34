"""Whose directory it is: one process's at a time, and never of the other kind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mesos_py.coordination.work_dir import LOCK_FILE, WorkDir, WorkDirRefused

HOLDER = """
import sys, time
from mesos_py.coordination.work_dir import WorkDir
work_dir = WorkDir(sys.argv[1], "agent")
work_dir.hold()
work_dir.announce("10.0.0.1:5051")
print("held", flush=True)
time.sleep(60)
"""


def refusal(path: Path, kind: str = "master") -> str:
    with pytest.raises(WorkDirRefused) as caught:
        WorkDir(str(path), kind).hold()  # type: ignore[arg-type]
    return str(caught.value)


def test_one_process_at_a_time_however_that_ends(tmp_path: Path) -> None:
    """The refusal says who has it; once that is killed, the next one has it, though the text is still there."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    assert f"in use by another process (pid {holder.pid}, at 10.0.0.1:5051)" in refusal(tmp_path, "agent")
    assert WorkDir(str(tmp_path), "agent").user() == (str(holder.pid), "10.0.0.1:5051")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    successor = WorkDir(str(tmp_path), "agent")
    successor.hold()
    assert successor.user() == (str(os.getpid()), "")
    assert "in use" in refusal(tmp_path, "agent")
    successor.release()
    successor.hold()
    successor.release()


def test_a_master_and_an_agent_do_not_share(tmp_path: Path) -> None:
    """Whether the owner runs or not; and the refused one leaves the owner's text alone."""
    owner = WorkDir(str(tmp_path), "agent")
    owner.hold()
    assert refusal(tmp_path) == f"--work_dir={tmp_path} belongs to an agent; name another one for a master"
    owner.release()
    assert "belongs to an agent" in refusal(tmp_path)
    owner.hold()
    owner.release()


@pytest.mark.parametrize(("trace", "kind"), [("meta", "agent"), ("slaves", "agent"), ("registry.db", "master")])
def test_a_directory_without_a_lock_is_known_by_what_is_in_it(tmp_path: Path, trace: str, kind: str) -> None:
    """Those of earlier versions, and of C++ Mesos."""
    (tmp_path / trace).mkdir()
    assert WorkDir(str(tmp_path), "master").owner() == kind
    other = "agent" if kind == "master" else "master"
    assert f"belongs to a{'n agent' if kind == 'agent' else ' master'}" in refusal(tmp_path, other)
    for text in ("", "nonsense\n"):
        (tmp_path / LOCK_FILE).write_text(text)
        assert "belongs to" in refusal(tmp_path, other)
    owner = WorkDir(str(tmp_path), kind)  # type: ignore[arg-type]
    owner.hold()
    owner.release()


def test_a_directory_with_a_whole_cluster_in_it(tmp_path: Path) -> None:
    """Is no master's and no agent's, though theirs are in it; and theirs are no cluster's."""
    for kind, name in (("master", "master"), ("agent", "agent-1")):
        part = WorkDir(str(tmp_path / name), kind)  # type: ignore[arg-type]
        part.hold()
        part.release()
        with pytest.raises(WorkDirRefused, match=f"belongs to an? {kind}; name another one for a cluster of"):
            WorkDir(str(tmp_path / name), "cluster").check_kind()
    WorkDir(str(tmp_path), "cluster").check_kind()
    told = refusal(tmp_path)
    assert told.endswith(f"of 'mesos-py local'; name another one for a master, or its master's: {tmp_path}/master")
    assert refusal(tmp_path, "agent").endswith("of 'mesos-py local'; name another one for an agent")


def test_a_directory_that_cannot_be_one(tmp_path: Path) -> None:
    """A file, or below one: the path and the reason are named."""
    file = tmp_path / "file"
    file.touch()
    assert f"--work_dir={file} cannot be used (File exists" in refusal(file)
    assert f"Not a directory: {file}/sub" in refusal(file / "sub")


def test_a_child_that_has_not_begun_yet_keeps_nothing(tmp_path: Path) -> None:
    """Between its fork and its program it shares our descriptors, of which it knows nothing."""
    owner = WorkDir(str(tmp_path), "agent")
    owner.hold()
    (shared,) = [os.dup(number) for number in opened(tmp_path / LOCK_FILE)]
    owner.release()
    other = WorkDir(str(tmp_path), "agent")
    assert not other.is_in_use()
    other.hold()
    other.release()
    os.close(shared)


def opened(path: Path) -> list[int]:
    """Our descriptors of that file."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == str(path):
                found.append(int(name))
        except FileNotFoundError:
            continue  # the directory's own
    return found
