"""What becomes of a simulated container is written in its command.

A scenario reads as what it does, and a scheduler needs no back door to the machines its tasks run on::

    fate run=30 exit=1            runs for 30 virtual seconds, exits with 1
    fate launch=5 ignores=15      takes 5 seconds to start, runs until it is killed, by SIGKILL alone
    fate fail=1                   cannot be started
    fate sick=20                  its checks fail from 20 seconds after its start on
    fate executor=1 silent=1      a custom executor that never subscribes (executors.py reads the rest)
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs


@attrs.frozen(kw_only=True)
class Fate:
    """What becomes of one container; durations in seconds."""

    #: whose it is, for whoever looks at the host
    task: str = ""
    #: from being asked to running
    launch: float = 0.1
    #: None: until it is killed
    run: float | None = None
    #: exit code after ``run``
    exit: int = 0
    #: the one signal it takes no notice of
    ignores: int = 0
    #: it cannot be started
    fail: int = 0
    #: seconds after its start from which its checks fail; None: it is not checked
    sick: float | None = None
    #: it was launched over the API of its agent (guests.py)
    guest: int = 0
    #: it is a custom executor
    executor: int = 0
    #: an executor that never subscribes
    silent: int = 0
    #: an executor that says how each task ended twice, the second time with another uuid
    twice: int = 0
    #: an executor that does not end when it has nothing left to do
    stays: int = 0
    #: seconds between its reconnections, None: its stream stays
    flaky: float | None = None

    def command(self) -> str:
        """As a command's value."""
        default = Fate()
        words = [
            f"{field.name}={getattr(self, field.name)}"
            for field in attrs.fields(Fate)
            if getattr(self, field.name) != getattr(default, field.name)
        ]
        return " ".join(("fate", *words))

    @staticmethod
    def of(command: str) -> Fate:
        """Raises ValueError for anything that ``command`` does not write."""
        first, *words = command.split()
        if first != "fate":
            raise ValueError(f"not a fate: {command!r}")
        given: dict[str, Any] = {}
        for word in words:
            name, _, text = word.partition("=")
            given[name] = text if name == "task" else int(text) if text.isdigit() else float(text)
        return Fate(**given)


class Program(Protocol):
    """A custom executor that runs in a container."""

    def kill(self) -> None:
        """It is gone at once."""

    def tasks(self) -> tuple[str, ...]:
        """What it runs now."""
