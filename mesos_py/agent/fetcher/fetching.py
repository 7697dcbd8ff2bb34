"""Fetching for the launches of one agent: helpers started, one or two for each, and told what the cache has decided.

::

    begin --sizes to find out--> MEASURING --ended--> is there one to be waited for? --no--> FETCHING --ended--> done
      '--none---------------------------------------------^    '--yes: WAITING --it has ended--^

Whoever launches gives two functions with each: ``start`` runs a helper for it, whose end he says to ``ended``, and
``done`` hears how it came out. No task waits for anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import json
import os
import shutil
from collections.abc import Callable, Mapping

import attrs
import structlog

from mesos_py.agent import fetcher
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.fetcher import FetcherSettings
from mesos_py.agent.fetcher.cache import Action, Cache, Entry, Item, Measure, Signature

log = structlog.get_logger(__name__)

#: Runs a helper with these arguments and environment; False when it cannot be, and that is said already.
Start = Callable[[tuple[str, ...], Mapping[str, str]], bool]
#: None: everything is in the sandbox; else the launch failure.
Done = Callable[[str | None], None]


class _Stage(enum.Enum):
    MEASURING = enum.auto()
    WAITING = enum.auto()
    FETCHING = enum.auto()


@attrs.define(eq=False)
class _Fetch:
    spec: ContainerSpec
    start: Start
    done: Done
    stage: _Stage = _Stage.WAITING


class Fetcher:
    """All fetches of one agent, over one cache."""

    def __init__(self, settings: FetcherSettings) -> None:
        self.settings = settings
        self.cache = Cache(settings.cache_size if settings.cache_directory else 0)
        self._fetches: dict[str, _Fetch] = {}
        self._removing: set[asyncio.Task[None]] = set()
        self._is_open = False

    async def open(self) -> None:
        """What a former agent has left in the cache is gone; done once. Mesos: Fetcher::recover"""
        directory = self.settings.cache_directory
        if directory and not self._is_open:
            self._is_open = True
            await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)

    def begin(self, spec: ContainerSpec, start: Start, done: Done) -> None:
        """Fetch the URIs of a container, which are valid."""
        fetch = self._fetches[spec.container_id] = _Fetch(spec, start, done)
        new = self.cache.begin(spec.container_id, spec.user, spec.uris, self._is_intact)
        if new:
            items = [Item(uri, Action.BYPASS_CACHE) for uri in new]
            self._run(fetch, _Stage.MEASURING, items)
        else:
            self._go_on(fetch)
        self._clear()

    def ended(self, container_id: str, status: int | None, said: str) -> None:
        """Its helper has ended, with this wait status (None: unknown) and these words."""
        fetch = self._fetches.get(container_id)
        if fetch is None:
            return
        if fetch.stage is _Stage.MEASURING and status is not None and not os.WIFSIGNALED(status):
            count = len(self.cache.unmeasured(container_id))
            self.cache.measured(container_id, _measures(said, count) if status == 0 else [None] * count)
            self._go_on(fetch)
            self._wake()
            return
        self._forget(container_id, is_done=status == 0)
        problem = None if status == 0 else fetcher.failure(container_id, said or fetcher.describe(status))
        fetch.done(problem)

    def is_running(self, container_id: str) -> bool:
        """A helper works for it."""
        fetch = self._fetches.get(container_id)
        return fetch is not None and fetch.stage is not _Stage.WAITING

    def forget(self, container_id: str) -> None:
        """Nothing will be said of it any more, and others go on without what it was to download."""
        if container_id in self._fetches:
            self._forget(container_id)

    # ---- one fetch

    def _go_on(self, fetch: _Fetch) -> None:
        items = self.cache.plan(fetch.spec.container_id)
        if items is None:
            fetch.stage = _Stage.WAITING
        else:
            self._run(fetch, _Stage.FETCHING, items)

    def _run(self, fetch: _Fetch, stage: _Stage, items: list[Item]) -> None:
        fetch.stage = stage
        argv, env = fetcher.command(fetch.spec, self.settings, items, measures=stage is _Stage.MEASURING)
        if not fetch.start(argv, env):
            self._forget(fetch.spec.container_id)

    def _forget(self, container_id: str, *, is_done: bool = False) -> None:
        """What a fetch has downloaded that failed may be why, so it is not kept."""
        del self._fetches[container_id]
        self.cache.end(container_id, self._look if is_done else lambda entry: None)
        self._wake()

    def _wake(self) -> None:
        """Those that waited go on, if that is what they waited for."""
        for container_id, fetch in list(self._fetches.items()):
            if fetch.stage is _Stage.WAITING and self._fetches.get(container_id) is fetch:
                self._go_on(fetch)
        self._clear()

    # ---- files of the cache

    def _is_intact(self, entry: Entry) -> bool:
        return self._look(entry) == entry.signature

    def _look(self, entry: Entry) -> Signature | None:
        try:
            status = os.lstat(os.path.join(self.settings.cache_directory, entry.path))
        except OSError:
            return None
        return Signature(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def _clear(self) -> None:
        removed = self.cache.take_removed()
        if removed:
            task = asyncio.create_task(asyncio.to_thread(self._unlink, removed), name="clear the fetcher's cache")
            self._removing.add(task)
            task.add_done_callback(self._removing.discard)

    def _unlink(self, paths: list[str]) -> None:
        for path in paths:
            try:
                with contextlib.suppress(FileNotFoundError):  # it was never begun, or somebody was faster
                    os.unlink(os.path.join(self.settings.cache_directory, path))
            except OSError as exc:
                log.warning("a file of the cache is left", path=path, error=str(exc))


def _measures(said: str, count: int) -> list[Measure | None]:
    """What the helper has learned; nothing when that makes no sense, because a task of its user has disturbed it."""
    try:
        found = [None if one is None else Measure(*map(int, one)) for one in json.loads(said)]
    except (ValueError, TypeError):
        found = []
    return found if len(found) == count and all(one is None or one.size >= 0 for one in found) else [None] * count
