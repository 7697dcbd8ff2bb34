"""How the process ends that was not told to: Marathon's exit codes (.../core/base/CrashStrategy.scala)."""

from __future__ import annotations

from frameworks.marathon_py.shell.kept import FrameworkIdMissing
from frameworks.marathon_py.shell.plugins.loading import PluginFailed
from mesos_py.coordination import DetectionFailed, Fenced, NotReached, StoreFailed
from mesos_py.coordination.campaign import LeadershipLost
from mesos_py.sdk import FailedOver, FrameworkRemoved, SdkError

NO_ZOOKEEPER, ZOOKEEPER_LOST, PLUGIN, LEADERSHIP_LOST, FAULTY, GRACEFUL, MESOS, UNCAUGHT = range(100, 108)
FRAMEWORK_ID_MISSING, FRAMEWORK_REMOVED, NO_PORT, BAD_FLAG = 108, 110, 111, 112

SESSION_ENDED = "the session with ZooKeeper has ended"


class Ended(Exception):
    """The process ends with a text on stderr and an exit code."""

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


def why(error: Exception) -> Ended:
    """What has ended it, as whoever supervises it understands it; what it was not made for is a bug."""
    match error:
        case Fenced(__cause__=LeadershipLost() as lost) if SESSION_ENDED in str(lost):
            code = ZOOKEEPER_LOST
        case Fenced() | FailedOver():
            code = LEADERSHIP_LOST
        case NotReached() | DetectionFailed():
            code = NO_ZOOKEEPER
        case PluginFailed():
            code = PLUGIN
        case FrameworkIdMissing():
            code = FRAMEWORK_ID_MISSING
        case StoreFailed():
            code = FAULTY
        case FrameworkRemoved():
            code = FRAMEWORK_REMOVED
        case SdkError():
            code = MESOS
        case _:
            code = UNCAUGHT
    return Ended(f"{type(error).__name__}: {error}" if code == UNCAUGHT else str(error), code)
