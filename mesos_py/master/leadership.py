"""Who leads, as far as this master knows. Decides whether it answers, sends elsewhere or has to refuse."""

from __future__ import annotations

import attrs

from mesos_py.wire.master import MasterInfo


@attrs.define(eq=False)
class Leadership:
    """Changed by whoever elects or detects; read at every request."""

    #: this master is elected
    is_leading: bool = False
    #: the registry has been read: calls are answered
    is_recovered: bool = False
    #: the elected master, this one or another; None: nobody is known to lead
    leader: MasterInfo | None = None

    def location(self, target: str = "") -> str | None:
        """Where the leader has ``target`` (a path and query), without a scheme; None: nobody leads."""
        if self.leader is None:
            return None
        return f"//{self.leader.hostname}:{self.leader.port}{target}"
