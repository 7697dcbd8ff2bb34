"""A task that runs and is checked, by either executor, on a host that remembers."""

from __future__ import annotations

from typing import Any

from mesos_py.executor.command import CommandExecutor
from mesos_py.executor.default import DefaultExecutor
from mesos_py.executor.targets import Found, Target
from mesos_py.machine.values import seconds
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.task import TaskInfo, TaskStatus
from tests.executor.recorder import Recorder

GOOD, BAD, LATE, NOBODY_KNOWS = Found(0), Found(1 << 8), Found(error="timed out after 20secs"), Found()


def health(**fields: Any) -> HealthCheck:
    given: dict[str, Any] = {
        "type": HealthCheck.Type.COMMAND, "command": CommandInfo(value="true"), "delay_seconds": 0.0,
        "interval_seconds": 1.0, "grace_period_seconds": 0.0,
    }  # fmt: skip
    return HealthCheck(**(given | fields))


def check(kind: str = "COMMAND", **fields: Any) -> CheckInfo:
    aims: dict[str, dict[str, Any]] = {
        "COMMAND": {"command": CheckInfo.Command(command=CommandInfo(value="true"))},
        "HTTP": {"http": CheckInfo.Http(port=80, path="/x")},
        "TCP": {"tcp": CheckInfo.Tcp(port=80)},
    }
    given: dict[str, Any] = {"type": CheckInfo.Type[kind], "delay_seconds": 0.0, "interval_seconds": 1.0}
    return CheckInfo(**(given | aims[kind] | fields))


class Checked:
    """One task that runs, by either executor, and answers to its probes."""

    def __init__(self, kind: str, info: TaskInfo, *, takes_killing: bool = True) -> None:
        self.info, self.host = info, Recorder(takes_killing=takes_killing)
        self.executor: CommandExecutor | DefaultExecutor
        if kind == "command":
            self.executor = CommandExecutor("c", info)
            self.executor.started(self.host)
        else:
            self.executor = DefaultExecutor()
            self.executor.launch_group(self.host, (info,), ("c",))
            self.executor.launched(self.host, "c")

    def advance(self, amount_s: float) -> list[tuple[str, str, Target, int | None]]:
        """Time passes; the probes asked for meanwhile."""
        self.host.advance(self.executor, seconds(amount_s))
        asked, self.host.probes = self.host.probes, []
        return asked

    def found(self, what: str, found: Found) -> None:
        self.executor.probed(self.host, "c", what, found)

    def kill(self) -> None:
        if isinstance(self.executor, CommandExecutor):
            self.executor.kill(self.host)
        else:
            self.executor.kill(self.host, self.info.task_id)

    def rounds(self, what: str, *results: Found) -> None:
        """A probe a second, each answered at once."""
        for result in results:
            assert [one[1] for one in self.advance(1)] == [what]
            self.found(what, result)

    @property
    def statuses(self) -> list[TaskStatus]:
        """Since it runs."""
        return self.host.statuses["t"][2:]

    @property
    def is_killed(self) -> bool:
        return ("signal 15", "c") in self.host.asked
