"""What a container has used from its beginning to its end, and how the last status of its task says so.

Mesos' agents tell what a container uses while it runs (``/containers``, ResourceStatistics), and nothing once it has
ended. Ours put it into the labels of the update that ends a command task or a task in a group: there schedulers,
masters' ``/state`` and any other client find it, and whoever does not know them is not disturbed. Names are those of
ResourceStatistics where it has one. A status without them says nothing about usage: another agent, another
containerizer, another executor.
"""

from __future__ import annotations

from mesos_py.machine.values import value
from mesos_py.wire.task import TaskStatus
from mesos_py.wire.value import Label, Labels

USER, SYSTEM = "cpus_user_time_secs", "cpus_system_time_secs"
LARGEST, PEAK = "mem_max_rss_bytes", "mem_peak_bytes"


@value
class Usage:
    """All in all."""

    #: microseconds of CPU time
    user_us: int
    system_us: int
    #: most that was resident of any one of its processes; None: not known
    largest_bytes: int | None = None
    #: most of all of it together, as its cgroup counts it; None: it had none
    peak_bytes: int | None = None

    @staticmethod
    def reported(text: bytes) -> Usage | None:
        """By the supervisor: microseconds in user mode, in system mode, KiB or 0. None: it does not know."""
        numbers = [int(word) for word in text.split()]
        return Usage(numbers[0], numbers[1], numbers[2] * 1024 or None) if len(numbers) == 3 else None

    @property
    def labels(self) -> Labels:
        known: dict[str, str] = {USER: f"{self.user_us / 1e6:.6f}", SYSTEM: f"{self.system_us / 1e6:.6f}"}
        for key, amount in ((LARGEST, self.largest_bytes), (PEAK, self.peak_bytes)):
            if amount is not None:
                known[key] = str(amount)
        return Labels(labels=tuple([Label(key=key, value=text) for key, text in known.items()]))

    @staticmethod
    def of(status: TaskStatus) -> Usage | None:
        """None: it does not say."""
        labels = status.labels.labels if status.labels is not None else ()
        found = {label.key: label.value or "" for label in labels}
        try:
            user, system = (round(float(found[key]) * 1e6) for key in (USER, SYSTEM))
            largest, peak = (int(found[key]) if key in found else None for key in (LARGEST, PEAK))
        except (KeyError, ValueError, OverflowError):  # labels of somebody else
            return None
        return Usage(user, system, largest, peak)
