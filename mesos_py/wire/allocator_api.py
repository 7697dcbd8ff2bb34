"""What frameworks answered to inverse offers.

Mesos: include/mesos/v1/allocator/allocator.proto.
"""

from __future__ import annotations

from mesos_py.wire.ids import FrameworkID
from mesos_py.wire.schema import WireEnum, message, req
from mesos_py.wire.value import TimeInfo


@message
class InverseOfferStatus:
    """A framework's latest answer to an inverse offer."""

    class Status(WireEnum):
        """What the framework said; other than elsewhere UNKNOWN is 1."""

        UNKNOWN = 1
        ACCEPT = 2
        DECLINE = 3

    status: Status = req(1)
    framework_id: FrameworkID = req(2)
    timestamp: TimeInfo = req(3)
