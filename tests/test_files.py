"""X01 to X05 (spec/faults.md): the files API serves what was attached and nothing else."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesos_py.files import LINKS_MAX, READ_MAX, Files, FilesError
from tests.golden import golden_dir

VIRTUAL = "/frameworks/F/executors/E/runs/latest"


class World:
    """An attached sandbox `run1` with a sibling `run1-evil` and a secret above."""

    def __init__(self, directory: Path) -> None:
        self.base = directory
        self.secret = directory / "secret"
        self.secret.write_text("SECRET")
        self.box = directory / "run1"
        self.box.mkdir()
        self.evil = directory / "run1-evil"
        self.evil.mkdir()
        (self.evil / "x").write_text("SECRET")
        (self.box / "stdout").write_text("hello\n")
        (self.box / "sub").mkdir()
        (self.box / "sub" / "file").write_text("deep")
        self.files = Files()
        self.files.attach(VIRTUAL, str(self.box))
        self.files.attach(str(self.box), str(self.box))

    def refused(self, path: str) -> tuple[int, str]:
        """The status and text with which reading, browsing and downloading are all refused."""
        with pytest.raises(FilesError) as read:
            self.files.read(path, 0)
        with pytest.raises(FilesError) as browse:
            self.files.browse(path)
        with pytest.raises(FilesError) as opened:
            os.close(self.files.open(path)[0])
        assert read.value.status == browse.value.status == opened.value.status
        return read.value.status, read.value.text


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def text_of(world: World, path: str) -> str:
    return world.files.read(f"{VIRTUAL}/{path}", 0)[1].decode()


# ---- what is served


@pytest.mark.parametrize(
    ("offset", "length", "answer"),
    [
        (0, None, (0, b"hello\n", 6)),
        (0, -1, (0, b"hello\n", 6)),
        (1, 3, (1, b"ell", 6)),
        (1, 0, (1, b"", 6)),
        (6, None, (6, b"", 6)),
        (7, 5, (7, b"", 6)),
        (1 << 80, 5, (1 << 80, b"", 6)),
        (0, 1 << 80, (0, b"hello\n", 6)),
        (-1, None, (6, b"", 6)),
        (None, None, (6, b"", 6)),
        (None, 5, (6, b"", 6)),
    ],
)
def test_read_by_offset_and_length(world: World, offset: int, length: int, answer: tuple[int, bytes, int]) -> None:
    assert world.files.read(f"{VIRTUAL}/stdout", offset, length) == answer
    assert world.files.read(f"{world.box}//stdout", offset, length) == answer


def test_a_read_is_at_most_sixteen_pages(world: World) -> None:
    (world.box / "big").write_bytes(b"x" * (READ_MAX + 1))
    offset, data, size = world.files.read(f"{VIRTUAL}/big", 0)
    assert (offset, len(data), size) == (0, 65536, 65537)


def test_browse_lists_by_virtual_path(world: World) -> None:
    infos = world.files.browse(VIRTUAL + "/")
    assert [info.path for info in infos] == [f"{VIRTUAL}/stdout", f"{VIRTUAL}/sub"]
    stdout = infos[0]
    status = (world.box / "stdout").stat()
    assert stdout.size == 6 and stdout.nlink == 1 and stdout.mode == status.st_mode
    assert stdout.mtime is not None and stdout.mtime.nanoseconds == int(status.st_mtime) * 10**9
    assert world.files.browse(f"{VIRTUAL}/stdout") == []


def test_browse_of_links_shows_what_is_inside_and_hides_what_is_not(world: World) -> None:
    (world.box / "sub" / "in").symlink_to("../stdout")
    (world.box / "sub" / "out").symlink_to(world.secret)
    (world.box / "sub" / "gone").symlink_to("nowhere")
    kinds = {info.path.rsplit("/", 1)[1]: (info.mode or 0) >> 12 for info in world.files.browse(f"{VIRTUAL}/sub")}
    assert kinds == {"file": 0o10, "in": 0o10, "out": 0o12, "gone": 0o12}


def test_download_opens_the_file(world: World) -> None:
    fd, size, name = world.files.open(f"{VIRTUAL}/sub/file")
    assert (os.read(fd, 10), size, name) == (b"deep", 4, "file")
    os.close(fd)


def test_the_longest_attached_prefix_wins_and_a_file_may_be_attached(world: World) -> None:
    world.files.attach(f"{VIRTUAL}/sub", str(world.evil))
    world.files.attach("/slave/log", str(world.secret))
    assert text_of(world, "sub/x") == "SECRET"
    assert world.files.read("/slave/log", 0)[1] == b"SECRET"
    assert world.files.browse("/slave/log") == []
    assert world.refused("/slave/log/more") == (404, "")
    world.files.detach(f"{VIRTUAL}/sub/")
    assert text_of(world, "sub/file") == "deep"
    world.files.detach("/never")


def test_debug_shows_what_is_attached(world: World) -> None:
    assert world.files.debug() == {VIRTUAL: str(world.box), str(world.box): str(world.box)}


def test_the_attached_root_may_be_reached_by_a_link(tmp_path: Path) -> None:
    """work_dir is the operator's, and `tasks/ID` links of the default executor name it as he does."""
    (tmp_path / "real").mkdir()
    world = World(tmp_path / "real")
    (tmp_path / "work").symlink_to("real")
    world.files.attach("/v", str(tmp_path / "work" / "run1"))
    (world.box / "task").symlink_to(tmp_path / "work" / "run1" / "sub")
    assert world.files.read("/v/task/file", 0)[1] == b"deep"


# ---- links


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("stdout", "hello\n"),
        ("sub/../stdout", "hello\n"),
        ("./sub//file", "deep"),
        ("{box}/sub/file", "deep"),
        ("{box}/sub/../stdout", "hello\n"),
    ],
)
def test_links_inside_are_followed(world: World, target: str, text: str) -> None:
    (world.box / "link").symlink_to(target.format(box=world.box))
    assert text_of(world, "link") == text
    (world.box / "again").symlink_to("link")
    assert text_of(world, "again") == text


@pytest.mark.parametrize(
    "target",
    [
        "{secret}", "/etc/shadow", "/", "..", "../secret", "../run1-evil/x", "{evil}/x", "{box}-evil/x",
        "sub/../../secret", "{box}/../secret", "../run1/stdout", "/proc/self/root/etc/passwd", "/dev/stdin",
    ],
)  # fmt: skip
def test_links_outside_are_refused(world: World, target: str) -> None:
    """X02 and X03: another file, a sibling sandbox, a sibling whose name has ours as a prefix."""
    (world.box / "link").symlink_to(target.format(secret=world.secret, evil=world.evil, box=world.box))
    path = f"{VIRTUAL}/link"
    assert world.refused(path) == (400, f"'{path}' is inaccessible.\n")
    (world.box / "directory").symlink_to("..")
    path = f"{VIRTUAL}/directory/secret"
    assert world.refused(path) == (400, f"'{path}' is inaccessible.\n")


def test_a_sibling_with_our_name_as_prefix_is_not_us(world: World) -> None:
    """X03 for virtual paths: Mesos compares without a separator."""
    assert world.refused(f"{world.box}-evil/x") == (404, "")
    assert world.refused(f"{VIRTUAL}-evil") == (404, "")


def test_loops_end(world: World) -> None:
    (world.box / "a").symlink_to("b")
    (world.box / "b").symlink_to("a")
    assert world.refused(f"{VIRTUAL}/a") == (404, "")
    for number in range(LINKS_MAX + 1):
        (world.box / f"l{number}").symlink_to(f"l{number + 1}")
    (world.box / f"l{LINKS_MAX + 1}").write_text("end")
    assert text_of(world, "l1") == "end"
    assert world.refused(f"{VIRTUAL}/l0") == (404, "")


# ---- what else is refused


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("", 400, "Expecting 'path=value' in query.\n"),
        ("/", 404, ""),
        ("/nope", 404, ""),
        (VIRTUAL + "/nope", 404, ""),
        (VIRTUAL + "/stdout/nope", 404, ""),
        (VIRTUAL + "/../latest/stdout", 400, f"'{VIRTUAL}/../latest/stdout' is inaccessible.\n"),
        (VIRTUAL + "/sub/..", 400, f"'{VIRTUAL}/sub/..' is inaccessible.\n"),
        (VIRTUAL + "/%2e%2e/secret", 404, ""),
        (VIRTUAL + "/..%2fsecret", 404, ""),
        (VIRTUAL + "/std\0out", 404, ""),
        (VIRTUAL + "/stdout\0", 404, ""),
        (VIRTUAL + "/\ud800", 404, ""),
        (VIRTUAL + "/\udc00", 404, ""),
        (VIRTUAL + "/" + "a" * 300, 404, ""),
        (VIRTUAL + "/" + "a" * 65536, 404, ""),
        (VIRTUAL + "/" + "sub/" * 16384, 404, ""),
    ],
)
def test_paths_that_name_nothing(world: World, path: str, status: int, text: str) -> None:
    """X01."""
    assert world.refused(path) == (status, text)


@pytest.mark.parametrize("kind", ["fifo", "socket", "device"])
def test_what_is_no_file_is_never_opened(world: World, kind: str) -> None:
    """X05: opening a FIFO would wait for a writer, a device might do anything."""
    import socket

    path = world.box / kind
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        here = os.open(world.box, os.O_RDONLY)
        socket.socket(socket.AF_UNIX).bind(f"/proc/self/fd/{here}/{kind}")
        os.close(here)
    else:
        try:
            os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("making devices needs root")
    with pytest.raises(FilesError) as refusal:
        world.files.read(f"{VIRTUAL}/{kind}", 0)
    assert refusal.value.status == 400
    with pytest.raises(FilesError):
        world.files.open(f"{VIRTUAL}/{kind}")
    assert [info.path for info in world.files.browse(VIRTUAL) if kind in info.path]


def test_texts_of_directories_and_numbers(world: World) -> None:
    for method, arguments, text in (
        (world.files.read, (VIRTUAL, 0), "Cannot read a directory.\n"),
        (world.files.read, (VIRTUAL, None), "Cannot read a directory.\n"),
        (world.files.open, (VIRTUAL,), "Cannot download a directory.\n"),
        (world.files.read, (VIRTUAL + "/stdout", -2), "Negative offset provided: -2.\n"),
        (world.files.read, (VIRTUAL + "/stdout", 0, -2), "Negative length provided: -2.\n"),
    ):
        with pytest.raises(FilesError) as refusal:
            method(*arguments)  # type: ignore[operator]
        assert (refusal.value.status, refusal.value.text) == (400, text)


def test_unreadable_names_can_be_listed(world: World) -> None:
    (world.box / os.fsdecode(b"\xff\xfe")).write_text("")
    paths = [info.path for info in world.files.browse(VIRTUAL)]
    assert f"{VIRTUAL}/\ufffd\ufffd" in paths
    assert "".join(paths).encode()


def test_nothing_leaks_descriptors(world: World) -> None:
    (world.box / "out").symlink_to(world.secret)
    before = len(os.listdir("/proc/self/fd"))
    for path in ("stdout", "sub/file", "out", "nope", "sub/../x", "stdout/x", "sub"):
        with contextlib.suppress(FilesError):
            world.files.read(f"{VIRTUAL}/{path}", 0)
        world.files.browse(VIRTUAL)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_race_between_check_and_use_is_never_won(world: World) -> None:
    """X04: another thread swaps a directory for a link as fast as it can; no read may return the secret."""
    inside, decoy, link = world.box / "d", world.box / "decoy", world.box / "link"
    inside.mkdir()
    (inside / "x").write_text("PUBLIC")
    link.symlink_to(world.evil)
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(inside, decoy)
            os.rename(link, inside)
            os.rename(inside, link)
            os.rename(decoy, inside)

    thread = threading.Thread(target=swap)
    thread.start()
    outcomes = set()
    try:
        for _ in range(3000):
            try:
                outcomes.add(world.files.read(f"{VIRTUAL}/d/x", 0)[1])
            except FilesError as refusal:
                outcomes.add(refusal.status)
    finally:
        stop.set()
        thread.join()
    assert b"SECRET" not in outcomes
    assert outcomes <= {b"PUBLIC", 400, 404}


NAMES = st.sampled_from(["a", "b", "sub", "..", ".", "", "run1", "run1-evil", "secret", "x", "stdout"])


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    links=st.dictionaries(st.sampled_from(["a", "b", "sub/a", "sub/b"]), st.lists(NAMES, min_size=1, max_size=5)),
    absolute=st.booleans(),
    path=st.lists(NAMES, max_size=6),
)
def test_no_tangle_of_links_leads_out(
    world: World, links: dict[str, list[str]], absolute: bool, path: list[str]
) -> None:
    for name, target in links.items():
        link = world.box / name
        link.unlink(missing_ok=True)
        link.symlink_to((f"{world.base}/" if absolute else "") + "/".join(target) or "/")
    try:
        assert world.files.read("/".join([VIRTUAL, *path]), 0)[1] != b"SECRET"
    except FilesError as refusal:
        assert refusal.status in {400, 404}


def test_browse_of_a_captured_sandbox_has_the_same_shape(world: World) -> None:
    golden = json.loads((golden_dir() / "agent.running" / "files_browse_sandbox.json").read_text())
    infos = world.files.browse(VIRTUAL)
    assert [entry["path"].rsplit("/", 1)[1] for entry in golden] == ["stderr", "stdout"]
    for entry in golden:
        # The HTTP side renders mode and mtime; what it needs is there.
        assert set(entry) == {"path", "nlink", "size", "mtime", "mode", "uid", "gid"}
    assert all(getattr(info, name) is not None for info in infos for name in golden[0])
