"""Who logs how much: levels by module, for a while or for good."""

from __future__ import annotations

import asyncio

import pytest

from frameworks.marathon_py.shell.loggers import LOGGERS_MAX, Loggers
from mesos_py.logs import Threshold
from mesos_py.sdk.testing import simulated


def of(names: str = "a.b a.b.c d") -> tuple[Loggers, Threshold]:
    threshold = Threshold("INFO")
    threshold.names |= dict.fromkeys(names.split())
    return Loggers(threshold, "info"), threshold


def test_what_is_said_of_a_logger_holds_for_those_below_it() -> None:
    loggers, threshold = of()
    assert loggers.shown() == {
        "ROOT": "INFO", "a.b": "INFO (inherited)", "a.b.c": "INFO (inherited)", "d": "INFO (inherited)",
    }  # fmt: skip
    loggers.set("a", "trace", None)
    loggers.set("a.b.c", "error", None)
    loggers.set("root", "warn", None)
    assert loggers.shown() == {
        "ROOT": "WARN", "a": "TRACE", "a.b.c": "ERROR", "a.b": "TRACE (inherited)", "d": "WARN (inherited)",
    }  # fmt: skip
    names = ("a.b", "a.b.c.x", "a.bc", "d", "")
    assert [threshold.level_of(name) for name in names] == ["DEBUG", "ERROR", "DEBUG", "WARNING", "WARNING"]


@simulated
async def test_for_a_while_is_until_what_was_said_before_holds_again() -> None:
    """Said twice, the level of before is still that of before the first time."""
    loggers, threshold = of("a")
    loggers.set("a", "debug", 10)
    loggers.set("ROOT", "error", 10)
    await asyncio.sleep(5)
    loggers.set("a", "warn", 10)
    await asyncio.sleep(6)
    assert loggers.shown() == {"ROOT": "INFO", "a": "WARN"}
    await asyncio.sleep(5)
    assert loggers.shown() == {"ROOT": "INFO", "a": "INFO (inherited)"}
    assert (threshold.level, threshold.levels) == ("INFO", {})
    loggers.set("a", "debug", 10)
    loggers.set("a", "error", None)
    await asyncio.sleep(11)
    assert loggers.shown() == {"ROOT": "INFO", "a": "ERROR"}


def test_there_is_a_bound_and_no_level_but_those_there_are() -> None:
    loggers, _ = of("")
    for number in range(LOGGERS_MAX - 1):
        loggers.set(f"n{number}", "debug", None)
    with pytest.raises(ValueError, match="100 loggers"):
        loggers.set("one", "debug", None)
    loggers.set("n1", "info", None)
    with pytest.raises(ValueError, match="'loud' is no level"):
        loggers.set("n1", "loud", None)
    assert (len(loggers.shown()), loggers.shown()["n1"]) == (LOGGERS_MAX, "INFO")
