"""What a session hears besides the other side's events and the program's calls, and what it says. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesos_py.machine.frame import PeerID
from mesos_py.machine.values import value
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import TaskStatus

Key = tuple[str, str]
"""Kind and name of one record, as in ``coordination``."""

#: to whom words go that do not go to the master
CONNECTOR, PROGRAM = "connector", "program"

# ---- heard


@value
class Begun:
    """What earlier runs have kept has been read."""

    records: Mapping[Key, bytes]


@value
class LeaderFound:
    """HOST:PORT, or a URL, of the master that leads, as far as anybody can tell."""

    address: str


@value
class NotSubscribed:
    """An attempt has come to nothing: nobody answers, or not now."""

    why: str


@value
class SentElsewhere:
    """The master asked does not lead; None: it does not know who does."""

    address: str | None


@value
class SubscribeRefused:
    """The master answers, and will not have us."""

    why: str


@value
class CallRefused:
    """A call was answered with an error."""

    #: of either API
    call: Any
    #: of HTTP
    status: int
    text: str


@value
class CallTaken:
    """A call was taken."""

    call: Any


@value
class Handled:
    """The program has done what there is to do about an event it was given."""

    event: Any


@value
class OffersWanted:
    """Whether the program could use offers."""

    are_wanted: bool


@value
class ReadingPaused:
    """Nothing is read from the master until the program has caught up."""


@value
class ReadingResumed:
    """It has."""


@value
class KeepAsked:
    """The program wants a record of its own to survive; None: not any more."""

    name: str
    contents: bytes | None


@value
class ForgetAsked:
    """The program will never ask for this task again."""

    task_id: str


@value
class RetryDue:
    """A timer: the pause before the next attempt is over."""


@value
class SilenceDue:
    """A timer: the connection has been silent for too long."""


@value
class ReconcileDue:
    """A timer: the next questions about tasks are to be asked."""


@value
class KillsDue:
    """A timer: tasks that should have been killed by now are killed again."""


# ---- said


@value
class Subscribe:
    """To the connector: make the connection ``peer``; its events and its end are told under that name."""

    peer: PeerID
    address: str
    #: of either API
    call: Any


@value
class Deliver:
    """To the program, which says when it is ``Handled``."""

    event: Any


@value
class Finish:
    """To the program: there is nothing more to come; None: that is well."""

    error: Exception | None


# ---- kept


@value
class Keep:
    """A record that survives; None: it is not there any more."""

    key: Key
    contents: bytes | None


# ---- facts for the log


@value
class Connected:
    """The framework is subscribed."""

    framework_id: str
    address: str


@value
class Lost:
    """It is not subscribed any more, or not yet; the next attempt is ``again_s`` away, or waits for a leader."""

    why: str
    again_s: float | None


@value
class Unreadable:
    """What was kept of a task cannot be read: that it was asked for is all that is known."""

    task_id: TaskID
    why: str


@value
class Ended:
    """A task has ended."""

    status: TaskStatus
