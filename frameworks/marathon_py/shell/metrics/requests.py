"""What the HTTP server was asked, by Marathon's names."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable

from frameworks.marathon_py.shell.metrics.kinds import Counter, Gauge, Meter, Readings, Timer
from mesos_py.web.request import Request
from mesos_py.web.response import Chunked, Response
from mesos_py.web.router import Answer

METHODS = ("get", "post", "head", "put", "delete", "options", "trace", "connect", "move")
OTHER = "other"
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


class Requests:
    """Counted by the door. The time of a request ends when its answer is made; that of an answer in pieces, when its
    first piece can be."""

    def __init__(self, gzipped_bytes: Callable[[], int] = lambda: 0) -> None:
        """``gzipped_bytes``: of answers that the server has compressed."""
        now = time.monotonic()
        self._gzipped_bytes = gzipped_bytes
        #: of events, to all who subscribe
        self.event_bytes = 0
        #: being answered now
        self.active = 0
        self._asked_bytes = self._answered_bytes = 0
        self._rates = {name: Meter(now) for name in CLASSES}
        self._durations = {name: Timer(now) for name in ("", *METHODS, OTHER)}

    def answered(self, request: Request, answer: Answer, duration_s: float) -> None:
        now = time.monotonic()
        self._asked_bytes += len(request.body())
        status = getattr(answer, "status", 200)
        self._rates[CLASSES[min(max(status // 100, 1), 5) - 1]].mark(now)
        self._durations[""].record(duration_s, now)
        method = request.method.lower()
        self._durations[method if method in METHODS else OTHER].record(duration_s, now)
        if isinstance(answer, Response):
            self._answered_bytes += len(answer.body)
        elif isinstance(answer, Chunked):
            answer.pieces = self._counted(answer.pieces)

    async def _counted(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in pieces:
            self._answered_bytes += len(piece)
            yield piece

    def readings(self) -> Readings:
        named: dict[str, Counter | Gauge | Meter | Timer] = {
            "http.requests.active.gauge": Gauge(self.active),
            "http.requests.size.counter.bytes": Counter(self._asked_bytes),
            "http.responses.size.counter.bytes": Counter(self._answered_bytes),
            "http.responses.size.gzipped.counter.bytes": Counter(self._gzipped_bytes()),
            "http.responses.event-stream.size.counter.bytes": Counter(self.event_bytes),
        }
        named |= {f"http.responses.{name}.rate.meter": meter for name, meter in self._rates.items()}
        for name, timer in self._durations.items():
            named[f"http.requests{'.' if name else ''}{name}.duration.timer.seconds"] = timer
        return named
