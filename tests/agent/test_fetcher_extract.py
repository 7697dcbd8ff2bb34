"""X06 (spec/faults.md): archives unpack into the sandbox and nowhere else, and are bounded."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesos_py.agent.fetcher.worker.extract import Budget, extract, is_archive
from mesos_py.agent.fetcher.worker.problem import FetchError
from mesos_py.agent.fetcher.worker.sandbox import Sandbox

COMPRESSED = {"w:gz": (".tgz", ".tar.gz"), "w:bz2": (".tbz2", ".tar.bz2"), "w:xz": (".txz", ".tar.xz"), "w": (".tar",)}
MODES = {suffix: mode for mode, suffixes in COMPRESSED.items() for suffix in suffixes}


def tar(suffix: str, *members: tuple[str, bytes, str]) -> bytes:
    """An archive of (name, tarfile type, content or target)."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=MODES[suffix]) as archive:  # type: ignore[call-overload]
        for name, kind, content in members:
            info = tarfile.TarInfo(name)
            info.type = kind
            info.mode = 0o7777
            info.uid = info.gid = 4242
            if kind == tarfile.REGTYPE:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content.encode()))
            else:
                info.linkname = content
                archive.addfile(info)
    return buffer.getvalue()


def zipped(*members: tuple[str, int, str]) -> bytes:
    """An archive of (name, st_mode, content or target)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, mode, content in members:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content)
    return buffer.getvalue()


class Box:
    """A sandbox with things around it that must stay as they are."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.path = base / "box"
        self.path.mkdir()
        self.outside = base / "outside"
        self.outside.mkdir()
        (self.outside / "file").write_text("untouched")

    def unpack(self, name: str, data: bytes, *, bytes_max: int = 100_000, entries_max: int = 20) -> None:
        (self.path / name).write_bytes(data)
        with (self.path / name).open("rb") as raw:
            budget = Budget(extract_max=bytes_max, extract_entries_max=entries_max)
            extract(raw, name, Sandbox(str(self.path)), budget)

    def check(self) -> None:
        """Nothing was changed or made outside."""
        assert sorted(os.listdir(self.base)) == ["box", "outside"]
        assert os.listdir(self.outside) == ["file"]
        assert (self.outside / "file").read_text() == "untouched"
        assert (self.outside / "file").stat().st_nlink == 1

    def made(self) -> dict[str, str]:
        found = {}
        for directory, _, files in os.walk(self.path):
            for name in files:
                path = Path(directory) / name
                if not is_archive(name):
                    found[str(path.relative_to(self.path))] = path.read_text()
        return found


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


REG, SYM, LNK, DIR = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE


@pytest.mark.parametrize("suffix", MODES)
def test_every_kind_of_tar(box: Box, suffix: str) -> None:
    """Files, directories, links inside; the archive stays; no set-uid, no foreign owner, not writable by others."""
    data = tar(suffix, ("d", DIR, ""), ("d/f", REG, "one"), ("./g", REG, "two"), ("l", SYM, "d/f"), ("h", LNK, "g"))
    box.unpack("a" + suffix, data)
    assert box.made() == {"d/f": "one", "g": "two", "l": "one", "h": "two"}
    assert (box.path / ("a" + suffix)).exists()
    for name in ("d", "d/f", "g"):
        status = (box.path / name).stat()
        assert stat.S_IMODE(status.st_mode) == 0o755
        assert status.st_uid == os.geteuid()


def test_zip_and_gz(box: Box) -> None:
    box.unpack("a.zip", zipped(("d/f", 0o100755, "one"), ("g", 0, "two"), ("l", 0o120777, "g"), ("e/", 0o040755, "")))
    assert box.made() == {"d/f": "one", "g": "two", "l": "two"}
    assert stat.S_IMODE((box.path / "d/f").stat().st_mode) == 0o755
    assert (box.path / "e").is_dir()
    box.unpack("name.txt.gz", gzip.compress(b"three"))
    assert (box.path / "name.txt").read_text() == "three"


def test_only_archives_are_told_by_name() -> None:
    assert [is_archive(name) for name in ("a.tar", "a.tar.xz", "a.zip", "a.gz", "a", "a.tar.bak", "tar", "a.7z")] == [
        True, True, True, True, False, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([("../evil", REG, "x")], "leads out of the sandbox"),
        ([("a/../../evil", REG, "x")], "leads out of the sandbox"),
        ([("/tmp/evil", REG, "x")], "absolute path"),
        ([("../evil", DIR, "")], "leads out of the sandbox"),
        ([("l", SYM, "/etc")], "out of the sandbox"),
        ([("l", SYM, "..")], "out of the sandbox"),
        ([("l", SYM, "../outside")], "out of the sandbox"),
        ([("d/l", SYM, "../../outside/file")], "out of the sandbox"),
        ([("d", DIR, ""), ("l", SYM, "d/../../outside")], "out of the sandbox"),
        ([("l", SYM, "d"), ("d", DIR, ""), ("l/x", REG, "x")], "cannot create directory 'l'"),
        ([("a", SYM, "."), ("a/b", SYM, ".."), ("a/b/outside/file", REG, "x")], "'a'"),
        ([("h", LNK, "../outside/file")], "leads out of the sandbox"),
        ([("h", LNK, "/etc/passwd")], "absolute path"),
        ([("h", LNK, "nothing")], "cannot link 'h'"),
        ([("dev", tarfile.CHRTYPE, "")], "device or FIFO"),
        ([("dev", tarfile.BLKTYPE, "")], "device or FIFO"),
        ([("fifo", tarfile.FIFOTYPE, "")], "device or FIFO"),
        ([("big", REG, "x" * 100_001)], "more than 100000 bytes (extract_max)"),
        ([(f"f{n}", REG, "x" * 10_000) for n in range(11)], "more than 100000 bytes (extract_max)"),
        ([(f"f{n}", REG, "") for n in range(21)], "more than 20 entries (extract_entries_max)"),
    ],
)
def test_hostile_tars_are_refused(box: Box, members: list[tuple[str, bytes, str]], text: str) -> None:
    with pytest.raises(FetchError, match=r"Failed to extract 'a\.tgz': ") as refusal:
        box.unpack("a.tgz", tar(".tgz", *members))
    assert text in str(refusal.value)
    box.check()


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ([("../evil", 0o100644, "x")], "leads out of the sandbox"),
        ([("/evil", 0o100644, "x")], "absolute path"),
        ([("l", 0o120777, "../outside/file")], "out of the sandbox"),
        ([("l", 0o120777, "d"), ("l/x", 0o100644, "x")], "cannot create directory 'l'"),
        ([("l", 0o120777, "x" * 5000)], "is too long"),
        ([("dev", 0o020666, "")], "device or FIFO"),
        ([("bomb", 0o100644, "0" * 10_000_000)], "more than 100000 bytes (extract_max)"),
        ([(f"f{n}", 0o100644, "") for n in range(21)], "more than 20 entries (extract_entries_max)"),
    ],
)
def test_hostile_zips_are_refused(box: Box, members: list[tuple[str, int, str]], text: str) -> None:
    with pytest.raises(FetchError, match=r"Failed to extract 'a\.zip': ") as refusal:
        box.unpack("a.zip", zipped(*members))
    assert text in str(refusal.value)
    box.check()


def test_a_gz_bomb_ends_at_its_bound(box: Box) -> None:
    with pytest.raises(FetchError, match="extract_max"):
        box.unpack("bomb.gz", gzip.compress(b"0" * 50_000_000))
    assert os.listdir(box.path) == ["bomb.gz"]


def test_a_million_entries_end_at_the_bound(box: Box) -> None:
    """The index of a tar is its entries; reading stops at the bound, however many follow."""
    entry = tarfile.TarInfo("f").tobuf()
    with pytest.raises(FetchError, match="more than 1000 entries"):
        box.unpack("a.tar", entry * 5000, entries_max=1000)


def test_what_is_there_is_replaced_not_written_through(box: Box) -> None:
    """A link in the sandbox (an earlier entry, or another's doing) is replaced by the file of its name."""
    (box.path / "f").symlink_to(box.outside / "file")
    (box.path / "g").hardlink_to(box.outside / "file")
    box.unpack("a.tar", tar(".tar", ("f", REG, "new"), ("g", REG, "new")))
    assert (box.path / "f").read_text() == (box.path / "g").read_text() == "new"
    assert (box.outside / "file").read_text() == "untouched"


def corrupt(make: Callable[[], bytes]) -> st.SearchStrategy[bytes]:
    whole = make()
    cut = st.integers(0, len(whole)).map(lambda at: whole[:at])
    flipped = st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)).map(
        lambda change: whole[: change[0]] + bytes([whole[change[0]] ^ change[1]]) + whole[change[0] + 1 :]
    )
    return cut | flipped | st.binary(max_size=600)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    archive=st.sampled_from([".tar", ".tgz", ".txz", ".tbz2"]).flatmap(
        lambda suffix: st.tuples(
            st.just("a" + suffix), corrupt(lambda: tar(suffix, ("d/f", REG, "one"), ("l", SYM, "d/f")))
        )
    )
    | st.tuples(st.just("a.zip"), corrupt(lambda: zipped(("d/f", 0o100644, "one"), ("l", 0o120777, "d/f"))))
    | st.tuples(st.just("a.gz"), corrupt(lambda: gzip.compress(b"one")))
)
def test_corrupt_archives_fail_as_fetches_do(box: Box, archive: tuple[str, bytes]) -> None:
    try:
        box.unpack(*archive)
    except FetchError as refusal:
        assert str(refusal).startswith("Failed to extract")
    box.check()
