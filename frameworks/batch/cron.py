"""Lines of a crontab: ``30 2 * * mon-fri``, in a time zone.

Five fields: minute, hour, day of month, month, day of week; lists, ranges, steps, English names, 7 for Sunday, and
``@hourly`` and its like. If both days are restricted either is enough, as in every cron since the Seventh Edition.

Daylight saving: a local time that does not exist is not a time, so that 02:30 is left out on the day that has none; of
a local time that exists twice only the first counts. Whoever says ``*`` for the hour means every hour that there is,
the repeated one included (Vixie cron's rule for wildcard jobs).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

import attrs

_MACROS = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_PART = re.compile(r"(\*|\w+)(?:-(\w+))?(?:/(\d{1,4}))?", re.ASCII)
_MINUTE = timedelta(minutes=1)
_DAYS_MAX = 366 * 9  # that are looked at: from one 29 February to the next it can be eight years


@attrs.frozen
class _Field:
    """Name, bounds, and names of values."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        values: set[int] = set()
        for part in text.lower().split(","):
            match = _PART.fullmatch(part)
            if match is None:
                raise ValueError(f"{self.name} '{part}' makes no sense")
            first, last, step = match[1], match[2], int(match[3] or 1)
            if step == 0:
                raise ValueError(f"{self.name} '{part}': a step must be 1 or more")
            if first == "*":
                if last is not None:
                    raise ValueError(f"{self.name} '{part}' makes no sense")
                begin, end = self.least, self.most
            else:
                begin = self._value(first, part)
                is_open = last is None and match[3] is not None  # 5/15: from 5 on
                end = self.most if is_open else self._value(last or first, part)
            if end < begin:
                raise ValueError(f"{self.name} '{part}' ends before it begins")
            values.update(range(begin, end + 1, step))
        return frozenset(values)

    def _value(self, text: str, part: str) -> int:
        if text in self.names:
            return self.names.index(text) + (self.least if self.least else 0)
        if not text.isdigit() or not self.least <= int(text) <= self.most:
            raise ValueError(f"{self.name} '{part}' must be {self.least} to {self.most}")
        return int(text)


_FIELDS = (
    _Field("minute", 0, 59), _Field("hour", 0, 23), _Field("day of month", 1, 31), _Field("month", 1, 12, _MONTHS),
    _Field("day of week", 0, 7, _DAYS),
)  # fmt: skip


@attrs.frozen
class Cron:
    """When; ``after`` says when next."""

    text: str
    zone: ZoneInfo
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    #: of the two kinds of days, either is enough
    is_either: bool
    #: every hour that there is
    is_every_hour: bool

    @classmethod
    def of(cls, text: str, zone: ZoneInfo) -> Self:
        """Raises ValueError, also for what is never."""
        line = _MACROS.get(text.strip().lower(), text)
        if line.startswith("@"):
            raise ValueError(f"'{text}' is not one of {', '.join(_MACROS)}")
        parts = line.split()
        if len(parts) != len(_FIELDS):
            raise ValueError(f"'{text}' has {len(parts)} fields instead of five: minute, hour, day, month, day of week")
        minutes, hours, days, months, weekdays = [one.parse(part) for one, part in zip(_FIELDS, parts, strict=True)]
        weekdays = frozenset(day % 7 for day in sorted(weekdays))
        made = cls(
            text, zone, minutes, hours, days, months, weekdays,
            is_either=not parts[2].startswith("*") and not parts[4].startswith("*"),
            is_every_hour=parts[1].startswith("*"),
        )  # fmt: skip
        if made.after(datetime(2000, 1, 1, tzinfo=UTC)) is None:
            raise ValueError(f"'{text}' is never: there is no such day")
        return made

    def after(self, moment: datetime) -> datetime | None:
        """The first time after ``moment``, in UTC; None: there is none. Walks by days, hours, minutes as it may."""
        at = moment.astimezone(UTC).replace(second=0, microsecond=0) + _MINUTE
        end = at + timedelta(days=_DAYS_MAX)
        while at < end:
            local = at.astimezone(self.zone)
            if not self._is_day(local):
                at = self._next_day(local, at)
            elif local.hour not in self.hours:
                at += timedelta(minutes=60 - local.minute)
            elif local.minute not in self.minutes or (local.fold and not self.is_every_hour):
                at += _MINUTE
            else:
                return at
        return None

    def _is_day(self, local: datetime) -> bool:
        if local.month not in self.months:
            return False
        is_day, is_weekday = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return is_day or is_weekday if self.is_either else is_day and is_weekday

    def _next_day(self, local: datetime, at: datetime) -> datetime:
        """Not later than the first minute of the next local day."""
        midnight = (local + timedelta(days=1)).replace(hour=0, minute=0, fold=0).astimezone(UTC)
        return max(midnight, at + _MINUTE)
