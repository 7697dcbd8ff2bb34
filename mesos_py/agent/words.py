"""What an agent's core says to its own rim: to the containerizer, the disk, the files endpoints and the process.

They leave through the same frame as words to the master, so they too wait until the facts before them are durable:
a task is never launched that a restarted agent would not know of. The peers are constants; no connection has such a
name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from mesos_py.agent import paths
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.executor.targets import Http, Tcp
from mesos_py.machine.frame import PeerID
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.ids import ExecutorID, FrameworkID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value

CONTAINERS: Final[PeerID] = ":containers"
DISK: Final[PeerID] = ":disk"
PROCESS: Final[PeerID] = ":process"


@value
class LaunchContainer:
    """Answered by ContainerLaunched or ContainerLaunchFailed."""

    spec: ContainerSpec


@value
class WithdrawLaunch:
    """A LaunchContainer that waits for what must be kept before it is to fail. Passes that barrier (volatile)."""

    container_id: str
    why: str


@value
class SignalContainer:
    container_id: str
    signum: int


@value
class DestroyContainer:
    container_id: str


@value
class UpdateContainer:
    """The container's resources and limits are now these."""

    container_id: str
    resources: tuple[Resource, ...]
    limits: Mapping[str, Value.Scalar]


@value
class Probe:
    """Look whether the task in this container does what it should. Answered by Probed, unless the container goes."""

    container_id: str
    #: which of its checks; one probe of a name is under way at a time
    what: str
    #: a command is a container of its own next to this one
    target: ContainerSpec | Http | Tcp
    #: None: for as long as it takes
    timeout: Nanos | None


@value
class AcknowledgeExit:
    """The exit is durably known."""

    container_id: str


@value
class Done:
    """What was asked for over the container API has been done; said to the peer that stands for that call."""

    #: it was so before
    already: bool = False
    #: a sandbox nobody knows any more, to be removed by whoever hears this
    remove: str | None = None


@value
class MakeSandbox:
    """Make an executor's sandbox that no process of its own lives in. Answered by DirectoryFailed, or not at all."""

    container_id: str
    path: str
    #: symbolic link to (re)point at ``path``
    latest_link: str
    user: str | None


@value
class LinkTask:
    """``tasks/<task>`` in the executor's sandbox leads to the sandbox of the task's container."""

    sandbox: str
    task_id: TaskID
    container_id: str


@value
class AttachSandbox:
    """The sandbox can be read through the files endpoints under its real path and these."""

    path: str
    latest: str
    virtual: str


@value
class DetachSandbox:
    """Undo AttachSandbox; names that lead to another run by now stay."""

    path: str
    latest: str
    virtual: str


def detach(sandbox: str, framework_id: FrameworkID, executor_id: ExecutorID) -> DetachSandbox:
    """Undo what AttachSandbox did for this run."""
    return DetachSandbox(sandbox, paths.latest_link(sandbox), paths.virtual_path(framework_id, executor_id))


@value
class TouchSandbox:
    """It counts as changed now: its age begins."""

    path: str


@value
class MeasureDisk:
    """Answered by DiskMeasured."""


@value
class RemovePaths:
    """Remove these directories, and parents that become empty. Answered by PathsRemoved."""

    paths: tuple[str, ...]


@value
class Exit:
    """Nothing is left to do: end the process. ``problem`` is None when all is well."""

    problem: str | None
