"""What is kept of what was fetched: who downloads, who waits, who goes past, and what makes room. Pure.

An entry is one URI as one user sees it. Its life::

    new --measured, there is room--> under way --downloaded--> kept --room is needed, nobody uses it--> gone
      '-- size unknown, no room ----------'-- its fetch failed or was cancelled --> gone

The first fetch that wants it downloads it; those that come meanwhile wait. When an entry goes before it was kept, they
fetch for themselves, past the cache: so does Mesos, and so one that fails holds up nobody twice. A fetch waits only for
fetches that came before it, so nobody waits for ever. Of kept entries the one that was wanted longest ago goes first.
Mesos: src/slave/containerizer/fetcher.cpp FetcherProcess::Cache
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence

import attrs

from mesos_py.wire.command import CommandInfo

#: URIs of one container that go through the cache; each is an open file of its helper. More go past it.
ITEMS_MAX = 100

#: Characters of a URI's last part in the name of its file. Mesos: FetcherProcess::Cache::nextFilename
_NAME_MAX = 20


class Action(enum.Enum):
    """What the helper does about one URI; names of Mesos' FetcherInfo.Item.Action."""

    BYPASS_CACHE = enum.auto()
    DOWNLOAD_AND_CACHE = enum.auto()
    RETRIEVE_FROM_CACHE = enum.auto()


@attrs.frozen
class Signature:
    """By which a file is known again: nobody changes it without changing one of these."""

    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@attrs.frozen
class Measure:
    """What was learned of a URI before it is downloaded."""

    #: bytes
    size: int
    #: permission bits that a copy of it has
    mode: int


@attrs.define(eq=False)
class Entry:
    """One URI for one user."""

    #: the user, empty for none, and the URI
    key: tuple[str, str]
    #: of its file, relative to the directory of the cache
    path: str
    #: the container whose fetch downloads it
    owner: str
    #: None: not known yet
    measure: Measure | None = None
    #: of the file that was downloaded; None: it is under way
    signature: Signature | None = None
    #: containers whose fetch may read its file
    users: dict[str, None] = attrs.field(factory=dict)
    #: nobody will find it any more
    is_gone: bool = False


@attrs.frozen
class Item:
    """One URI of a fetch, and what is to be done about it."""

    uri: CommandInfo.URI
    action: Action
    entry: Entry | None = None


@attrs.define(eq=False)
class _Fetch:
    container_id: str
    #: each URI with its entry; None: it goes past the cache
    wanted: list[tuple[CommandInfo.URI, Entry | None]]


class Cache:
    """All entries of one agent, at most ``size_max`` bytes; names containers by their ids."""

    def __init__(self, size_max: int) -> None:
        self.size_max = size_max
        #: bytes of entries that are kept or under way
        self.used = 0
        #: the one wanted longest ago first
        self._entries: dict[tuple[str, str], Entry] = {}
        self._fetches: dict[str, _Fetch] = {}
        self._serial = 0
        self._removed: list[str] = []

    def begin(
        self, container_id: str, user: str | None, uris: Iterable[CommandInfo.URI], is_intact: Callable[[Entry], bool]
    ) -> list[CommandInfo.URI]:
        """Those whose size is to be found out first. ``is_intact``: the file is still what was downloaded."""
        fetch = _Fetch(container_id, [])
        found = 0
        for uri in uris:
            entry = None
            if uri.cache and self.size_max and found < ITEMS_MAX and _is_name(user):
                entry = self._want(container_id, user, uri, is_intact)
                found += entry is not None
            fetch.wanted.append((uri, entry))
        self._fetches[container_id] = fetch
        return self.unmeasured(container_id)

    def unmeasured(self, container_id: str) -> list[CommandInfo.URI]:
        """What `measured` is to be said of."""
        wanted = self._fetches[container_id].wanted
        return [uri for uri, entry in wanted if entry is not None and self._is_new(entry, container_id)]

    def measured(self, container_id: str, sizes: Sequence[Measure | None]) -> None:
        """Of what `begin` has returned, in its order; None: it cannot be known."""
        new = [entry for _, entry in self._fetches[container_id].wanted if entry and self._is_new(entry, container_id)]
        for entry, measure in zip(new, sizes, strict=True):
            if measure is None or not self._make_room(measure.size):
                self._remove(entry)
            else:
                entry.measure = measure
                self.used += measure.size

    def plan(self, container_id: str) -> list[Item] | None:
        """What to do about each URI; None: another fetch has to end first."""
        items = []
        for uri, entry in self._fetches[container_id].wanted:
            if entry is None or (entry.is_gone and entry.signature is None):
                items.append(Item(uri, Action.BYPASS_CACHE))
            elif entry.signature is not None:
                items.append(Item(uri, Action.RETRIEVE_FROM_CACHE, entry))
            elif entry.owner == container_id:
                items.append(Item(uri, Action.DOWNLOAD_AND_CACHE, entry))
            else:
                return None
        return items

    def end(self, container_id: str, look: Callable[[Entry], Signature | None]) -> None:
        """The fetch is over. ``look`` says what it has downloaded: None for nothing that could be kept."""
        for _, entry in self._fetches.pop(container_id).wanted:
            if entry is None:
                continue
            if entry.owner == container_id and entry.signature is None and not entry.is_gone:
                self._downloaded(entry, look(entry))
            entry.users.pop(container_id, None)

    def take_removed(self) -> list[str]:
        """Files that are to be removed, relative to the directory of the cache."""
        removed, self._removed = self._removed, []
        return removed

    # ---- entries

    def _want(
        self, container_id: str, user: str | None, uri: CommandInfo.URI, is_intact: Callable[[Entry], bool]
    ) -> Entry | None:
        key = (user or "", uri.value)
        entry = self._entries.get(key)
        if entry is not None and entry.signature is not None and not is_intact(entry):
            self._remove(entry)
            entry = None
        if entry is None:
            self._serial += 1
            name = f"c{self._serial}-{_short(uri.value)}"
            entry = self._entries[key] = Entry(key, f"{user}/{name}" if user else name, container_id)
        elif entry.owner == container_id and entry.signature is None:
            return None  # it names it twice; the second time it fetches it past the cache
        self._entries[key] = self._entries.pop(key)
        entry.users[container_id] = None
        return entry

    def _is_new(self, entry: Entry, container_id: str) -> bool:
        return entry.owner == container_id and entry.measure is None and not entry.is_gone

    def _downloaded(self, entry: Entry, signature: Signature | None) -> None:
        assert entry.measure is not None
        if signature is None or signature.size != entry.measure.size:
            self._remove(entry)
        else:
            entry.signature = signature

    def _make_room(self, size: int) -> bool:
        """Nothing goes for one that does not fit in the end."""
        missing = self.used + size - self.size_max
        leaving = []
        for entry in self._entries.values():
            if missing <= 0:
                break
            if entry.signature is not None and not entry.users:
                leaving.append(entry)
                missing -= entry.signature.size
        if missing > 0:
            return False
        for entry in leaving:
            self._remove(entry)
        return True

    def _remove(self, entry: Entry) -> None:
        del self._entries[entry.key]
        entry.is_gone = True
        if entry.measure is not None:
            self.used -= entry.measure.size
            self._removed.append(entry.path)


def _is_name(user: str | None) -> bool:
    """It can be the name of a directory; one that cannot is no user, and says so when he is looked up."""
    return user is None or (user not in {"", ".", ".."} and "/" not in user and "\0" not in user)


def _short(value: str) -> str:
    name = value.rpartition("/")[2]
    half = _NAME_MAX // 2
    return name if len(name) <= _NAME_MAX else f"{name[:half]}_{name[-half:]}"
