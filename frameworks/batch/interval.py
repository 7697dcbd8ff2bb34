"""Repeating intervals of ISO 8601: ``R5/2030-01-01T02:00:00Z/P1D`` is five times, daily from then on.

``R`` or ``R-1`` is for ever; without a start it begins when it is taken. The n-th time is the start and n periods, not
the time before and one: nothing drifts, and a month after 31 January is the end of February. Years, months, weeks and
days are those of the calendar in the zone; hours, minutes and seconds are exact.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

import attrs

_PERIOD = re.compile(
    r"P(?=\d|T\d)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=\d)(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9}(?:\.\d{1,3})?)S)?)?",
    re.ASCII,
)
TIMES_MAX = 10**12  # the calendar ends before
LEAST_S = 1.0  # between two times


@attrs.frozen
class Period:
    """``P1Y2M3W4DT5H6M7.5S``."""

    text: str
    months: int
    days: int
    exact: timedelta

    @property
    def about(self) -> timedelta:
        """Its length on average."""
        return timedelta(days=self.months * 365.2425 / 12 + self.days) + self.exact

    @classmethod
    def of(cls, text: str) -> Self:
        """Raises ValueError."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"'{text}' is no period such as P1D, PT15M or P1Y2M3DT4H5M6S")
        years, months, weeks, days, hours, minutes = (int(part or 0) for part in match.groups()[:6])
        exact = timedelta(hours=hours, minutes=minutes, seconds=float(match[7] or 0))
        made = cls(text, 12 * years + months, 7 * weeks + days, exact)
        if not made.months and not made.days and exact.total_seconds() < LEAST_S:
            raise ValueError(f"'{text}' is too short: {LEAST_S:g} second at least")
        return made


@attrs.frozen
class Interval:
    """When; ``after`` says when next."""

    text: str
    zone: ZoneInfo
    #: None: for ever
    times: int | None
    start: datetime
    period: Period

    @classmethod
    def of(cls, text: str, zone: ZoneInfo, now: datetime) -> Self:
        """``now`` is when it starts unless it says so. Raises ValueError."""
        parts = text.split("/")
        if len(parts) != 3 or not re.fullmatch(r"R(?:-1|\d{0,9})", parts[0], re.ASCII):
            example = "R5/2030-01-01T02:00Z/P1D"
            raise ValueError(f"Cannot parse schedule '{text}': it must be R[n]/start/period, as in {example}")
        times = None if parts[0] in ("R", "R-1") else int(parts[0][1:])
        start = now if not parts[1] else _moment(parts[1], zone)
        if start.year < 1970:
            raise ValueError(f"'{parts[1]}' is before 1970")
        return cls(text, zone, times, start.astimezone(zone), Period.of(parts[2]))

    def nth(self, number: int) -> datetime:
        """In UTC; the first is 0. Raises OverflowError, ValueError beyond the year 9999."""
        months = self.start.month - 1 + number * self.period.months
        year, month = self.start.year + months // 12, months % 12 + 1
        day = min(self.start.day, calendar.monthrange(year, month)[1])
        local = self.start.replace(year=year, month=month, day=day) + timedelta(days=number * self.period.days)
        return local.astimezone(UTC) + number * self.period.exact

    def after(self, moment: datetime) -> datetime | None:
        """The first time after ``moment``; None: there is none. Looked for around where it should be, by halving."""
        limit = TIMES_MAX if self.times is None else self.times
        low = high = min(max((moment - self.start) // self.period.about, 0), limit)
        step = 1
        while low > 0 and self._is_after(low - 1, moment):
            low, step = max(low - step, 0), 2 * step
        while high < limit and not self._is_after(high, moment):
            high, step = min(high + step, limit), 2 * step
        while low < high:  # all before low are not after, and high is after, or the limit
            middle = (low + high) // 2
            if self._is_after(middle, moment):
                high = middle
            else:
                low = middle + 1
        if low >= limit:
            return None
        try:
            return self.nth(low)
        except (OverflowError, ValueError):  # the calendar ends with the year 9999
            return None

    def _is_after(self, number: int, moment: datetime) -> bool:
        try:
            return self.nth(number) > moment
        except (OverflowError, ValueError):  # the calendar ends, and so do we
            return True


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is no time such as 2030-01-01T02:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
