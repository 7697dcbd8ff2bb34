"""Metrics for those who do not ask for them: sent every few seconds, to StatsD or DataDog.

=========  =======================================  ==========================================
to         how                                      names
=========  =======================================  ==========================================
StatsD     UDP, lines of ``name:value|g``           as they are; ``.p75``
DataDog    UDP, likewise, to an agent of theirs     without dashes; ``.75percentile``
DataDog    their API: HTTPS, JSON, with a key       likewise
=========  =======================================  ==========================================

Everything is sent as a gauge, counters too. What does not arrive is lost: the next time there are newer numbers.
Source: mesosphere/marathon .../metrics/current/reporters.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Protocol

import aiohttp
import attrs
import orjson
import structlog

from frameworks.marathon_py.shell.metrics.kinds import Counter, Gauge, Meter, Readings, Timer

log = structlog.get_logger(__name__)

DATAGRAM_BYTES_MAX = 508  # what every network takes in one piece
API_URL = "https://app.datadoghq.com/api/v1/series"
API_TIMEOUT_S = 30.0
_UNFIT = re.compile(r"[^a-zA-Z0-9_.]")

#: who is to be told cannot be; a name may be none, too
FAILED = (OSError, TimeoutError, UnicodeError, aiohttp.ClientError)

Numbers = Iterable[tuple[str, float]]
Names = Mapping[str, str]
"""Of parts of a timer's summary, as they are called there; others keep their names."""
OF_DATADOG: Names = {
    "mean": "average", "p50": "median", "p75": "75percentile", "p95": "95percentile", "p98": "98percentile",
    "p99": "99percentile", "p999": "999percentile",
}  # fmt: skip


def numbers(readings: Readings, prefix: str, now_s: float, names: Names | None = None) -> Iterator[tuple[str, float]]:
    """One by one; a meter has a count and rates, a timer these and a summary."""
    for short, metric in sorted(readings.items()):
        name = f"{prefix}.{short}" if prefix else short
        match metric:
            case Counter(number) | Gauge(number):
                yield name, number
            case Meter():
                yield from _of_meter(name, metric, now_s)
            case Timer():
                yield from _of_meter(name, metric.meter, now_s)
                yield from ((f"{name}.{(names or {}).get(part, part)}", n) for part, n in metric.summary().items())


def _of_meter(name: str, meter: Meter, now_s: float) -> Iterator[tuple[str, float]]:
    yield f"{name}.count", meter.count
    yield from ((f"{name}.{part}", rate) for part, rate in meter.rates(now_s).items())


def without_dashes(given: Numbers) -> Iterator[tuple[str, float]]:
    return ((_UNFIT.sub("_", name), number) for name, number in given)


def datagrams(given: Numbers) -> Iterator[bytes]:
    """As many lines in each as there is room for."""
    room = b""
    for name, number in given:
        line = b"%b:%b|g\n" % (name.encode(), b"%r" % number)
        if room and len(room) + len(line) > DATAGRAM_BYTES_MAX:
            yield room
            room = b""
        room += line
    if room:
        yield room


def series(given: Numbers, now_s: float, every_s: float, host: str) -> bytes:
    """As DataDog's API takes them."""
    points = [
        {"metric": name, "interval": int(every_s), "points": [[int(now_s), n]], "type": "gauge", "host": host}
        for name, n in given
    ]  # fmt: skip
    return orjson.dumps({"series": points})


class Reporter(Protocol):
    """Where metrics go."""

    @property
    def every_s(self) -> float: ...

    async def send(self, readings: Readings, prefix: str) -> None:
        """Raises one of FAILED."""
        ...


@attrs.frozen(kw_only=True)
class Udp:
    """StatsD, or an agent of DataDog's."""

    host: str
    port: int
    every_s: float
    is_datadog: bool = False

    async def send(self, readings: Readings, prefix: str) -> None:
        given = numbers(readings, prefix, time.monotonic(), OF_DATADOG if self.is_datadog else None)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, remote_addr=(self.host, self.port))
        with contextlib.closing(transport):
            for one in datagrams(without_dashes(given) if self.is_datadog else given):
                transport.sendto(one)


@attrs.frozen(kw_only=True)
class DataDogApi:
    """DataDog itself."""

    key: str = attrs.field(repr=False)
    every_s: float
    url: str = API_URL

    async def send(self, readings: Readings, prefix: str) -> None:
        given = without_dashes(numbers(readings, prefix, time.monotonic(), OF_DATADOG))
        body = series(given, time.time(), self.every_s, socket.gethostname())
        timeout = aiohttp.ClientTimeout(total=API_TIMEOUT_S)
        headers = {"Content-Type": "application/json", "DD-API-KEY": self.key}  # not in the URL, which logs have
        async with (
            aiohttp.ClientSession(timeout=timeout) as client, client.post(self.url, data=body, headers=headers) as got,
        ):  # fmt: skip
            got.raise_for_status()


@contextlib.asynccontextmanager
async def reporting(reporters: Iterable[Reporter], read: Callable[[], Readings], prefix: str) -> AsyncIterator[None]:
    """Meanwhile each of them is sent what ``read`` gives."""
    tasks = [asyncio.create_task(_report(one, read, prefix), name="metrics") for one in reporters]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _report(reporter: Reporter, read: Callable[[], Readings], prefix: str) -> None:
    """That it cannot be reached is said once, until it can be."""
    is_well = True
    while True:
        try:
            await reporter.send(read(), prefix)
        except FAILED as error:
            if is_well:
                log.warning("metrics were not sent", to=repr(reporter), error=repr(error))
            is_well = False
        else:
            is_well = True
        await asyncio.sleep(reporter.every_s)
