"""Metrics as numbers by name: /metrics/snapshot (JSON) and /metrics (Prometheus text), and timers over a window.

A process hands over one function that yields ``Sample``s: gauges computed at that moment, counters it keeps. Names are
Mesos' (``master/tasks_running``); Prometheus gets them with a prefix, and what Mesos puts into the name (framework,
role, task state, reason) as labels. Not done: Mesos' limit of two snapshots a second, which protects actors we do not
have. Mesos: 3rdparty/libprocess/src/metrics/metrics.cpp, include/process/metrics/timer.hpp.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from urllib.parse import unquote

from mesos_py.algebra.durations import parse_duration
from mesos_py.machine.values import value
from mesos_py.web.request import Request
from mesos_py.web.response import HttpError, Response, json
from mesos_py.web.router import Router

SLICE = 5_000  # samples gathered in one go, about 5 ms; sources may change between slices
EXPOSITION_SLICE = 1_000  # the same, of those turned into text
WINDOW = 1_000  # samples a timer remembers; Mesos' keep one hour, of at most 1,000
PERCENTILES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999), ("p9999", 0.9999))
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@value
class Sample:
    """One metric now."""

    name: str
    number: float
    #: only ever grows while the process lives
    is_counter: bool = False


Source = Callable[[], Iterable[Sample]]
Measure = Callable[[], Awaitable[Iterable[Sample]]]


class Timer:
    """How long something takes, in milliseconds: the last value, and statistics over a window."""

    __slots__ = ("_count", "_last", "_window", "name")

    def __init__(self, name: str) -> None:
        #: ends in ``_ms``
        self.name = name
        self._last: float | None = None
        self._count = 0
        self._window: deque[float] = deque(maxlen=WINDOW)

    def record(self, duration_ms: float) -> None:
        self._last = duration_ms
        self._count += 1
        self._window.append(duration_ms)

    def samples(self) -> Iterator[Sample]:
        """Nothing before the first record, as Mesos does."""
        if self._last is None:
            return
        ordered = sorted(self._window)
        yield Sample(self.name, self._last)
        yield Sample(f"{self.name}/count", float(len(ordered)))
        yield Sample(f"{self.name}/max", ordered[-1])
        yield Sample(f"{self.name}/min", ordered[0])
        for label, share in PERCENTILES:
            yield Sample(f"{self.name}/{label}", percentile(ordered, share))


def percentile(ordered: list[float], share: float) -> float:
    """By linear interpolation between neighbours; Mesos: include/process/statistics.hpp."""
    position = share * (len(ordered) - 1)
    low = int(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


class MetricsEndpoints:
    """/metrics/snapshot and /metrics over one source."""

    def __init__(self, source: Source, *, prefix: str = "mesos", measure: Measure | None = None) -> None:
        """``measure`` gives what is for /metrics alone, and takes its time."""
        self._source = source
        self._prefix = prefix
        self._measure = measure

    def add_to(self, router: Router, *, realm: str) -> None:
        router.add("/metrics/snapshot", self.snapshot, realm=realm)
        router.add("/metrics", self.prometheus, realm=realm, exact=True)

    def numbers(self) -> dict[str, float]:
        """Name -> value, sorted by name."""
        return dict(sorted((sample.name, float(sample.number)) for sample in self._source()))

    async def collect(self) -> list[Sample]:
        """Every sample; many are gathered in slices, so that the loop has its turn meanwhile."""
        samples: list[Sample] = []
        for sample in self._source():
            samples.append(sample)
            if len(samples) % SLICE == 0:
                await asyncio.sleep(0)
        return samples

    async def snapshot(self, request: Request) -> Response:
        check_timeout(request.query.get("timeout"))
        numbers = sorted([(sample.name, float(sample.number)) for sample in await self.collect()])
        return json(dict(numbers), request.query.get("jsonp"))

    async def prometheus(self, request: Request) -> Response:
        exposition = Exposition(self._prefix)
        measured = () if self._measure is None else await self._measure()
        for number, sample in enumerate((*await self.collect(), *measured)):
            exposition.add(sample)
            if number % EXPOSITION_SLICE == EXPOSITION_SLICE - 1:
                await asyncio.sleep(0)
        texts = []
        for text in exposition.families():
            texts.append(text)
            if len(text) > EXPOSITION_SLICE:
                await asyncio.sleep(0)
        return Response(200, "".join(texts).encode(), PROMETHEUS)


def check_timeout(text: str | None) -> None:
    """Gauges never wait, so a timeout is only checked. Raises HttpError 400."""
    if text is not None:
        try:
            parse_duration(text)
        except ValueError as error:
            raise HttpError(400, f"Invalid timeout '{text}': {error}.\n") from error


# ---- Prometheus

#: Name -> metric and labels; named groups are labels.
_LABELS = (
    (re.compile(r"(master|slave)/frameworks/(?P<framework>[^/]+)/(?P<framework_id>[^/]+)/roles/(?P<role>.+)/suppressed"),
     r"\1_framework_role_suppressed"),
    (re.compile(r"(master|slave)/frameworks/(?P<framework>[^/]+)/(?P<framework_id>[^/]+)/(?P<_rest>.+)"),
     r"\1_framework_{rest}"),
    (re.compile(r"(master|slave)/task_(?P<state>[a-z_]+)/source_(?P<source>[a-z_]+)/reason_(?P<reason>[a-z_]+)"),
     r"\1_task_updates"),
    (re.compile(r"containers/(?P<framework_id>[^/]+)/(?P<executor_id>[^/]+)/(?P<_rest>[a-z_0-9]+)"),
     r"container_{rest}"),
    (re.compile(r"frameworks/(?P<principal>[^/]+)/(?P<_rest>messages_(?:received|processed))"), r"framework_{rest}"),
    (re.compile(r"allocator/mesos/quota/roles/(?P<role>.+)/resources/(?P<resource>[^/]+)/(?P<_rest>[a-z_]+)"),
     r"allocator_quota_{rest}"),
    (re.compile(r"allocator/mesos/offer_filters/roles/(?P<role>.+)/active"), r"allocator_offer_filters_active"),
    (re.compile(r"allocator/mesos/roles/(?P<role>.+)/shares/dominant"), r"allocator_role_dominant_share"),
)  # fmt: skip
_FRAMEWORKS = ("master/frameworks/", "slave/frameworks/")
_FRAMEWORK_LABELS = _LABELS[:2]
_UNSAFE = re.compile(r"[^a-zA-Z0-9_]+")


class Exposition:
    """The text exposition format: each metric's samples together, sorted, with its type."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._families: dict[str, tuple[str, dict[str, float]]] = {}

    def add(self, sample: Sample) -> None:
        """Of samples that Prometheus cannot tell apart the first is kept."""
        name, labels = _labelled(sample.name)
        name = f"{self._prefix}_{_UNSAFE.sub('_', name).strip('_')}"
        if sample.is_counter and not name.endswith("_total"):
            name += "_total"
        kind = "counter" if sample.is_counter else "gauge"
        known_kind, rows = self._families.setdefault(name, (kind, {}))
        if known_kind == kind:
            rows.setdefault(labels, sample.number)

    def families(self) -> Iterator[str]:
        """The text of each metric."""
        for name in sorted(self._families):
            kind, rows = self._families[name]
            lines = [f"{name}{labels} {_number(number)}\n" for labels, number in sorted(rows.items())]
            yield f"# TYPE {name} {kind}\n{''.join(lines)}"


def prometheus(samples: Iterable[Sample], prefix: str) -> str:
    """All samples as text."""
    exposition = Exposition(prefix)
    for sample in samples:
        exposition.add(sample)
    return "".join(exposition.families())


def _labelled(name: str) -> tuple[str, str]:
    """The metric's name without what varies, and that as labels."""
    head, slash, tail = name.rpartition("/")
    quantile = dict(PERCENTILES).get(tail) if slash and head.endswith("_ms") else None
    if quantile is not None:
        return f"{head}_quantile", f'{{quantile="{quantile}"}}'
    for pattern, wanted in _FRAMEWORK_LABELS if name.startswith(_FRAMEWORKS) else _LABELS:
        match = pattern.fullmatch(name)
        if match is not None:
            groups = match.groupdict()
            rest = groups.pop("_rest", "") or ""
            labels = ",".join(f'{key}="{_escape(unquote(found or ""))}"' for key, found in groups.items())
            return match.expand(wanted).replace("{rest}", rest), f"{{{labels}}}"
    return name, ""


def _escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(number: float) -> str:
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "+Inf" if number > 0 else "-Inf"
    return str(int(number)) if number == int(number) else repr(float(number))
