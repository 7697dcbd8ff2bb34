"""Who leads, as far as this master knows. Decides whether it answers, sends elsewhere or has to refuse."""

from __future__ import annotations

import attrs

from mesos_py.coordination import Elector
from mesos_py.coordination.introduction import name_of
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
    #: what this master leads by; None: it has not led yet, or has no rivals
    candidacy: Elector | None = None

    def is_held(self) -> bool:
        """Looks at the clock: nobody can have been elected after us, even if we were suspended and nobody told us."""
        return self.candidacy is None or self.candidacy.is_held

    @property
    def may_answer(self) -> bool:
        """What this master knows is what the leader knows."""
        return self.is_leading and self.is_held()

    def location(self, target: str = "") -> str | None:
        """Where the leader has ``target`` (a path and query), without a scheme; None: nobody leads."""
        if self.leader is None or not self.is_held():
            return None
        return f"//{name_of(self.leader)}{target}"
