"""How much is logged, by whom, and for how long: ``GET`` and ``POST /logging`` over the log's threshold.

A logger is a module, by its name; what is said of one holds for those below it of which nothing is said. ``ROOT`` is
above all. Levels are Marathon's; those that our log does not have are the next ones that it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from mesos_py.logs import Threshold

log = structlog.get_logger(__name__)

#: Marathon's, as ours
LEVELS = {
    "all": "DEBUG", "trace": "DEBUG", "debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR",
    "fatal": "ERROR", "off": "ERROR",
}  # fmt: skip
ROOT = "ROOT"
LOGGERS_MAX = 100  # of which somebody has said something


class Loggers:
    """What was said about each."""

    def __init__(self, threshold: Threshold, level: str) -> None:
        """``level`` is ROOT's, one of LEVELS."""
        self._threshold = threshold
        self._said = {ROOT: level}
        #: of those whose level holds for a while: its end, and what was said before
        self._ends: dict[str, tuple[asyncio.TimerHandle, str | None]] = {}

    def shown(self) -> Mapping[str, str]:
        """The level of each logger that has written something, or of which something was said."""
        names = dict.fromkeys([*self._said, *sorted(filter(None, self._threshold.names))])
        return {name: self._level_of(name) for name in names}

    def _level_of(self, name: str) -> str:
        if name in self._said:
            return self._said[name].upper()
        while name and name not in self._said:
            name = name.rpartition(".")[0]
        return f"{self._said[name or ROOT].upper()} (inherited)"

    def set(self, name: str, level: str, for_s: float | None) -> None:
        """For so long, or for good. Raises ValueError for what is no level, and for one logger too many."""
        if level not in LEVELS:
            raise ValueError(f"'{level}' is no level: there are {', '.join(LEVELS)}")
        name = ROOT if name.upper() == ROOT else name
        if name not in self._said and len(self._said) >= LOGGERS_MAX:
            raise ValueError(f"{LOGGERS_MAX} loggers have levels of their own already")
        former = self._said.get(name)
        if name in self._ends:
            end, former = self._ends.pop(name)
            end.cancel()
        if for_s is not None:
            end = asyncio.get_running_loop().call_later(for_s, self._over, name)
            self._ends[name] = end, former
        self._say(name, level)

    def _over(self, name: str) -> None:
        self._say(name, self._ends.pop(name)[1])

    def _say(self, name: str, level: str | None) -> None:
        """``level`` None: nothing, so that it is that of the logger above."""
        threshold = self._threshold
        if level is None:
            del self._said[name], threshold.levels[name]
        else:
            self._said[name] = level
            if name == ROOT:
                threshold.level = LEVELS[level]
            else:
                threshold.levels[name] = LEVELS[level]
        log.info("level of a logger is another", logger=name, level=level or "inherited")
