"""What dockerd says of a container, in the agent's terms. Pure.

Mesos: src/docker/docker.cpp Docker::Container::create, src/docker/executor.cpp
"""

from __future__ import annotations

import datetime
import json
import signal
from collections.abc import Mapping
from typing import Any, Final

import attrs

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.schema import evolve

#: dockerd's answer to GET /containers/NAME/json
Inspected = Mapping[str, Any]

#: What a runtime exits with that could not execute a command in a container, and how it begins to say so.
NOT_EXECUTED: Final = (126, 127)
SIGN_NOT_EXECUTED: Final = "OCI runtime exec failed"


@attrs.frozen(kw_only=True)
class Ended:
    """How a container ended."""

    #: wait(2) status word, as ``docker run`` would have exited; None: nobody knows
    status: int | None
    #: it is not known because it was removed
    is_removed: bool = False
    #: its memory ran out, and that was its end
    is_out_of_memory: bool = False


def name(summary: Mapping[str, Any]) -> str:
    """Of one in dockerd's answer to GET /containers/json."""
    return str((summary.get("Names") or ["/"])[0]).removeprefix("/")


def raw_status(code: int) -> int:
    """A wait(2) status word; a signal that ended it has become 128 and its number before."""
    return (code & 0xFF) << 8


def pid(what: Inspected) -> int | None:
    """Of its first process; None: there is none any more."""
    return int(what["State"].get("Pid") or 0) or None


def is_running(what: Inspected) -> bool:
    """It has been started and has not ended. (One that is paused runs.)"""
    return bool(what["State"].get("Running"))


def ended(what: Inspected) -> Ended:
    """Of one that does not run; one that was never started has no status."""
    state = what["State"]
    if state.get("Status") == "created":
        return Ended(status=None)
    code = int(state.get("ExitCode", 0))
    return Ended(status=raw_status(code), is_out_of_memory=bool(state.get("OOMKilled")) and code != 0)


def finished_at(what: Inspected) -> float | None:
    """Seconds since the epoch."""
    text = str(what["State"].get("FinishedAt", ""))
    try:
        found = datetime.datetime.fromisoformat(text.partition(".")[0].rstrip("Z")).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None
    return found.timestamp() if found.year > 1970 else None  # the year 1 is "never"


def data(what: Inspected) -> bytes:
    """As TaskStatus.data has it: what ``docker inspect`` prints."""
    return json.dumps([what], separators=(",", ":")).encode()


def network_infos(what: Inspected, spec: ContainerSpec) -> tuple[NetworkInfo, ...]:
    """Its addresses, in the network it was asked for with; nothing when it has none of its own."""
    networks = what.get("NetworkSettings", {}).get("Networks") or {}
    found = [
        NetworkInfo.IPAddress(protocol=protocol, ip_address=network[field])
        for network in networks.values()
        for field, protocol in (
            ("IPAddress", NetworkInfo.Protocol.IPv4), ("GlobalIPv6Address", NetworkInfo.Protocol.IPv6),
        )
        if network.get(field)
    ]  # fmt: skip
    if not found:
        return ()
    asked = spec.container.network_infos if spec.container is not None else ()
    return (evolve(asked[0] if asked else NetworkInfo(), ip_addresses=tuple(found)),)


def has_terminal(what: Inspected) -> bool:
    """Its process is at one."""
    return bool(what["Config"].get("Tty"))


def network(what: Inspected) -> str | None:
    """The path of its network namespace; None: it is the host's."""
    number = pid(what)
    is_of_host = (what.get("HostConfig") or {}).get("NetworkMode") == "host"
    return None if number is None or is_of_host else f"/proc/{number}/ns/net"


def stop_signal(what: Inspected) -> int:
    """By which it wants to be ended."""
    text = str(what["Config"].get("StopSignal") or "SIGTERM").upper()
    if text.isdigit():
        return int(text)
    name = text if text.startswith("SIG") else f"SIG{text}"
    return int(signal.Signals.__members__.get(name, signal.SIGTERM))
