"""The port behind which containers run: what the agent's core asks for and what it hears.

A container is one process with everything that descends from it, a sandbox directory and an environment. The core
says launch, signal, destroy; the containerizer answers with the events of ``mesos_py/agent/events.py``::

    launch --> ContainerLaunched --> ContainerExited          exactly one ContainerExited, when nothing is left of it
           \\-> ContainerLaunchFailed                          nothing was started, nothing follows
           \\-> ContainerExited                                destroyed before its process was started (fetching)
    ContainerLimited                                         it took more than it may, and is to be destroyed

Implementations: ``process.py`` (real processes below a supervisor), ``isolated.py`` around it, ``docker/``, and
``composing.py`` over several; ``scripted.py`` (tests and simulation).
Mesos: src/slave/containerizer/containerizer.hpp
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

import attrs

from mesos_py.agent.containerizer.rotation import LogBounds
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.stats import ResourceStatistics
from mesos_py.wire.value import Value

#: How ContainerLaunchFailed and DirectoryFailed begin when the sandbox could not be made for its user.
NO_SANDBOX = "Failed to create executor directory"


class NotStarted(Exception):
    """What was to run next to a container could not be started; the text says why."""


class NotAttached(Exception):
    """Nobody can be attached to what the container reads and writes; the text says why."""


class InputTaken(NotAttached):
    """Somebody else types."""


@attrs.frozen(kw_only=True)
class Lines:
    """Clients may attach to what a container reads and writes; those of a session are all that its words are for."""

    #: of its terminal; 0 and 0: it has pipes
    rows: int = 0
    columns: int = 0
    #: where a runtime hands over the terminal it has made; empty: it is made for it. Made by the containerizer
    console: str = ""

    @property
    def is_terminal(self) -> bool:
        return bool(self.rows and self.columns)


class Stream(enum.Enum):
    STDOUT = 1
    STDERR = 2


class Attachment(Protocol):
    """One client of a container's lines, for one direction. Whoever has it closes it."""

    #: the container has a terminal; only known of the side that types
    is_terminal: bool

    async def read(self) -> tuple[Stream, bytes] | None:
        """What it has written next, None once it has ended. Raises NotAttached when this client was cut off."""

    async def write(self, data: bytes) -> None:
        """Typed; nothing: no more follows (a terminal takes no notice). Waits while the container reads slowly."""

    async def resize(self, rows: int, columns: int) -> None:
        """Its terminal has this size."""

    async def ended(self) -> None:
        """Return once typing makes no sense any more."""

    def close(self) -> None: ...


@attrs.frozen(kw_only=True)
class ContainerSpec:
    """Everything needed to run one container."""

    container_id: str
    #: the container this one is nested in
    parent_id: str | None = None
    #: the running container that it joins: it is where that is, sees what that sees, and is not of its tree
    inside: str | None = None
    #: nobody can attach to it if there are none
    lines: Lines | None = None
    #: absolute path, below the agent's work directory; made if absent
    sandbox: str
    #: symbolic link beside the sandbox that is to point at it, as in ``.../runs/latest``
    latest_link: str | None = None
    #: as the process will see it, argv[0] included; at least one
    argv: tuple[str, ...]
    #: a path, or a name looked up in PATH of ``env``
    executable: str
    #: the complete environment; nothing is added
    env: Mapping[str, str]
    #: None: the agent's own; isolators make UID:GID of it, whoever that is on the host
    user: str | None = None
    #: fetched into the sandbox before the process is started
    uris: tuple[CommandInfo.URI, ...] = ()
    #: it outlives the agent; else it ends when the agent does, however that ends
    is_kept: bool = False
    container: ContainerInfo | None = None
    #: what was asked for; what an image says of its command is completed from it
    command: CommandInfo | None = None
    #: of the container in which this one is nested
    parent_sandbox: str | None = None
    #: of the executor at the root of its tree, for what is nested
    root_container: ContainerInfo | None = None
    #: what it is entitled to
    resources: tuple[Resource, ...] = ()
    #: what it may use at most, where that is not what it is entitled to; infinity: all there is
    limits: Mapping[str, Value.Scalar] = {}
    #: what its process does before it becomes the program: files and what to write to them; numbers of resources
    #: (setrlimit) and their soft and hard limit; "/" and where it has the host's files once more. Made by isolators
    setup: tuple[tuple[str, str], ...] = ()
    #: how much of what it says is kept; None: everything. Made by the containerizer
    logs: LogBounds | None = None
    #: the program is a runtime that starts the container's process, and writes its pid here; empty: it is the process
    pid_file: str = ""


@attrs.frozen(kw_only=True)
class KnownContainer:
    """A container that runs already when the agent starts."""

    container_id: str
    #: of its first process
    pid: int
    sandbox: str
    #: SIGTERM was sent to it
    is_signalled: bool = False
    #: the networks it has joined; none: it is in the host's
    network_infos: tuple[NetworkInfo, ...] = ()
    #: as in ContainerLaunched
    data: bytes | None = None


class Containerizer(Protocol):
    """Reports by calling the ``report`` it was made with; never raises for a task's fault, never blocks the loop."""

    def launch(self, spec: ContainerSpec) -> None:
        """Make the sandbox, fetch the URIs, start the process."""

    def signal(self, container_id: str, signum: int) -> None:
        """Send it to the whole process tree: children, other groups and sessions, orphans. Unknown ids are ignored."""

    def destroy(self, container_id: str) -> None:
        """SIGKILL until nothing is left; cancels a fetch. Unknown ids are ignored."""

    async def run_beside(self, spec: ContainerSpec) -> int | None:
        """Run ``spec`` next to the container of that id, which runs: where it is, with its limits, not of its tree.

        Both outputs go to the sandbox's stderr. Returns the wait(2) status once nothing is left, None when it is not
        known. Raises NotStarted. Nothing is left of it soon after this is cancelled, and after the end of the agent.
        """

    def network_of(self, container_id: str) -> str | None:
        """The path of its network namespace; None: it is in ours."""

    async def attach(self, container_id: str, *, types: bool) -> Attachment:
        """Hear what a container with lines writes from now on (all of it, of a session), or type what it reads.

        One client at a time types: InputTaken. Raises NotAttached.
        """

    def make_sandbox(self, container_id: str, path: str, latest_link: str | None, user: str | None) -> None:
        """A sandbox without a process: DirectoryFailed is said if it could not be made, nothing otherwise.

        Containers may be nested in it; ``destroy`` ends it.
        """

    def update(
        self, container_id: str, resources: tuple[Resource, ...], limits: Mapping[str, Value.Scalar]
    ) -> None:
        """The container's resources are now these; also said of every container that ran before the agent started."""

    async def usage(self, container_ids: Iterable[str]) -> dict[str, ResourceStatistics]:
        """What each container's whole tree uses now; ids that do not run are left out."""

    async def recover(self, expected: Collection[str] = ()) -> tuple[KnownContainer, ...]:
        """Get ready, and say what runs already.

        Exits that were never acknowledged are reported after this. So is an exit, with an unknown status, of each
        ``expected`` container that neither runs nor is known to have ended; nothing is left of it then.
        """

    def acknowledge(self, container_id: str) -> None:
        """Its exit is durably known and need not be told again."""

    async def close(self, *, keep: bool = False) -> None:
        """Destroy everything and end; with ``keep`` let containers run on for the next agent."""
