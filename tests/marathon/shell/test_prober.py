"""Probes over loopback: what is told of them, and how many there are at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from frameworks.marathon_py.shell.prober import Network, Prober
from frameworks.marathon_py.words import Probe, Probed
from mesos_py.web.request import Request
from mesos_py.web.response import HttpError, Response
from mesos_py.web.router import Answer
from mesos_py.web.server import Server
from tests.ports import free_ports

LONG = b"x" * (1 << 20)


class Web:
    """A server under the tests' eyes."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.port = 0

    async def __call__(self, request: Request) -> Answer:
        self.asked.append(request.target)
        match request.path:
            case "/well":
                return Response(200, b"all is well", "text/plain")
            case "/moved":
                return Response(302, headers=(("Location", "/well"),))
            case "/long":
                return Response(200, LONG, "text/plain")
            case "/never":
                await asyncio.sleep(3600)
        raise HttpError(503, "not yet")


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    made = Web()
    server = Server(made)
    made.port = await server.start("127.0.0.1", 0)
    yield made
    await server.close(grace_s=0.0)


def probe(
    port: int, path: str = "/well", *, protocol: str = "HTTP", kind: str = "health", instance: str = "a",
    timeout_s: float = 20.0,
) -> Probe:  # fmt: skip
    return Probe(instance, 1, kind, 0, protocol, "127.0.0.1", port, path, timeout_s)


async def told(one: Probe) -> Probed:
    answers: asyncio.Queue[Probed] = asyncio.Queue()
    prober = Prober(Network(), answers.put_nowait, 1)
    prober.probe(one)
    answer = await answers.get()
    await prober.close()
    return answer


@pytest.mark.parametrize(("path", "status"), [("/well", 200), ("/moved", 302), ("/bad", 503), ("well?a=b", 200)])
async def test_a_status_is_told_whatever_it_is(web: Web, path: str, status: int) -> None:
    """A redirect is an answer; whether it is a good one is the core's to say."""
    asked = probe(web.port, path)
    assert await told(asked) == Probed(asked, status=status)
    assert web.asked == [f"/{path.removeprefix('/')}"]


async def test_a_readiness_check_may_show_what_was_answered(web: Web) -> None:
    """Its beginning, if it is long."""
    well, long = probe(web.port, kind="readiness"), probe(web.port, "/long", kind="readiness")
    assert await told(well) == Probed(well, status=200, content_type="text/plain", body="all is well")
    answer = await told(long)
    assert (answer.status, answer.body) == (200, "x" * (1 << 16))


async def test_who_takes_too_long_has_failed(web: Web) -> None:
    asked = probe(web.port, "/never", timeout_s=0.05)
    assert await told(asked) == Probed(asked, cause="no answer within 0.05 s")


async def test_who_is_not_there_has_failed() -> None:
    (port,) = free_ports(1)
    for protocol in ("HTTP", "HTTPS", "TCP"):
        answer = await told(probe(port, protocol=protocol))
        assert answer.status is None
        assert "Connect" in answer.cause


async def test_a_port_that_is_listened_on_is_well(web: Web) -> None:
    asked = probe(web.port, protocol="TCP")
    assert await told(asked) == Probed(asked)
    assert web.asked == []


class Scripted:
    """Nothing is answered before ``go_on``."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()
        self.looked: list[str] = []

    async def look(self, probe: Probe) -> Probed:
        self.looked.append(f"{probe.instance_id} {probe.path}")
        await self.go_on.wait()
        return Probed(probe)


async def test_so_many_at_once_and_the_others_in_their_turn() -> None:
    """Of one check, only the last that was asked for waits."""
    scripted, answers = Scripted(), asyncio.Queue[Probed]()
    prober = Prober(scripted, answers.put_nowait, 2)
    for instance in ("a", "b", "c", "c", "a"):
        prober.probe(probe(1, f"/{instance}", instance=instance))
    await asyncio.sleep(0)
    assert scripted.looked == ["a /a", "b /b"]
    scripted.go_on.set()
    instances = [(await answers.get()).probe.instance_id for _ in range(4)]
    assert sorted(instances) == ["a", "a", "b", "c"]
    await prober.close()
    assert answers.empty()


async def test_nothing_is_told_when_it_is_closed() -> None:
    scripted, answers = Scripted(), asyncio.Queue[Probed]()
    prober = Prober(scripted, answers.put_nowait, 1)
    for instance in ("a", "b"):
        prober.probe(probe(1, instance=instance))
    await asyncio.sleep(0)
    await prober.close()
    assert (answers.empty(), scripted.looked) == (True, ["a /well"])
