"""The helper's story: open what the cache has, become the user, then fetch each item; the first failure ends it.

MESOS_FETCHER_INFO (JSON) says what to fetch; stderr (the sandbox's) gets a line per step, as from Mesos' fetcher;
stdout gets the cause of a failure. Exit status 0 or 1. With "measure" nothing is fetched: stdout gets the size and mode
of each item, or null, as JSON.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - for host names; see _load
import json
import os
import pwd
import resource
import sys
import time

from . import cached
from .cached import CacheFull, CacheOutput
from .problem import FetchError
from .sandbox import CHUNK, Sandbox, parts_of
from .source import EXECUTABLE_MODE, base_name, is_net, measure, obtain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Item = dict[str, Any]

#: Address space of the helper: what a hostile archive's own index may take.
MEMORY_MAX = 2 * 1024**3

#: Bytes of the cause given to the agent.
CAUSE_MAX = 2000


def main() -> None:
    """Fetch and exit."""
    info = json.loads(os.environ["MESOS_FETCHER_INFO"])
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    try:
        # Opened first: a user may be unable to come to his own sandbox from above, and to the cache at all.
        sandbox = Sandbox(".")
        _load(info)
        held = [] if info["measure"] else [_hold(item, info) for item in info["items"]]
        if info["user"]:
            _become(info["user"])
        if info["measure"]:
            said = json.dumps([_measure(item["value"], info) for item in info["items"]])
        else:
            _log("Fetcher Info: " + json.dumps({name: info[name] for name in ("sandbox_directory", "user", "items")}))
            for item, fd in zip(info["items"], held, strict=True):
                _fetch(item, fd, info, sandbox)
            said = ""
            _log(f"Successfully fetched all URIs into '{info['sandbox_directory']}'")
        status = 0
    except (FetchError, OSError, MemoryError) as exc:
        _log(f"Failed: {exc}")
        said, status = str(exc)[:CAUSE_MAX], 1
    sys.stdout.write(said)
    sys.stdout.flush()
    os._exit(status)


def _load(info: dict[str, Any]) -> None:
    """Import what will be needed while we may still read it: the user may have no access to our installation."""
    if any(is_net(item["value"]) for item in info["items"]):
        from . import download  # noqa: F401
    if any(item["extract"] for item in info["items"]):
        from . import extract  # noqa: F401


def _hold(item: Item, info: dict[str, Any]) -> int | None:
    try:
        return cached.hold(item, info["cache_directory"])
    except OSError as exc:
        _log(f"Fetching '{item['value']}' past the cache: {exc}")
        return None


def _become(name: str) -> None:
    uid, colon, gid = name.partition(":")
    if colon:  # somebody without a name on this host
        os.setgroups([])
        os.setgid(int(gid))
        os.setuid(int(uid))
        return
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise FetchError(f"no such user '{name}'") from None
    if entry.pw_uid != os.geteuid():
        os.setgroups(os.getgrouplist(name, entry.pw_gid))
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def _measure(value: str, info: dict[str, Any]) -> tuple[int, int] | None:
    try:
        return measure(value, info)
    except FetchError as exc:  # the fetch will say so, too
        _log(f"The size of '{value}' is not known: {exc}")
        return None


def _fetch(item: Item, fd: int | None, info: dict[str, Any], sandbox: Sandbox) -> None:
    value = item["value"]
    _log(f"Fetching URI '{value}'")
    parts = parts_of(item["output_file"] or base_name(value))
    if not parts:
        raise FetchError(f"Malformed URI (missing path): {value}")
    name = "/".join(parts)
    if fd is not None and item["action"] == cached.DOWNLOAD and not _fill(item, fd, info):
        fd = None
    if fd is not None:
        _deliver(item, fd, parts, info, sandbox)
        return
    _log(f"Downloading resource from '{value}' to '{name}'" if is_net(value) else f"Copying '{value}' to '{name}'")
    size = obtain(value, info, lambda mode: sandbox.create(parts, EXECUTABLE_MODE if item["executable"] else mode))
    _log(f"Fetched '{value}' to '{name}' ({size} bytes)")
    if _is_to_extract(item, parts):
        with sandbox.open(parts) as raw:
            _extract(raw, parts, info, sandbox)


def _fill(item: Item, fd: int, info: dict[str, Any]) -> bool:
    """The file of the cache is what the URI means; False: it cannot be."""
    try:
        size = obtain(item["value"], info, lambda mode: CacheOutput(fd, item["size"]))
    except CacheFull as exc:
        _log(f"Fetching '{item['value']}' past the cache: {exc}")
        return False
    _log(f"Downloaded '{item['value']}' into the cache ({size} bytes)")
    return True


def _deliver(item: Item, fd: int, parts: list[str], info: dict[str, Any], sandbox: Sandbox) -> None:
    """From the cache into the sandbox; an archive is only unpacked there. Mesos: launcher/fetcher.cpp fetchFromCache"""
    with os.fdopen(fd, "rb") as raw:
        raw.seek(0)
        if _is_to_extract(item, parts):
            _extract(raw, parts, info, sandbox)
            return
        with sandbox.create(parts, EXECUTABLE_MODE if item["executable"] else item["mode"]) as output:
            while data := raw.read(CHUNK):
                output.write(data)
        _log(f"Copied '{item['value']}' from the cache to '{'/'.join(parts)}'")


def _is_to_extract(item: Item, parts: list[str]) -> bool:
    if not item["extract"] or item["executable"]:
        return False
    from .extract import is_archive

    return is_archive(parts[-1])


def _extract(raw: Any, parts: list[str], info: dict[str, Any], sandbox: Sandbox) -> None:
    from .extract import Budget, extract

    budget = Budget(extract_max=info["extract_max"], extract_entries_max=info["extract_entries_max"])
    extract(raw, parts[-1], sandbox, budget)
    _log(f"Extracted '{'/'.join(parts)}'")


def _log(text: str) -> None:
    now = time.time()
    stamp = time.strftime("%m%d %H:%M:%S", time.localtime(now))
    sys.stderr.write(f"I{stamp}.{int(now % 1 * 1e6):06d} {os.getpid()} fetcher.py] {text}\n")
    sys.stderr.flush()
