"""What is known about this master besides its state: who it is, since when, with which flags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from mesos_py.machine.values import Nanos
from mesos_py.wire.master import MasterInfo


@attrs.define(eq=False, kw_only=True)
class Context:
    """Changed by the shell alone: when this master is elected."""

    info: MasterInfo
    #: name -> text of every flag that is set
    flags: Mapping[str, str]
    started_ns: Nanos
    #: None: never elected
    elected_ns: Nanos | None = None
    #: the leading master, this one or another
    leader: MasterInfo | None = None

    def about(self) -> dict[str, Any]:
        """What a journal needs to know of it; the core knows the rest."""
        return {"flags": dict(self.flags), "started_ns": self.started_ns, "elected_ns": self.elected_ns}
