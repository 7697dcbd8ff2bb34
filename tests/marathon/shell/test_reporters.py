"""Metrics for StatsD and DataDog: what is sent, to real sockets, and that nobody is there ends nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator

import orjson
import pytest
from structlog.testing import capture_logs

from frameworks.marathon_py.shell import given
from frameworks.marathon_py.shell.flags import read
from frameworks.marathon_py.shell.metrics.kinds import Counter, Gauge, Meter, Readings, Timer
from frameworks.marathon_py.shell.metrics.reporters import (
    DATAGRAM_BYTES_MAX,
    OF_DATADOG,
    DataDogApi,
    Reporter,
    Udp,
    datagrams,
    numbers,
    reporting,
    without_dashes,
)
from mesos_py.config import UsageError
from mesos_py.web.request import Request
from mesos_py.web.response import Response
from mesos_py.web.server import Server

WITHIN_S = 60.0


def readings() -> Readings:
    meter, timer = Meter(0.0), Timer(0.0)
    meter.mark(1.0)
    timer.record(0.25, 1.0)
    return {
        "apps.active.gauge": Gauge(3), "mesos.offer-operations.launch.counter": Counter(2), "x.meter": meter,
        "y.timer.seconds": timer,
    }  # fmt: skip


def test_everything_is_one_number_by_one_name() -> None:
    """StatsD's names of a summary are Dropwizard's."""
    found = dict(numbers(readings(), "marathon", 4.0))
    rates = ("count", "m1_rate", "m5_rate", "m15_rate", "mean_rate")
    summary = ("min", "mean", "max", "p50", "p75", "p95", "p98", "p99", "p999", "stddev")
    assert found.keys() == {
        "marathon.apps.active.gauge", "marathon.mesos.offer-operations.launch.counter",
        *(f"marathon.x.meter.{part}" for part in rates),
        *(f"marathon.y.timer.seconds.{part}" for part in (*rates, *summary)),
    }  # fmt: skip
    assert found["marathon.x.meter.mean_rate"] == found["marathon.y.timer.seconds.p999"] == 0.25


def test_datadog_has_other_names() -> None:
    found = dict(without_dashes(numbers(readings(), "", 4.0, OF_DATADOG)))
    assert found["mesos.offer_operations.launch.counter"] == 2
    assert {name.removeprefix("y.timer.seconds.") for name in found if "timer" in name} == {
        "count", "m1_rate", "m5_rate", "m15_rate", "mean_rate", "min", "average", "max", "median", "75percentile",
        "95percentile", "98percentile", "99percentile", "999percentile", "stddev",
    }  # fmt: skip


def test_datagrams_are_filled_and_no_line_is_cut() -> None:
    given = [(f"name.of.number.{number}", number / 4) for number in range(100)]
    found = list(datagrams(given))
    assert all(len(one) <= DATAGRAM_BYTES_MAX and one.endswith(b"|g\n") for one in found)
    assert b"".join(found) == b"".join(b"%b:%r|g\n" % (name.encode(), number) for name, number in given)
    assert all(len(one) + len(next_one.splitlines()[0]) > 500 for one, next_one in itertools.pairwise(found))
    assert list(datagrams([])) == []


class _Heard(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.lines: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        for line in data.splitlines():
            self.lines.put_nowait(line)


async def test_statsd_hears_again_and_again() -> None:
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(_Heard, local_addr=("127.0.0.1", 0))
    reporter = Udp(host="127.0.0.1", port=transport.get_extra_info("sockname")[1], every_s=0.01)
    with contextlib.closing(transport):
        async with reporting([reporter], lambda: {"apps.active.gauge": Gauge(3)}, "marathon"):
            async with asyncio.timeout(WITHIN_S):
                lines = [await heard.lines.get() for _ in range(3)]
    assert lines == [b"marathon.apps.active.gauge:3|g"] * 3


async def test_datadog_is_told_with_a_key() -> None:
    heard: asyncio.Queue[Request] = asyncio.Queue()

    async def take(request: Request) -> Response:
        heard.put_nowait(request)
        return Response(202)

    server = Server(take)
    url = f"http://127.0.0.1:{await server.start('127.0.0.1', 0)}/series"
    try:
        await DataDogApi(key="k", every_s=10.0, url=url).send({"tasks.launched.counter": Counter(7)}, "marathon")
        request = heard.get_nowait()
    finally:
        await server.close(0.0)
    assert request.headers["DD-API-KEY"] == "k"
    (point,) = orjson.loads(request.body())["series"]
    assert (point["metric"], point["type"], point["interval"]) == ("marathon.tasks.launched.counter", "gauge", 10)
    assert point["points"][0][1] == 7


async def test_that_nobody_is_there_is_said_once_and_ends_nothing() -> None:
    """Until somebody was there again."""
    tries: asyncio.Queue[None] = asyncio.Queue()

    class Nobody:
        every_s = 0.001

        def __init__(self) -> None:
            self.answers: Iterator[bool] = iter((False, False, True, False, False))

        async def send(self, readings: Readings, prefix: str) -> None:
            tries.put_nowait(None)
            if not next(self.answers, True):
                raise ConnectionRefusedError

    with capture_logs() as lines:
        async with reporting([Nobody()], dict, ""):
            async with asyncio.timeout(WITHIN_S):
                for _ in range(7):
                    await tries.get()
    assert [line["event"] for line in lines] == ["metrics were not sent"] * 2


def reporters(*arguments: str) -> tuple[Reporter, ...]:
    return given.reporters(read(["--master=x:1", *arguments], {}).process)


def test_flags_say_who_is_told() -> None:
    place = ("--metrics_statsd_host=a", "--metrics_statsd_port=8125", "--metrics_datadog_host=b",
             "--metrics_datadog_port=8126")  # fmt: skip
    assert reporters(*place) == ()
    every = "--metrics_statsd_transmission_interval_ms=500"
    assert reporters("--metrics_statsd", "--metrics_datadog", every, *place) == (
        Udp(host="a", port=8125, every_s=0.5), Udp(host="b", port=8126, every_s=10.0, is_datadog=True),
    )  # fmt: skip
    assert reporters("--metrics_datadog", "--metrics_datadog_protocol=api", "--metrics_datadog_api_key=k") == (
        DataDogApi(key="k", every_s=10.0),
    )  # fmt: skip
    assert "hidden" not in repr(DataDogApi(key="hidden", every_s=1.0))


@pytest.mark.parametrize(("arguments", "why"), [
    (("--metrics_statsd",), "--metrics_statsd needs --metrics_statsd_host and --metrics_statsd_port"),
    (("--metrics_datadog", "--metrics_datadog_host=a"), "--metrics_datadog needs --metrics_datadog_host and"),
    (("--metrics_datadog", "--metrics_datadog_protocol=api"), "--metrics_datadog_protocol=api needs --metrics_datadog"),
    (("--metrics_statsd_transmission_interval_ms=0",), "--metrics_statsd_transmission_interval_ms: expecting a whole"),
])  # fmt: skip
def test_what_is_missing_stops_the_start(arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(UsageError) as caught:
        reporters(*arguments)
    assert str(caught.value).startswith(why)
