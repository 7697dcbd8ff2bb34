"""What is done about a task that has failed: run again after a while, or not.

Only failures count (``outcome``): a task whose host is lost, or that was preempted, is run again without counting, for
nobody knows whether it has done its work. Whoever cannot have it run twice says ``on_lost: fail``.
"""

from __future__ import annotations

import re
from signal import Signals
from typing import TYPE_CHECKING

import attrs

from frameworks.batch.fields import field, integer, items, made_by, number, one_of, text
from frameworks.batch.outcome import End, Outcome
from mesos_py.machine.values import Nanos, seconds

if TYPE_CHECKING:
    from random import Random

DAY_S = 86_400.0
JITTER = 0.1  # of a delay, both ways: tasks that failed together do not come back together

_WORDS = {
    "any": tuple(one for one in Outcome if one.is_failure), "failed": (Outcome.FAILED,),
    "timeout": (Outcome.TIMED_OUT,), "resources": (Outcome.EXHAUSTED,), "launch": (Outcome.NOT_RUN,),
}  # fmt: skip
_EXIT = re.compile(r"exit:(\d{1,3})(?:-(\d{1,3}))?", re.ASCII)
_SIGNAL = re.compile(r"signal(?::(SIG[A-Z0-9]{2,10}))?", re.ASCII)


@attrs.frozen
class Condition:
    """``any``, ``failed``, ``timeout``, ``resources``, ``launch``, ``exit:75``, ``exit:1-127``, ``signal:SIGSEGV``."""

    text: str

    @classmethod
    def of(cls, text: str) -> Condition:
        """Raises ValueError."""
        codes = _EXIT.fullmatch(text)
        if codes is not None and int(codes[1]) <= int(codes[2] or codes[1]) <= 255:
            return cls(text)
        by = _SIGNAL.fullmatch(text)
        if text in _WORDS or (by is not None and (by[1] is None or by[1] in Signals.__members__)):
            return cls(text)
        words = ", ".join(_WORDS)
        raise ValueError(f"'{text}' is no condition: {words}, exit:N, exit:N-M (0 to 255), signal or signal:SIGNAME")

    def holds(self, end: End) -> bool:
        if self.text in _WORDS:
            return end.outcome in _WORDS[self.text]
        if end.outcome is not Outcome.FAILED:
            return False
        codes = _EXIT.fullmatch(self.text)
        if codes is not None:
            return end.exit_code is not None and int(codes[1]) <= end.exit_code <= int(codes[2] or codes[1])
        signal = _SIGNAL.fullmatch(self.text)
        return signal is not None and end.signal is not None and signal[1] in (None, end.signal)

    def __str__(self) -> str:
        return self.text


_CONDITIONS = items(made_by(text(100), Condition.of), 100)


@attrs.frozen(kw_only=True)
class Retry:
    """How often, when and after what a failed task is run again."""

    max: int = field(integer(0, 1_000), 0, "How often a task that has failed is run again.")
    delay_s: float = field(number(0, DAY_S), 10.0, "How long it waits after its first failure, in seconds.")
    factor: float = field(number(1, 100), 2.0, "The next pause is so many times as long.")
    max_delay_s: float = field(number(0, DAY_S), 600.0, "But no longer than this.")
    on: tuple[Condition, ...] = field(
        _CONDITIONS, (Condition("any"),),
        "After which failures: any, failed, timeout, resources, launch, exit:N, exit:N-M, signal, signal:SIGNAME.",
    )  # fmt: skip
    never: tuple[Condition, ...] = field(_CONDITIONS, (), "After which not, whatever `on` says.")
    on_lost: str = field(
        one_of("retry", "fail"), "retry",
        "When nobody knows whether it has run: run it again (at least once), or count it as failed (at most once).",
    )  # fmt: skip

    def delay(self, failures: int, rng: Random) -> Nanos:
        """The pause after so many failures, about."""
        delay_s = self.delay_s * min(self.factor ** min(failures - 1, 100), 1e9)
        return seconds(min(delay_s, self.max_delay_s) * rng.uniform(1 - JITTER, 1 + JITTER))

    def again(self, end: End, failures: int) -> bool:
        """Whether the task is run again; ``failures``: with this one, if it is one."""
        if end.outcome is Outcome.LOST:
            return self.on_lost == "retry"
        if end.outcome is Outcome.PREEMPTED:
            return True
        if not end.outcome.is_failure or failures > self.max:
            return False
        return any(one.holds(end) for one in self.on) and not any(one.holds(end) for one in self.never)
