"""What Marathon hears besides the events of its master, what it says, keeps and tells. Pure values.

Requests are answered with ``Started`` or what their docstring names, or with ``Refused``, which has changed nothing.
Facts are told after what they say is kept; they carry all that an event shows, since things go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.groups import GroupUpdate
from frameworks.marathon_py.definitions.legacy import Given
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from mesos_py.machine.values import value
from mesos_py.sdk.session import behind
from mesos_py.wire.ids import AgentID, TaskID

# as every core behind a session
SCHEDULER = behind.SESSION
NotSaid = behind.NotSaid
Forget = behind.Forget
Kept = behind.Kept

PROBER = "prober"
"""To whom ``Probe`` goes."""

FRAMEWORK = "framework"
"""To whom ``Roles`` goes."""

# ---- answers


@value
class Started:
    """The change was made. ``version`` is that of the new root; a deployment without steps has ended already."""

    version: str
    deployment_id: str
    #: ids that did not exist before
    created: tuple[PathId, ...] = ()


@value
class Refused:
    """Nothing has changed. ``status`` is that of HTTP; texts are Marathon's."""

    status: int
    message: str
    details: tuple[Violation, ...] = ()
    #: of a 409: the deployments that are in the way
    deployments: tuple[str, ...] = ()


# ---- heard: life


@value
class Begun:
    """What earlier runs have kept was read."""

    records: Mapping[str, bytes]
    #: tasks that were asked for and are not known to have ended, and where; what is not here was never asked for
    tasks: Mapping[TaskID, AgentID | None]


@value
class Source:
    """Who has asked, for events."""

    client_ip: str
    uri: str


# ---- heard: requests about definitions. ``force``: deployments in the way are cancelled


@value
class CreateApp:
    """Reply: ``Started``. ``given`` is today's form (``legacy.translate``)."""

    given: Given
    force: bool = False
    by: Source | None = None


@value
class PutApps:
    """All in one deployment, each with its id. ``partial``: what is not given stays as it was."""

    given: tuple[Given, ...]
    partial: bool = True
    #: PATCH: what does not exist is refused with 404 instead of created
    must_exist: bool = False
    force: bool = False
    by: Source | None = None


@value
class RestartApp:
    """All of its instances, or all of a pod's, are replaced."""

    id: PathId
    force: bool = False


@value
class DeleteApp:
    id: PathId
    force: bool = True


@value
class PutGroup:
    """``must_be_new``: POST. ``dry_run``: nothing changes, and the reply is a ``deployments.plan.Plan``."""

    id: PathId
    update: GroupUpdate
    must_be_new: bool = False
    dry_run: bool = False
    force: bool = False


@value
class DeleteGroup:
    """With everything in it; the root stays, empty."""

    id: PathId
    force: bool = False


@value
class EnforceRole:
    """Of a top-level group. Reply: None; there is no deployment."""

    id: PathId
    enforce: bool


@value
class PutPod:
    """``given`` is not completed yet. ``must_be_new``: POST, else it must exist."""

    given: Pod
    must_be_new: bool = False
    force: bool = False
    by: Source | None = None


@value
class DeletePod:
    id: PathId
    force: bool = False
    by: Source | None = None


# ---- heard: other requests


@value
class KillInstances:
    """``scale``: their specs have so many fewer; reply ``Started``. ``wipe``: their data goes, too. Without either they
    are launched again. Reply otherwise: the ids of those that there are, in order; the others are ignored."""

    ids: tuple[str, ...]
    scale: bool = False
    wipe: bool = False
    force: bool = False


@value
class CancelDeployment:
    """``force``: it stops where it is, and the reply is None; else what it changed is changed back: ``Started``."""

    id: str
    force: bool = False


@value
class Continue:
    """A deployment that waits after its canaries goes on. Reply: None."""

    id: str


@value
class ClearDelay:
    """What waits after a failure may be launched now. Reply: None."""

    id: PathId


# ---- probes


@value
class Probe:
    """Ask now, over HTTP, HTTPS or TCP, and tell ``Probed``. Volatile: it is lost with the process."""

    instance_id: str
    incarnation: int
    #: "health" or "readiness", and which of them
    kind: str
    index: int
    protocol: str
    host: str
    port: int
    path: str
    timeout_s: float


@value
class Probed:
    """What came of a ``Probe``."""

    probe: Probe
    #: why it has failed; "": it has not
    cause: str = ""
    #: HTTP status, if there was an answer, its type and its body (of readiness checks that keep it)
    status: int | None = None
    content_type: str = ""
    body: str = ""


# ---- said


@value
class Roles:
    """The master is to know us in these, before what is said next; in some of them nothing is wanted yet."""

    roles: tuple[str, ...]
    suppressed: tuple[str, ...]


# ---- told


@value
class AppPosted:
    """``app`` as clients see it."""

    by: Source
    app: Mapping[str, Any]


@value
class PodPosted:
    """``what``: created, updated or deleted."""

    what: str
    by: Source


@value
class GroupChanged:
    """``reason`` None: accepted, otherwise why not."""

    group_id: PathId
    version: str
    reason: str | None = None


@value
class DeploymentChanged:
    """``what``: info (a step is about to run), step_success, step_failure, success, failed. Plan and step as JSON."""

    what: str
    id: str
    plan: Mapping[str, Any]
    step: Mapping[str, Any] | None = None
    reason: str | None = None


@value
class TaskChanged:
    """One task has another state, as Mesos calls it."""

    task_id: str
    spec_id: PathId
    agent_id: str
    hostname: str
    state: str
    message: str
    ip_addresses: tuple[tuple[str, str], ...]
    ports: tuple[int, ...]
    version: str


@value
class InstanceChanged:
    instance_id: str
    spec_id: PathId
    version: str
    condition: str
    goal: str
    agent_id: str
    hostname: str


@value
class InstanceHealthChanged:
    instance_id: str
    spec_id: PathId
    version: str
    healthy: bool | None


@value
class CheckFlipped:
    """One health check of an instance, run by Marathon, says something else than before."""

    instance_id: str
    spec_id: PathId
    version: str
    alive: bool


@value
class CheckFailed:
    """``check`` as clients see it."""

    instance_id: str
    spec_id: PathId
    check: Mapping[str, Any]


@value
class UnhealthyKilled:
    instance_id: str
    task_id: str
    spec_id: PathId
    version: str
    reason: str
    agent_id: str
    hostname: str


@value
class CheckAdded:
    """``version`` None: removed."""

    spec_id: PathId
    version: str | None
    check: Mapping[str, Any]


@value
class StrangerEnded:
    """A task that is none of ours has ended, or is out of reach."""

    instance_id: str
    spec_id: PathId
    condition: str


@value
class SpecGone:
    """An app, or a pod, is removed completely."""

    spec_id: PathId


@value
class MessageHeard:
    """Heard, too: of the executor's message, as it comes."""

    agent_id: str
    executor_id: str
    data: bytes


@value
class Connection:
    """``what``: registered, reregistered or disconnected. Heard, too, when it happens."""

    what: str
    framework_id: str = ""
    master: str = ""
    #: where the master is; None: nobody has said
    region: str | None = None
