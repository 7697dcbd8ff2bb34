"""Journals on a disk: for nobody else's eyes, and read as far as they go, wherever their writer was cut off."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from mesos_py.journal import files
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.files import EVENTS, FORMAT, MAGIC, SNAPSHOT, RunDirectory, Segment, bytes_below, sources_digest
from mesos_py.journal.replay import Replay, Run
from tests.journal.recorded import RecordedWorld, busy


def test_nobody_else_may_read_a_journal(tmp_path: Path) -> None:
    """Whatever the umask: files 0600 in a directory 0700."""
    before = os.umask(0)
    try:
        world = busy(tmp_path / "new" / "place")
    finally:
        os.umask(before)
    run = Path(world.scribe.path)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in run.iterdir()}
    assert modes == {0o600}


def test_a_journal_is_read_up_to_where_it_is_torn(tmp_path: Path) -> None:
    """Cut at every byte: all events that are complete, and a word about the rest."""
    world = RecordedWorld(tmp_path)
    world.scheduler()
    world.agent()
    world.settle()
    (path,) = world.read().path.glob("*" + EVENTS)
    whole = path.read_bytes()
    ends = [len(whole) - len(rest) for rest in _rests(path)]
    assert len(ends) > 3
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        if length < ends[0]:  # within the head
            run = Run(path.parent)
            assert run.segments == []
            assert len(run.notes) == 1
            continue
        segment = Segment(path)
        complete = sum(1 for _ in segment.records())
        assert complete == sum(end <= length for end in ends[1:])
        assert (segment.torn is None) == (length in ends)


def _rests(path: Path) -> list[bytes]:
    """What is left of the file behind its head, and behind each record."""
    whole = path.read_bytes()
    with open(path, "rb") as file:
        files._head(file, path)
        rests = [whole[file.tell() :]]
    while rests[-1]:
        length, _ = files.LENGTH_AND_CRC.unpack_from(rests[-1])
        rests.append(rests[-1][files.LENGTH_AND_CRC.size + length :])
    return rests


@pytest.mark.parametrize("what", ["altered", "zeros", "garbage"])
def test_damage_ends_a_segment(tmp_path: Path, what: str) -> None:
    """Events before it count, and it is said which was the last."""
    world = busy(tmp_path)
    (path,) = world.read().path.glob("*" + EVENTS)
    whole = bytearray(path.read_bytes())
    count = sum(1 for _ in Segment(path).records())
    if what == "altered":
        whole[len(whole) // 2] ^= 1
    else:
        whole += bytes(100) if what == "zeros" else os.urandom(100)
    path.write_bytes(whole)
    replay = Replay(world.read())
    replay.to_end()
    assert replay.number == count if what != "altered" else 0 < replay.number < count
    (note,) = replay.notes
    assert note.endswith(f"the last event before that is {replay.number}")


def test_files_of_other_formats_are_refused(tmp_path: Path) -> None:
    """It is said whether it is a journal at all."""
    other = tmp_path / "000000.events"
    other.write_bytes(MAGIC.replace(b"%d" % FORMAT, b"%d" % (FORMAT + 1)) + b"whatever")
    with pytest.raises(Unreadable, match="of another format than this program's"):
        Segment(other)
    other.write_bytes(b"GIF89a")
    with pytest.raises(Unreadable, match="is no journal"):
        Segment(other)


@pytest.mark.parametrize("cut", [0, 10, 100, -1])
def test_a_snapshot_that_is_cut_off_is_refused(tmp_path: Path, cut: int) -> None:
    world = busy(tmp_path)
    (path,) = world.read().path.glob("*" + SNAPSHOT)
    path.write_bytes(path.read_bytes()[:cut])
    (segment,) = world.read().segments
    with pytest.raises(Unreadable):
        segment.core()
    replay = Replay(world.read())
    with pytest.raises(Unreadable, match="snapshot cannot be read"):
        replay.to_end()


def test_two_runs_of_one_second_have_directories_of_their_own(tmp_path: Path) -> None:
    runs = [RunDirectory(str(tmp_path), "master") for _ in range(3)]
    assert len({run.path for run in runs}) == 3
    for run in runs:
        run.release()


def test_only_what_has_ended_is_forgotten(tmp_path: Path) -> None:
    """Runs of processes that live are theirs; own segments go oldest first, down to the one that must be kept."""
    ended, living, own = (RunDirectory(str(tmp_path), name) for name in ("ended", "living", "own"))
    for run in (ended, living):
        Path(run.file(0, EVENTS)).write_bytes(bytes(1000))
    for number in range(4):
        for ending in (EVENTS, SNAPSHOT):
            Path(own.file(number, ending)).write_bytes(bytes(500))
    ended.release()
    assert own.trim(10_000, 3) == 0
    assert own.size() == 5000
    assert own.trim(4500, 3) == 1000
    assert not Path(ended.path).exists()
    assert own.trim(2500, 3) == 2000
    assert own.trim(0, 3) == 1000
    assert sorted(path.name for path in Path(own.path).iterdir()) == ["000003.events", "000003.snapshot"]
    assert Path(living.file(0, EVENTS)).exists()


def test_what_others_have_just_forgotten_has_no_size(tmp_path: Path) -> None:
    """As when two programs that share a directory find at once that it is too large."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "1").write_bytes(b"four")
    (tmp_path / "run" / "2").symlink_to("gone")
    assert [bytes_below(str(tmp_path / name)) for name in ("run", "gone")] == [4, 0]


def test_sources_have_one_digest() -> None:
    """Of this checkout, as hexadecimal text."""
    assert sources_digest() == sources_digest()
    assert len(bytes.fromhex(sources_digest())) == 8
