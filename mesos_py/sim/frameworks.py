"""What the cluster, its faults and its judges need of a framework's scheduler, whether it is simulated or a program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from mesos_py.sim.book import Record
from mesos_py.wire.ids import FrameworkID, TaskID
from mesos_py.wire.scheduler_api import Call


class Framework(Protocol):
    """One framework, on a host of its own."""

    #: every task it ever asked for
    book: dict[TaskID, Record]
    #: texts of refusals, with how often
    refusals: dict[str, int]
    framework_id: FrameworkID | None
    #: its program runs
    is_up: bool
    #: whatever it still has is to be killed
    is_ending: bool

    @property
    def subscribed(self) -> bool: ...

    @property
    def is_probed(self) -> bool:
        """It has got through what it was to get through in the end."""

    def open_records(self) -> list[Record]:
        """Of tasks that are not known to have ended."""

    def start(self) -> None: ...

    def crash(self) -> None:
        """Everything but what it keeps is gone."""

    def forget_id(self) -> None:
        """It will be another framework to the master, and its tasks are not its any more."""

    def rival(self) -> None:
        """Another instance with the same book takes over."""

    def reform(self) -> None:
        """Nothing breaks any more, and it behaves."""

    def call(self, type_: Call.Type, payload: Mapping[str, Any] | None = None, **fields: Any) -> None: ...
