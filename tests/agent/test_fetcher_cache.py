"""What the fetcher's cache decides: who downloads, who waits, who goes past it, and what makes room."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.agent.fetcher.cache import ITEMS_MAX, Action, Cache, Entry, Measure, Signature
from mesos_py.wire.command import CommandInfo

BYPASS, DOWNLOAD, RETRIEVE = Action.BYPASS_CACHE, Action.DOWNLOAD_AND_CACHE, Action.RETRIEVE_FROM_CACHE


class Disk:
    """Files by the path of their entry, and what the cache says of containers that have names of one letter."""

    def __init__(self, size_max: int = 100) -> None:
        self.cache = Cache(size_max)
        self.files: dict[str, Signature] = {}

    def begin(self, container: str, *values: str, user: str | None = None) -> list[str]:
        uris = [CommandInfo.URI(value=value, cache=True) for value in values]
        new = self.cache.begin(container, user, uris, lambda entry: self.files.get(entry.path) == entry.signature)
        return [uri.value for uri in new]

    def measured(self, container: str, *sizes: int | None) -> None:
        self.cache.measured(container, [None if size is None else Measure(size, 0o644) for size in sizes])

    def plan(self, container: str) -> list[Action] | None:
        items = self.cache.plan(container)
        return None if items is None else [item.action for item in items]

    def end(self, container: str, *, fails: bool = False, sizes: int | None = None) -> None:
        for item in self.cache.plan(container) or ():
            if item.action is DOWNLOAD and item.entry is not None and not fails:
                assert item.entry.measure is not None
                size = item.entry.measure.size if sizes is None else sizes
                self.files[item.entry.path] = Signature(len(self.files), size, 0, 0)
        self.cache.end(container, lambda entry: None if fails else self.files.get(entry.path))
        for path in self.cache.take_removed():
            self.files.pop(path, None)

    def fetch(self, container: str, *values: str, size: int = 10, user: str | None = None) -> list[Action]:
        """A whole one that nobody disturbs."""
        self.measured(container, *[size for _ in self.begin(container, *values, user=user)])
        plan = self.plan(container)
        assert plan is not None
        self.end(container)
        return plan

    def kept(self) -> list[str]:
        return sorted(path.rpartition("-")[2] for path in self.files)


def test_the_first_downloads_and_the_next_finds_it() -> None:
    disk = Disk()
    assert disk.fetch("a", "http://host/x") == [DOWNLOAD]
    assert disk.fetch("b", "http://host/x", "http://host/y") == [RETRIEVE, DOWNLOAD]
    assert disk.cache.used == 20
    assert disk.kept() == ["x", "y"]


def test_what_is_not_to_be_cached_goes_past() -> None:
    """Also the second of two of one name, what is beyond the bound, and for a user whose name is no directory."""
    disk = Disk()
    assert disk.cache.begin("a", None, [CommandInfo.URI(value="x")], lambda entry: True) == []
    assert disk.plan("a") == [BYPASS]
    assert disk.fetch("b", "x", "x") == [DOWNLOAD, BYPASS]
    assert disk.fetch("c", "x", user="../d") == [BYPASS]
    many = [f"http://host/{number}" for number in range(ITEMS_MAX + 1)]
    assert disk.begin("d", *many) == many[:-1]
    assert Disk(0).begin("a", "x") == []


def test_users_do_not_share() -> None:
    """Not even when one chooses a path that looks like another's."""
    disk = Disk()
    assert disk.fetch("a", "http://host/x", user="ann") == [DOWNLOAD]
    assert disk.fetch("b", "http://host/x", user="bob") == [DOWNLOAD]
    assert disk.fetch("c", "ann@http://host/x") == [DOWNLOAD]
    assert disk.fetch("d", "http://host/x", user="ann") == [RETRIEVE]
    assert [path.rpartition("/")[0] for path in disk.files] == ["ann", "bob", ""]


def test_those_that_come_meanwhile_wait() -> None:
    """Also while its size is not known yet; each goes on when all that it waits for has come out."""
    disk = Disk()
    assert disk.begin("a", "x") == ["x"]
    assert disk.begin("b", "x") == []
    assert disk.plan("b") is None
    disk.measured("a", 10)
    assert disk.begin("c", "x", "y") == ["y"]
    disk.measured("c", 10)
    assert disk.begin("d", "y") == []
    assert (disk.plan("b"), disk.plan("c"), disk.plan("d")) == (None, None, None)
    disk.end("a")
    assert (disk.plan("b"), disk.plan("c"), disk.plan("d")) == ([RETRIEVE], [RETRIEVE, DOWNLOAD], None)
    disk.end("c")
    assert disk.plan("d") == [RETRIEVE]


def test_those_that_waited_for_one_that_failed_go_past_the_cache() -> None:
    """Mesos: "Reverting to fetching directly into the sandbox". Whoever comes later tries again."""
    for fails_early in (True, False):
        disk = Disk()
        disk.begin("a", "x")
        disk.begin("b", "x")
        disk.measured("a", None if fails_early else 10)
        if not fails_early:
            assert disk.plan("b") is None
            disk.end("a", fails=True)
        assert disk.plan("b") == [BYPASS]
        assert disk.cache.used == 0
        assert disk.begin("c", "x") == ["x"]


def test_what_cannot_fit_goes_past_and_nothing_is_given_up_for_it() -> None:
    disk = Disk(30)
    disk.fetch("a", "old", size=20)
    assert disk.fetch("b", "large", size=31) == [BYPASS]
    disk.begin("c", "old")
    assert disk.fetch("d", "new", size=20) == [BYPASS]  # somebody reads the other one
    assert disk.kept() == ["old"]


def test_what_was_wanted_longest_ago_makes_room() -> None:
    """Not what is read or written now."""
    disk = Disk(40)
    for name in ("one", "two", "three", "four"):
        disk.fetch("a", name)
    disk.fetch("a", "one")
    disk.begin("b", "two")
    assert disk.fetch("c", "five", size=20) == [DOWNLOAD]
    assert disk.kept() == ["five", "one", "two"]
    assert disk.cache.used == 40


def test_a_file_that_is_not_what_it_was_is_fetched_anew() -> None:
    """Gone or changed."""
    disk = Disk()
    disk.fetch("a", "x")
    disk.files.clear()
    assert disk.fetch("b", "x") == [DOWNLOAD]
    (path,) = disk.files
    disk.files[path] = Signature(9, 10, 9, 9)
    assert disk.fetch("c", "x") == [DOWNLOAD]
    assert disk.fetch("d", "x") == [RETRIEVE]
    assert disk.cache.used == 10


def test_a_download_of_another_size_than_was_said_is_not_kept() -> None:
    disk = Disk()
    disk.begin("a", "x")
    disk.measured("a", 10)
    disk.end("a", sizes=9)
    assert disk.files == {}
    assert disk.cache.used == 0


Steps = st.lists(
    st.tuples(st.integers(0, 3), st.sampled_from(["begin", "measure", "unknown", "end", "fail"]), st.integers(0, 63)),
    max_size=60,
)


@settings(deadline=None)
@given(Steps)
def test_whatever_happens_the_bound_holds_and_nobody_waits_for_ever(steps: Iterable[tuple[int, str, int]]) -> None:
    """Safety after each step; then all that can end does, and nothing is left waiting."""
    disk = Disk(40)
    measuring: dict[str, int] = {}
    running: dict[str, None] = {}

    def end(container: str, *, fails: bool) -> None:
        if container in running and disk.plan(container) is not None:
            del running[container]
            disk.end(container, fails=fails)

    def check() -> None:
        entries: list[Entry] = list(disk.cache._entries.values())
        assert disk.cache.used == sum([entry.measure.size for entry in entries if entry.measure is not None]) <= 40
        assert sum([signature.size for signature in disk.files.values()]) <= 40
        kept = {entry.path for entry in entries if entry.signature is not None}
        assert kept == set(disk.files)

    for slot, step, number in steps:
        container = str(slot)
        if step == "begin" and container not in running and container not in measuring:
            new = disk.begin(container, *[name for bit, name in enumerate("abcd") if number & 1 << bit])
            if new:
                measuring[container] = len(new)
            else:
                running[container] = None
        elif step in {"measure", "unknown"} and container in measuring:
            sizes = [None if step == "unknown" else 1 + number // 2] * measuring.pop(container)
            disk.measured(container, *sizes)
            running[container] = None
        elif step in {"end", "fail"}:
            end(container, fails=step == "fail")
        for path in disk.cache.take_removed():
            disk.files.pop(path, None)
        check()
    for container in list(measuring):
        disk.measured(container, *[5] * measuring.pop(container))
        running[container] = None
    for _ in range(4):
        for container in list(running):
            end(container, fails=False)
    assert not running
    check()
    assert not any(entry.users for entry in disk.cache._entries.values())
