"""Who listens on ports that are not his: what ss says, what is told of it, and real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesos_py.agent.containerizer.compose import compose
from mesos_py.agent.containerizer.isolation import settle
from mesos_py.agent.containerizer.ports import listening
from mesos_py.agent.options import AgentOptions
from mesos_py.algebra.parse import parse_resources
from mesos_py.machine.values import SECOND
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskStatus
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_cgroups, until
from tests.ports import free_port

SAID = """\
LISTEN 0      128         0.0.0.0:2024       0.0.0.0:*    ino:11 sk:1 cgroup:/ <->
LISTEN 0      100    127.0.0.1%lo:31000      0.0.0.0:*    uid:1000 ino:12 sk:2 cgroup:/mesos/ino:9 <->
LISTEN 0      4096           [::]:31001         [::]:*    ino:13 sk:3 v6only:1 <->
LISTEN 0      4096              *:80               *:*    ino:14 sk:4
"""


def test_what_ss_says() -> None:
    ports = {"socket:[11]": 2024, "socket:[12]": 31000, "socket:[13]": 31001, "socket:[14]": 80}
    assert listening(SAID) == ports
    assert listening("") == {}


def ports(first: int, last: int) -> tuple[Resource, ...]:
    return tuple(parse_resources(f"ports:[{first}-{last}]"))


def serve(port: int, host: str = "127.0.0.1") -> str:
    return f"exec python3 -m http.server --bind {host} {port}"


class Watched(Harness):
    """Ports are looked at all the time."""

    async def begin(self, **flags: Any) -> None:
        flags = {"enforce_container_ports": True} | flags
        interval = SECOND // 10
        await self.isolated(isolation="network/ports", container_ports_watch_interval=interval, **flags).recover()


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    harness = Watched(tmp_path)
    yield harness
    await harness.containerizer.close()
    assert harness.cgroups() == []
    remove_cgroups(harness)


@pytest.mark.root
@needs_cgroups
@pytest.mark.parametrize("host", ["127.0.0.1", "::"])
async def test_who_listens_elsewhere_is_told_and_its_neighbour_is_not(watched: Watched, host: str) -> None:
    """1 it may; 2 its resources are others: what it has beyond them is said, once; its neighbour has what it needs."""
    await watched.begin()
    first, second = free_port(), free_port()
    watched.containerizer.launch(watched.shell("c", serve(first, host), resources=ports(1, 65535)))
    watched.containerizer.launch(watched.shell("d", serve(second), resources=ports(second, second)))
    for name in ("c", "d"):
        await watched.launched(name)
        watched.containerizer.update(name, ports(second, second), {})
    await until(lambda: watched.limited("c"))
    limited = watched.limited("c")
    assert limited is not None
    text = f"Container c is listening on unallocated port(s): [{first}-{first}]"
    assert (limited.reason, limited.message) == (TaskStatus.Reason.REASON_CONTAINER_LIMITATION, text)
    assert limited.resources == ports(first, first)
    assert watched.limited("d") is None


@pytest.mark.root
@needs_cgroups
async def test_what_is_nested_counts_for_its_executor_also_after_a_restart(tmp_path: Path) -> None:
    """Until its resources are known again, nothing is said of it."""
    port = free_port()
    first = Watched(tmp_path)
    await first.begin()
    first.containerizer.make_sandbox("e", str(first.sandbox("e")), None, None)
    first.containerizer.update("e", ports(port, port), {})
    nested = first.shell("n", serve(port), parent_id="e", sandbox=str(first.sandbox("e") / "containers/n"))
    first.containerizer.launch(nested)
    first.containerizer.launch(first.shell("c", serve(free_port()), resources=()))
    await until(lambda: first.limited("c"))
    assert first.limited("e") is None
    await first.containerizer.close(keep=True)

    second = Watched(tmp_path)
    await second.begin()
    second.containerizer.make_sandbox("e", str(second.sandbox("e")), None, None)
    second.containerizer.update("c", (), {})
    await until(lambda: second.limited("c"))
    assert second.limited("e") is None
    second.containerizer.update("e", (), {})
    await until(lambda: second.limited("e"))
    for name in ("c", "n"):
        second.containerizer.destroy(name)
        await second.exited(name)
    second.containerizer.destroy("e")
    await second.containerizer.close()
    remove_cgroups(second)


@pytest.mark.root
@needs_cgroups
@pytest.mark.parametrize("bound", ["range", "agent", "off"])
async def test_what_is_not_looked_at(watched: Watched, bound: str) -> None:
    """Ports outside of a range, or of the agent's; and without enforcement nobody is ended."""
    beyond, within = free_port(), free_port()
    flags: dict[str, Any] = {
        "range": {"container_ports_isolated_range": f"[{within}-{within}]"},
        "agent": {"check_agent_port_range_only": True, "resources": f"ports:[{within}-{within}]"},
        "off": {"enforce_container_ports": False},
    }[bound]
    await watched.begin(**flags)
    watched.containerizer.launch(watched.shell("c", serve(beyond)))
    watched.containerizer.launch(watched.shell("d", serve(within)))
    with capture_logs() as said:
        if bound != "off":
            await until(lambda: watched.limited("d"))
        else:
            await until(lambda: len([line for line in said if line["event"] == "unallocated ports"]) == 2)
    assert watched.limited("c") is None


def test_flags(tmp_path: Path) -> None:
    assert settle("network/ports", None).launcher == "linux"
    with pytest.raises(ValueError, match="The 'network/ports' isolator requires --launcher=linux"):
        settle("network/ports", "posix")
    options = AgentOptions(
        master="127.0.0.1:1", work_dir=str(tmp_path), isolation="network/ports", check_agent_port_range_only=True,
        container_ports_isolated_range="[1-2]",
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"^Only one of `--check_agent_port_range_only`"):
        compose(options, lambda event: None)
