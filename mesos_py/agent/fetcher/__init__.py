"""Fetching: what is refused beforehand, and the helper process that does the rest.

The agent only judges URIs and starts a helper (``worker/``) in the sandbox, through the supervisor like any process:
it runs as the task's user (so nobody reads through us what he may not read), its time and memory are its own, a
destroy kills it, and the event loop never waits for a disk, a name server or a decompressor. What it did is in the
sandbox's stderr; its stdout is the one sentence that becomes part of the launch failure. What may be shared between
containers goes through a cache: ``cache.py`` decides, ``fetching.py`` carries it out.
Mesos: src/slave/containerizer/fetcher.cpp, src/launcher/fetcher.cpp. Left out: FTP and Hadoop (there is no client for
them here; such URIs fail with a text that says so).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from mesos_py.agent.fetcher.cache import Item
from mesos_py.agent.options import DENIED_NETWORKS
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo

if TYPE_CHECKING:
    from mesos_py.agent.containerizer import ContainerSpec

GIB = 1024**3

_BOOT = "import sys; sys.path.insert(0, sys.argv[1]); from worker.main import main; main()"


@attrs.frozen(kw_only=True)
class FetcherSettings:
    """Bounds of one fetch; each is named in the text that says it was exceeded."""

    #: what relative paths are relative to; --frameworks_home
    frameworks_home: str = ""
    #: less than a byte a second for this long ends a download; --fetcher_stall_timeout
    stall_timeout_s: float = 60.0
    #: bytes of one downloaded or copied file
    download_max: int = 64 * GIB
    #: bytes all entries of one archive may unpack to
    extract_max: int = 64 * GIB
    #: entries of one archive
    extract_entries_max: int = 200_000
    #: redirects of one download
    redirects_max: int = 20
    #: networks nothing is fetched from; --fetcher_denied_networks
    denied_networks: tuple[str, ...] = DENIED_NETWORKS
    #: directories with the agent's own files, none of which can be fetched
    denied_paths: tuple[str, ...] = ()
    #: files and directories that can be fetched from; None: all that a task's user may read; --fetcher_allowed_paths
    allowed_paths: tuple[str, ...] | None = None
    #: of this agent alone, and emptied when it starts; empty: there is no cache
    cache_directory: str = ""
    #: bytes in it; --fetcher_cache_size
    cache_size: int = 2 * GIB


def validate(uris: Sequence[CommandInfo.URI]) -> str | None:
    """Why these cannot be fetched, in Mesos' words; None when they may be tried.

    Mesos: src/slave/containerizer/fetcher.cpp Fetcher::basename, Fetcher::validateOutputFile
    """
    for uri in uris:
        problem = _validate_value(uri.value) or _validate_output_file(uri.output_file)
        if problem is not None:
            return problem
    return None


def _validate_value(value: str) -> str | None:
    if any(forbidden in value for forbidden in "\\'\0"):
        return "Illegal characters in URI"
    scheme, separator, rest = value.partition("://")
    if separator and len(scheme) > 1 and not rest.partition("/")[2]:
        return f"Malformed URI (missing path): {value}"
    return None


def _validate_output_file(output_file: str | None) -> str | None:
    if output_file is None:
        return None
    if not output_file:
        return "URI output file path is empty"
    if output_file.startswith("/") or ".." in output_file.split("/") or "\0" in output_file:
        return "URI output file must be within the sandbox directory"
    return None


def command(
    spec: ContainerSpec, settings: FetcherSettings, items: Sequence[Item], *, measures: bool = False
) -> tuple[tuple[str, ...], dict[str, str]]:
    """argv and environment of the helper that fetches for `spec`, or only measures; MESOS_FETCHER_INFO says what."""
    info = {
        "sandbox_directory": spec.sandbox,
        "user": spec.user,
        "measure": measures,
        "has_own_root": _has_own_root(spec.container),
        "items": [_item(item) for item in items],
        **attrs.asdict(settings),
    }
    argv = (sys.executable, "-I", "-S", "-c", _BOOT, str(Path(__file__).parent))
    env = {"PATH": os.defpath, "MESOS_FETCHER_INFO": json.dumps(info)}
    for name in ("LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        if name in os.environ:
            env[name] = os.environ[name]
    return argv, env


def _has_own_root(container: ContainerInfo | None) -> bool:
    if container is None:
        return False
    has_image = container.mesos is not None and container.mesos.image is not None
    return has_image or container.type is ContainerInfo.Type.DOCKER


def _item(item: Item) -> dict[str, object]:
    uri, entry = item.uri, item.entry
    said: dict[str, object] = {
        "value": uri.value,
        "executable": bool(uri.executable),
        "extract": uri.extract,
        "output_file": uri.output_file,
        "action": item.action.name,
    }
    if entry is not None and entry.measure is not None:
        said |= {"cache_filename": entry.path, "size": entry.measure.size, "mode": entry.measure.mode}
    if entry is not None and entry.signature is not None:
        said["signature"] = attrs.astuple(entry.signature)
    return said


def describe(status: int | None) -> str:
    """How a helper that said nothing ended."""
    if status is None:
        return "the fetcher was lost"
    if os.WIFSIGNALED(status):
        return f"the fetcher was killed by signal {os.WTERMSIG(status)}"
    return f"exited with status {os.WEXITSTATUS(status)}"


def failure(container_id: str, cause: str) -> str:
    """The launch failure; Mesos' words, with the cause where Mesos has only the exit status."""
    return f"Failed to fetch all URIs for container '{container_id}': {cause.strip()}"
