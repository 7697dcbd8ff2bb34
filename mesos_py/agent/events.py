"""What happens to an agent from outside, other than messages of the master and calls of executors.

Events are past participles. The containerizer reports the first group, the link to the master the second, the shell
the rest. Messages of the master arrive as ``Event(type(message), message, peer)``, calls of executors with the class
of their payload as kind (``executor_api.Call.Subscribe`` and so on).
"""

from __future__ import annotations

from mesos_py.agent.containerizer import KnownContainer
from mesos_py.executor.targets import Found
from mesos_py.machine.frame import PeerID
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import Nanos, value
from mesos_py.wire.checkpoint import AgentState
from mesos_py.wire.network import NetworkInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import TaskStatus

# ---- the containerizer


@value
class ContainerLaunched:
    """The container's first process runs, or has run."""

    container_id: str
    #: None: it has ended already
    pid: int | None
    #: the networks it has joined; none: it is in the host's
    network_infos: tuple[NetworkInfo, ...] = ()
    #: for the status that says that the task runs; None: nothing
    data: bytes | None = None


@value
class ContainerLaunchFailed:
    """The container never ran; nothing is left of it but its sandbox, and no ContainerExited follows."""

    container_id: str
    message: str


@value
class ContainerExited:
    """Nothing of the container runs any more. Said exactly once for each ContainerLaunched."""

    container_id: str
    #: wait(2) status word of the first process, None when it is not known
    status: int | None
    #: what else is to be said of that; empty: nothing
    message: str = ""
    #: None: not known
    usage: Usage | None = None


@value
class ContainerLimited:
    """It took more than it may. Whoever hears this destroys it; its exit is reported after that, or follows anyway."""

    container_id: str
    reason: TaskStatus.Reason
    message: str
    #: what it had taken
    resources: tuple[Resource, ...] = ()


@value
class DirectoryFailed:
    """The sandbox of an executor without a process of its own could not be made."""

    container_id: str
    message: str


ContainerEvent = ContainerLaunched | ContainerLaunchFailed | ContainerExited | ContainerLimited | DirectoryFailed


# ---- the shell, about a container


@value
class Probed:
    """A check of the task in this container was made; said once for each words.Probe, unless the container is gone."""

    container_id: str
    #: which of its checks
    what: str
    found: Found


# ---- the link to the master


@value
class MasterConnected:
    """There is a connection to the leading master; nothing was said on it yet."""

    peer: PeerID
    #: "host:port"
    address: str


@value
class MasterLost:
    """The connection has ended."""

    peer: PeerID


# ---- the shell


@value
class ExecutorDisconnected:
    """The event stream of an executor has ended."""

    peer: PeerID


@value
class AskerGone:
    """Whoever asked for a container over the API has gone, or needs no answer any more."""

    peer: PeerID


@value
class DiskMeasured:
    """How full the file system with the work_dir is."""

    #: 0..1
    used: float


@value
class PathsRemoved:
    """Garbage collection of paths has ended."""

    succeeded: int
    failed: int


@value
class RoomChanged:
    """Whether there is space to keep facts in: without, those before the last word wait to be kept."""

    has_room: bool


@value
class FoundSandbox:
    """One that was there when the agent was started."""

    path: str
    agent_id: str
    framework_id: str
    executor_id: str
    #: when it was changed last
    modified: Nanos


@value
class SandboxesFound:
    """Some of them, the one changed last at the end."""

    sandboxes: tuple[FoundSandbox, ...]


@value
class StopRequested:
    """The agent is to end. Executors are left running unless ``unregister``, which gives them up for good."""

    unregister: bool


@value
class Recovered:
    """What a former run of this agent left behind has been looked at; the agent may speak."""

    #: that still run; of those ``recovery.expected`` that do not, an exit is reported after this
    containers: tuple[KnownContainer, ...] = ()
    #: what the former run knew and what is true still (``recovery.settled``)
    state: AgentState = AgentState()
    #: so many things it kept could not be read, and are left out
    errors: int = 0
