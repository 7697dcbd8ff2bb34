"""The helper's story: become the user, then fetch each item; the first failure ends it.

MESOS_FETCHER_INFO (JSON) says what to fetch; stderr (the sandbox's) gets a line per step, as from Mesos' fetcher;
stdout gets the cause of a failure. Exit status 0 or 1.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - for host names; see _load
import json
import os
import pwd
import resource
import stat
import sys
import time

from .problem import FetchError
from .sandbox import CHUNK, Sandbox, parts_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Address space of the helper: what a hostile archive's own index may take.
MEMORY_MAX = 2 * 1024**3

#: Bytes of the cause given to the agent.
CAUSE_MAX = 2000


def main() -> None:
    """Fetch and exit."""
    info = json.loads(os.environ["MESOS_FETCHER_INFO"])
    _log("Fetcher Info: " + json.dumps(info))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    try:
        # Opened first: a user may be unable to come to his own sandbox from above.
        sandbox = Sandbox(".")
        _load(info)
        if info["user"]:
            _become(info["user"])
        for item in info["items"]:
            _fetch(item, info, sandbox)
    except (FetchError, OSError, MemoryError) as exc:
        _log(f"Failed: {exc}")
        sys.stdout.write(str(exc)[:CAUSE_MAX])
        sys.stdout.flush()
        os._exit(1)
    _log(f"Successfully fetched all URIs into '{info['sandbox_directory']}'")
    os._exit(0)


def _load(info: dict[str, Any]) -> None:
    """Import what will be needed while we may still read it: the user may have no access to our installation."""
    if any(_is_net(item["value"]) for item in info["items"]):
        from . import download  # noqa: F401
    if any(item["extract"] for item in info["items"]):
        from . import extract  # noqa: F401


def _become(name: str) -> None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise FetchError(f"no such user '{name}'") from None
    if entry.pw_uid != os.geteuid():
        os.setgroups(os.getgrouplist(name, entry.pw_gid))
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)


def _fetch(item: dict[str, Any], info: dict[str, Any], sandbox: Sandbox) -> None:
    value = item["value"]
    _log(f"Fetching URI '{value}'")
    parts = parts_of(item["output_file"] or base_name(value))
    if not parts:
        raise FetchError(f"Malformed URI (missing path): {value}")
    scheme = value.partition("://")[0] if "://" in value else ""
    mode = 0o755 if item["executable"] else 0o644
    if _is_net(value):
        from .download import Limits, download

        _log(f"Downloading resource from '{value}' to '{'/'.join(parts)}'")
        bounds = {name: info[name] for name in ("stall_timeout_s", "download_max", "redirects_max")}
        limits = Limits(mode=mode, **bounds)
        size = download(value, sandbox, parts, limits)
    elif scheme in {"", "file"}:
        source = local_path(value, info["frameworks_home"])
        _log(f"Copying resource from '{source}' to '{'/'.join(parts)}'")
        size = _copy(source, sandbox, parts, info["download_max"], is_executable=item["executable"])
    elif scheme in {"ftp", "ftps"}:
        raise FetchError(f"cannot fetch '{value}': it needs an FTP client, and there is none")
    else:
        raise FetchError(f"cannot fetch '{value}': '{scheme}' needs the Hadoop client, and there is none")
    _log(f"Fetched '{value}' to '{'/'.join(parts)}' ({size} bytes)")
    if item["extract"] and not item["executable"]:
        from .extract import Budget, extract, is_archive

        if is_archive(parts[-1]):
            budget = Budget(extract_max=info["extract_max"], extract_entries_max=info["extract_entries_max"])
            extract(parts, sandbox, budget)
            _log(f"Extracted '{'/'.join(parts)}'")


def _is_net(value: str) -> bool:
    return value.startswith(("http://", "https://"))


def base_name(value: str) -> str:
    """What follows the last slash, with any query: so Mesos names files."""
    return (value if "://" in value else value.rstrip("/")).rpartition("/")[2]


def local_path(value: str, frameworks_home: str) -> str:
    """The path a file:// URI or a path names. Mesos: src/slave/containerizer/fetcher.cpp uriToLocalPath"""
    path = value
    if value.startswith("file://"):
        path = value.removeprefix("file://").removeprefix("localhost")
        if not path.startswith("/"):
            raise FetchError("File URI only supports absolute paths")
    if not path.startswith("/"):
        if not frameworks_home:
            raise FetchError(
                "A relative path was passed for the resource but the Mesos framework home was not specified. "
                "Please either provide this config option or avoid using a relative path"
            )
        path = os.path.join(frameworks_home, path)
    return path


def _copy(source: str, sandbox: Sandbox, parts: list[str], size_max: int, *, is_executable: bool) -> int:
    """Files only, read with the rights of whom we run as; a FIFO or device is not waited for."""
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        raise FetchError(f"Failed to copy '{source}': {exc.strerror}") from exc
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise FetchError(f"Failed to copy '{source}': not a regular file")
    with os.fdopen(fd, "rb") as file:
        mode = 0o755 if is_executable else stat.S_IMODE(status.st_mode) & 0o755 | 0o600
        with sandbox.create(parts, mode) as output:
            while data := file.read(CHUNK):
                if output.size + len(data) > size_max:
                    raise FetchError(f"'{source}' is larger than {size_max} bytes (download_max)")
                output.write(data)
            return output.size


def _log(text: str) -> None:
    now = time.time()
    stamp = time.strftime("%m%d %H:%M:%S", time.localtime(now))
    sys.stderr.write(f"I{stamp}.{int(now % 1 * 1e6):06d} {os.getpid()} fetcher.py] {text}\n")
    sys.stderr.flush()
