"""How well a scheduler double behaves: what is drawn for it, and what each vice is called."""

from __future__ import annotations

import attrs

from mesos_py.machine.values import SECOND, Nanos


@attrs.frozen(kw_only=True)
class Behaviour:
    """How well it behaves; probabilities are per occasion."""

    #: tasks it wants to have under way
    target: int = 3
    #: between an offer and its answer, at most
    think: Nanos = SECOND
    refuse_s: float = 5.0
    #: an offer is neither accepted nor declined
    hoards: float = 0.0
    #: an update is not acknowledged; it will be said again
    forgets: float = 0.0
    #: never acknowledges until reformed
    never_acknowledges: bool = False
    #: accepts an offer although it was rescinded, or a second time
    stale: float = 0.0
    #: uses the id of a task that is under way
    reuses: float = 0.0
    #: a task is killed right after its launch was asked for
    regrets: float = 0.0
    #: a kill is said twice
    insists: float = 0.0
    #: between two kills of a running task, on average; None: it never kills
    kill_every_s: float | None = 60.0
    reconcile_every_s: float = 60.0
    #: a task uses an executor that is there already; groups have more than one task
    shares: float = 0.0
    #: an executor is told to shut down, or gets a message
    meddles: float = 0.0
    #: it makes calls it has no business to make
    hostile: float = 0.0
    #: its info changes
    changes: float = 0.0
    #: suppresses offers when it has what it wants, revives when not
    suppresses: bool = False
