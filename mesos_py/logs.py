"""How programs write their log: one structlog set-up for people, one for machines.

People get a line with a constant phrase and keys behind it, on stderr; ``--json-logs`` gives one JSON object a line.
Standard output stays for what a program was asked for (``ready http://HOST:PORT``).
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import attrs
import orjson
import structlog

from mesos_py.flags import BOOLEAN, one_of, option

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


@attrs.frozen(kw_only=True)
class LogOptions:
    """Flags of every program that runs for long."""

    logging_level: str = option(one_of(*LEVELS), "INFO", "Least important lines to log.", group="Logging")
    json_logs: bool = option(BOOLEAN, False, "One JSON object a line instead of text.", group="Logging")


def set_up(options: LogOptions, stream: TextIO | None = None) -> None:
    """Everything logged from now on goes to ``stream`` (stderr unless given), other libraries' warnings too."""
    stream = sys.stderr if stream is None else stream
    level = getattr(logging, options.logging_level)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if options.json_logs:
        ending: list[Any] = [
            structlog.processors.dict_tracebacks,
            structlog.processors.JSONRenderer(serializer=lambda value, **_: _json(value)),
        ]
    else:
        ending = [structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event=28)]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=stream, format="%(asctime)s [%(levelname)s] %(message)s")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
