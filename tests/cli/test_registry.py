"""``mesos-py registry`` on files: what it tells, what it writes, and what it refuses without changing anything."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mesos_py.cli.command import CommandFailed
from mesos_py.cli.registry import COMMAND
from mesos_py.config import parse
from mesos_py.coordination import Key
from mesos_py.coordination.backup import Backup, state_hash
from mesos_py.coordination.sqlite import SqliteRecords
from mesos_py.coordination.work_dir import WorkDir
from mesos_py.master.registry import (
    AdmitAgent,
    MarkAgentGone,
    MarkAgentUnreachable,
    Registry,
    UpdateQuota,
    UpdateWeights,
)
from mesos_py.master.registry.store import to_records
from mesos_py.wire.ids import AgentID
from tests import builders

A, B, C = (AgentID(f"m-S{number}") for number in range(3))


def registry(*facts: Any) -> dict[Key, bytes]:
    made = Registry()
    for agent_id in (A, B, C):
        made.apply(AdmitAgent(builders.agent_info(f"host-{agent_id}", agent_id=agent_id)))
    for fact in facts:
        made.apply(fact)
    return to_records(made.message())


YESTERDAY = registry()
TODAY = registry(MarkAgentUnreachable(A, 10**18), MarkAgentGone(B, 10**18))


def run(*words: str) -> None:
    """``mesos-py registry WORDS``. Raises CommandFailed."""
    assert asyncio.run(COMMAND.main(parse(words, COMMAND.options))) == 0


def refused(*words: str, code: int = 1) -> str:
    """What is said instead."""
    with pytest.raises(CommandFailed) as caught:
        run(*words)
    assert caught.value.code == code
    return str(caught.value)


def put(work_dir: Path, records: dict[Key, bytes]) -> None:
    async def replace() -> None:
        archive = SqliteRecords(str(work_dir / "registry.db"))
        await archive.replace(records)
        await archive.close()

    asyncio.run(replace())


def kept(work_dir: Path) -> dict[Key, bytes]:
    async def read() -> dict[Key, bytes]:
        archive = SqliteRecords(str(work_dir / "registry.db"))
        try:
            return dict((await archive.read()).records)
        finally:
            await archive.close()

    return asyncio.run(read())


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    """Of a master that ran yesterday, and was not stopped since."""
    made = tmp_path / "master"
    made.mkdir()
    put(made, YESTERDAY)
    return made


@pytest.fixture
def backup(work_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Of yesterday; today things are different."""
    file = tmp_path / "backup"
    run("backup", str(file), f"--work_dir={work_dir}")
    assert capsys.readouterr().out == state_hash(YESTERDAY) + "\n"
    put(work_dir, TODAY)
    return file


# ---- what it tells and writes


def test_what_a_registry_holds(work_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for machines."""
    put(work_dir, TODAY)
    run("show", f"--work_dir={work_dir}", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["epoch"] == 2
    assert told["state_hash"] == state_hash(TODAY)
    assert {kind: count for kind, count in told["counts"].items() if count} == {
        "agents": 1, "unreachable": 1, "gone": 1,
    }
    assert [(each["agent_id"], each["standing"]) for each in told["agents"]] == [
        (A, "unreachable"), (B, "gone"), (C, "admitted"),
    ]
    assert told["agents"][1]["since_s"] == 10**9
    run("show", f"--work_dir={work_dir}")
    lines = capsys.readouterr().out.splitlines()
    assert f"state hash   {state_hash(TODAY)}" in lines
    assert [line.split()[:3] for line in lines[-3:]] == [
        [A, "unreachable", lines[-3].split()[-1]], [B, "gone", lines[-2].split()[-1]], [C, f"host-{C}", "admitted"],
    ]


def test_roles_are_told_with_what_they_have(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By 'show', and by 'restore' with what they would have."""
    backup = tmp_path / "backup"
    was = registry(UpdateQuota((builders.quota("eng", {"cpus": 2}, {"cpus": 4}),)))
    put(tmp_path, was)
    run("backup", str(backup), f"--work_dir={tmp_path}")
    put(tmp_path, registry(UpdateQuota((builders.quota("eng", {}, {"cpus": 1}),)), UpdateWeights({"ops": 2.0})))
    capsys.readouterr()
    run("show", f"--work_dir={tmp_path}", "--json")
    assert json.loads(capsys.readouterr().out)["roles"] == [
        {"role": "eng", "guarantees": {}, "limits": {"cpus": 1.0}, "weight": None},
        {"role": "ops", "guarantees": {}, "limits": {}, "weight": 2.0},
    ]
    run("show", f"--work_dir={tmp_path}")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[-2:] == ["eng limited to cpus:1", "ops weighs 2"]
    run("restore", str(backup), "--dry-run", f"--work_dir={tmp_path}", "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["roles"], told["other_records"]) == (
        [
            {"role": "eng", "now": "limited to cpus:1", "then": "guaranteed cpus:2; limited to cpus:4"},
            {"role": "ops", "now": "weighs 2", "then": "nothing"},
        ],
        {},
    )
    run("restore", str(backup), f"--work_dir={tmp_path}")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[-2:] == [
        "eng limited to cpus:1 guaranteed cpus:2; limited to cpus:4", "ops weighs 2 nothing",
    ]
    assert kept(tmp_path) == was


def test_a_backup_is_for_its_owner_and_whole(backup: Path, work_dir: Path) -> None:
    """Nobody else may read it; it may be overwritten by the next one, and nothing is left beside it."""
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert Backup.decode(backup.read_bytes()).records == YESTERDAY
    run("backup", str(backup), f"--work_dir={work_dir}")
    assert Backup.decode(backup.read_bytes()).records == TODAY
    assert sorted(os.listdir(backup.parent)) == ["backup", "master"]


def test_a_dry_run_tells_whom_it_would_concern(
    backup: Path, work_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And changes nothing; without a master nobody knows the tasks."""
    run("restore", str(backup), "--dry-run", f"--work_dir={work_dir}", "--json")
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert [(each["agent_id"], each["now"], each["then"], each["tasks"]) for each in told["agents"]] == [
        (A, "unreachable", "admitted", None), (B, "gone", "admitted", None),
    ]
    assert told["leader"] is None
    assert "no master tells which tasks run on these agents" in err
    assert kept(work_dir) == TODAY
    assert "lock" not in os.listdir(work_dir)


def test_what_is_restored_is_there(backup: Path, work_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the next epoch; the same again is nothing to do."""
    run("restore", str(backup), f"--work_dir={work_dir}")
    assert "is restored from" in capsys.readouterr().err
    assert kept(work_dir) == YESTERDAY
    run("restore", str(backup), f"--work_dir={work_dir}")
    assert "says so already: nothing is changed" in capsys.readouterr().err
    run("show", f"--work_dir={work_dir}", "--json")
    assert json.loads(capsys.readouterr().out)["epoch"] == 3


def test_a_new_directory_and_a_damaged_file(backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backup goes anywhere."""
    other = tmp_path / "other"
    other.mkdir()
    run("restore", str(backup), f"--work_dir={other}")
    assert "no master has kept a registry" in capsys.readouterr().err
    (other / "registry.db").write_bytes(b"damaged")
    run("restore", str(backup), f"--work_dir={other}")
    assert "nobody can tell what would be lost" in capsys.readouterr().err
    assert kept(other) == YESTERDAY


# ---- what it refuses


def test_backups_that_nobody_should_restore(backup: Path, work_dir: Path) -> None:
    """Each for what it is, before anything is looked at."""
    whole = backup.read_bytes()
    for data, why in {
        whole[:-1]: "cut off", whole[:30]: "cut off", b"": "empty", b"x" * 100: "no backup of a registry",
        whole[:25] + b"\x07" + whole[26:]: "has format 7", whole[:-3] + b"xxx": "checksum does not match",
    }.items():  # fmt: skip
        backup.write_bytes(data)
        told = refused("restore", str(backup), f"--work_dir={work_dir}")
        assert f"{backup} is not restored: it" in told
        assert why in told
    unknown = Backup(records={("spaceships", "a"): b""}, made_ns=0, source="", epoch=1, owner="", serial=0)
    backup.write_bytes(unknown.encode())
    told = refused("restore", str(backup), f"--work_dir={work_dir}")
    assert "records of a kind 'spaceships', which this program does not know" in told
    backup.unlink()
    assert "No such file" in refused("restore", str(backup), f"--work_dir={work_dir}")
    assert kept(work_dir) == TODAY


def test_while_a_master_leads(backup: Path, work_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not without --force; a file that SQLite cannot open not even then."""
    master = WorkDir(str(work_dir), "master")
    master.hold()
    master.announce("127.0.0.1:1")
    told = refused("restore", str(backup), f"--work_dir={work_dir}")
    assert told.startswith("a master leads at 127.0.0.1:1: stop the masters first, or say --force")
    told = capsys.readouterr().err
    assert "which tasks run on these agents is not known: cannot reach the master at http://127.0.0.1:1" in told
    assert kept(work_dir) == TODAY
    run("restore", str(backup), f"--work_dir={work_dir}", "--force")
    assert "the master that led ends within seconds" in capsys.readouterr().err
    assert kept(work_dir) == YESTERDAY
    (work_dir / "registry.db").write_bytes(b"damaged")
    told = refused("restore", str(backup), f"--work_dir={work_dir}", "--force")
    assert "a process uses its directory; end that one first" in told
    assert (work_dir / "registry.db").read_bytes() == b"damaged"
    master.release()


def test_files_that_are_no_backups_are_not_overwritten(work_dir: Path) -> None:
    """Somebody mixed up two names."""
    told = refused("backup", str(work_dir / "registry.db"), f"--work_dir={work_dir}")
    assert "is there already and no backup: it is not overwritten" in told
    assert kept(work_dir) == YESTERDAY
    assert "no ordinary file" in refused("backup", "/dev/null", f"--work_dir={work_dir}")
    assert "Is a directory" in refused("backup", str(work_dir), f"--work_dir={work_dir}")
    assert "No such file or directory" in refused("backup", "/no/where/file", f"--work_dir={work_dir}")


def test_directories_without_a_registry(tmp_path: Path) -> None:
    """None at all, one without a registry, one of an agent."""
    assert "is no directory" in refused("show", f"--work_dir={tmp_path}/no")
    assert "no master has kept a registry at" in refused("show", f"--work_dir={tmp_path}")
    (tmp_path / "meta").mkdir()
    assert "belongs to an agent" in refused("show", f"--work_dir={tmp_path}")
    assert os.listdir(tmp_path) == ["meta"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((), "show|backup|restore"),
        (("delete",), "show|backup|restore"),
        (("show",), "say which registry"),
        (("show", "--work_dir=x", "--zk=zk://h/p"), "say which registry"),
        (("show", "more", "--work_dir=x"), "expecting: mesos-py registry show"),
        (("backup", "--work_dir=x"), "expecting: mesos-py registry backup FILE"),
        (("restore", "a", "b", "--work_dir=x"), "expecting: mesos-py registry restore FILE"),
        (("show", "--work_dir=x", "--force"), "are for 'restore'"),
        (("backup", "f", "--work_dir=x", "--dry-run"), "are for 'restore'"),
        (("show", "--zk=h:2181"), "expecting zk://"),
        (("show", "--zk=zk://u@h/p"), "expecting user:password"),
    ],
)
def test_command_lines_that_make_no_sense(words: tuple[str, ...], why: str) -> None:
    """Exit code 2, and what was expected."""
    assert why in refused(*words, code=2)


ASKING = [sys.executable, "-c", "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"]


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"\n", 1), (b"\x04", 1), (b"\x03", 130), (b"y\n", 0)])
def test_whoever_sits_at_a_terminal_is_asked(backup: Path, work_dir: Path, answer: bytes, code: int) -> None:
    """Only yes is yes; Ctrl-C is at once."""
    words = [sys.executable, "-m", "mesos_py", "registry", "restore", str(backup), f"--work_dir={work_dir}"]
    asking = subprocess.Popen([*ASKING, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert asking.stdin is not None
    assert asking.stdout is not None
    told = b""
    while not told.endswith(b"[y/N] "):
        told += asking.stdout.read(1)
    asking.stdin.write(answer)
    asking.stdin.flush()
    try:
        asking.stdout.read()
        assert asking.wait(90) == code
    finally:
        asking.send_signal(signal.SIGKILL)
        asking.communicate()
    assert kept(work_dir) == (YESTERDAY if code == 0 else TODAY)
