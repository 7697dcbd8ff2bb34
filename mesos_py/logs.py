"""How programs write their log: one structlog set-up for people, one for machines.

People get a line with a constant phrase and keys behind it, on stderr; ``--json-logs`` gives one JSON object a line.
Standard output stays for what a program was asked for (``ready http://HOST:PORT``).
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import attrs
import orjson
import structlog

from mesos_py.flags import BOOLEAN, TEXT, one_of, option

LOG_FILE = "mesos-py.log"
LOST = (OSError, ValueError)  # a full disk; a stream that was closed
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_LEVEL_OF = {"warn": "warning", "exception": "error", "critical": "error", "fatal": "error"}  # by methods of a logger


@attrs.frozen(kw_only=True)
class LogOptions:
    """Flags of every program that runs for long."""

    logging_level: str = option(one_of(*LEVELS), "INFO", "Least important lines to log.", group="Logging")
    log_dir: str | None = option(
        TEXT, None, "Directory for a copy of the log, which /files shows.", group="Logging")
    json_logs: bool = option(BOOLEAN, False, "One JSON object a line instead of text.", group="Logging")


class Threshold:
    """The least important lines that are written, for those who want to change that while the program runs."""

    def __init__(self, level: str) -> None:
        """One of LEVELS."""
        self.level = level
        #: of some modules, and of those below them, another one
        self.levels: dict[str, str] = {}
        #: of the modules that have written something
        self.names: dict[str, None] = {}

    def level_of(self, name: str) -> str:
        """What counts for a module."""
        while name and name not in self.levels:
            name = name.rpartition(".")[0]
        return self.levels.get(name, self.level)

    def __call__(self, logger: Any, method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As a processor of structlog."""
        least = self.level_of(getattr(logger, "name", "")) if self.levels else self.level
        if LEVELS.index(_LEVEL_OF.get(method, method).upper()) < LEVELS.index(least):
            raise structlog.DropEvent
        return line


class _Named(structlog.PrintLogger):
    """Writes for one module, and knows which."""

    def __init__(self, place: TextIO, name: str) -> None:
        super().__init__(place)
        self.name = name


class Lines:
    """Places that all get the same lines. A line that one cannot take (its disk is full) is lost there, and no more."""

    def __init__(self, *places: TextIO) -> None:
        self._places = places

    def write(self, text: str) -> int:
        for place in self._places:
            with contextlib.suppress(*LOST):  # whoever logs has better things to do than to end
                place.write(text)
        return len(text)

    def flush(self) -> None:
        for place in self._places:
            with contextlib.suppress(*LOST):
                place.flush()


def log_path(log_dir: str) -> str:
    """The file in ``--log_dir``; programs that share a directory share it, line by line."""
    return os.path.join(log_dir, LOG_FILE)


def set_up(options: LogOptions, threshold: Threshold | None = None) -> None:
    """Everything logged from now on goes to stderr, and to ``--log_dir``, other libraries' warnings too.

    ``threshold`` says what counts instead of ``--logging_level``. Raises OSError if the directory cannot be written to.
    """
    stream: Any = Lines(sys.stderr)
    colors = sys.stderr.isatty()
    if options.log_dir is not None:
        os.makedirs(options.log_dir, exist_ok=True)
        stream = Lines(sys.stderr, open(log_path(options.log_dir), "a", encoding="utf-8"))  # noqa: SIM115 - until we end
        colors = False
    level = getattr(logging, options.logging_level)

    def logger_of(name: str = "") -> _Named:
        if threshold is not None:
            threshold.names[name] = None
        return _Named(stream, name)

    shared: list[Any] = [
        *([threshold] if threshold is not None else []),
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
        plain = structlog.dev.plain_traceback  # the default takes a tenth of a second to render one with its variables
        ending = [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level if threshold is None else logging.DEBUG),
        logger_factory=logger_of,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=stream, format="%(asctime)s [%(levelname)s] %(message)s")


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
