"""I6 as its checker sees it, write by write: what a deposed leader might try at the registry."""

from __future__ import annotations

import pytest

from mesos_py.coordination.ledger import Ledger
from mesos_py.coordination.zookeeper.client import BadVersion, Operation
from mesos_py.sim.checkers.writers import LEDGER, REGISTRY, Writers
from mesos_py.sim.observe import Violation
from mesos_py.sim.zookeeper.tree import Applied, Multi

RECORD: Operation = ("set", f"{REGISTRY}7f/agents:a", b"x", -1)


def write(writers: Writers, session: int, ledger: Ledger | None, *operations: Operation) -> None:
    """One request that was carried out."""
    ledgers = () if ledger is None else (("set", LEDGER, ledger.encode(), 1),)
    writers.written(session, Multi((("check", "/mesos/json.info_1", -1), *ledgers, *operations)), Applied(), 0)


@pytest.fixture
def writers() -> Writers:
    """Session 1 has led, session 2 has taken over."""
    made = Writers()
    write(made, 1, Ledger(epoch=1, owner="one"))
    write(made, 1, Ledger(epoch=1, owner="one", serial=1), RECORD)
    write(made, 2, Ledger(epoch=2, owner="two"))
    write(made, 2, Ledger(epoch=2, owner="two", serial=1), RECORD)
    return made


def test_the_next_one_may_take_over(writers: Writers) -> None:
    """Again and again."""
    write(writers, 1, Ledger(epoch=3, owner="one again"))
    write(writers, 1, Ledger(epoch=3, owner="one again", serial=1), RECORD)


@pytest.mark.parametrize(
    ("session", "ledger"),
    [
        (1, Ledger(epoch=1, owner="one", serial=2)),
        (1, Ledger(epoch=2, owner="one")),
        (1, Ledger(epoch=2, owner="two", serial=2)),
        (2, None),
    ],
    ids=["in its old epoch", "in another's epoch", "in another's name", "past the ledger"],
)
def test_what_is_found(writers: Writers, session: int, ledger: Ledger | None) -> None:
    """A record is written although somebody else has taken over, or without saying in whose name."""
    with pytest.raises(Violation, match="I6"):
        write(writers, session, ledger, RECORD)


def test_what_was_refused_is_no_write(writers: Writers) -> None:
    """The store has done its work."""
    old = Ledger(epoch=1, owner="one", serial=2)
    writers.written(1, Multi((("set", LEDGER, old.encode(), 1), RECORD)), Applied(BadVersion(LEDGER)), 0)
