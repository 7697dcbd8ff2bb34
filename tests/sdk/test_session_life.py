"""Who a framework is, and how its session finds its way back to a master, as stories."""

from __future__ import annotations

from mesos_py.sdk.errors import FailedOver, FrameworkRemoved, SubscriptionRefused
from mesos_py.sdk.session import words
from mesos_py.sdk.session.connecting import REDIRECTS_MAX, SUBSCRIBE_TIMEOUT_S
from mesos_py.sdk.session.phase import Phase
from mesos_py.wire.ids import TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.scheduler_api import Event as MasterEvent
from tests.sdk.world import (
    FRAMEWORK_ID,
    World,
    error,
    heartbeat,
    launch,
    subscribed,
)

Type = Call.Type


# ---- who we are


def test_the_id_is_kept_before_anybody_hears_of_it() -> None:
    """The write is in the frame of the first word said under the id, so the driver commits it first."""
    w = World()
    w.begin()
    assert w.asked[-1].call.framework_id is None
    frame = w.hear(subscribed())
    assert frame.writes == [words.Keep(("framework", ""), FRAMEWORK_ID.encode())]
    assert [event.type for event in w.take_told()] == [MasterEvent.Type.SUBSCRIBED]


def test_an_id_that_was_kept_is_used_again() -> None:
    """Started again, or subscribed again, it is the same framework; what is known already is not written again."""
    w = World()
    w.begin({("framework", ""): FRAMEWORK_ID.encode()})
    call = w.asked[-1].call
    assert call.framework_id == FRAMEWORK_ID and call.subscribe is not None
    assert call.subscribe.framework_info.id == FRAMEWORK_ID
    assert w.hear(subscribed()).writes == []


def test_a_task_of_which_nothing_can_be_read_is_asked_for() -> None:
    """Its record is called after it; the others are as they were."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t"))
    w.call(Type.ACCEPT, accept=launch("u"))
    again = World()
    frame = again.tell(words.Begun({**w.kept, ("task", "t"): w.kept["task", "t"][:4]}))
    assert [type(change) for change in frame.changes] == [words.Unreadable]
    again.tell(words.LeaderFound("m:5050"))
    again.hear(subscribed())
    (call,) = [call for call in again.calls if call.reconcile is not None]
    assert {(one.task_id, one.agent_id) for one in call.reconcile.tasks} == {("t", None), ("u", "a1")}


def test_removed_while_it_was_away() -> None:
    """An id that is not taken any more is forgotten, tasks are told as gone, and a new framework subscribes."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t"))
    again = World()
    again.begin(w.kept)
    again.hear(error("Framework has been removed"))
    assert [event.update.status.state.name for event in again.take_told() if event.update] == ["TASK_GONE"]
    assert again.asked[-1].call.framework_id is None
    again.hear(subscribed(framework_id=FRAMEWORK_ID))
    assert again.session.book[TaskID("t")].has_failed


def test_removed_after_being_away_for_longer_than_the_failover_timeout() -> None:
    """In one run, too: it was too late, and begins anew."""
    w = World(failover_timeout=100.0)
    w.subscribe()
    w.lose()
    w.wait(150.0)
    w.tell(words.LeaderFound("n:5050"))
    w.hear(error("Framework has been removed"))
    assert w.finished is None and w.asked[-1].call.framework_id is None


def test_torn_down_by_somebody() -> None:
    """Whoever was there is not meant to come back as another framework; the next start is one."""
    w = World()
    w.subscribe()
    w.lose()
    w.wait(1.0)
    w.hear(error("Framework has been removed"))
    assert w.finished is not None and isinstance(w.finished.error, FrameworkRemoved)
    assert ("framework", "") not in w.kept


def test_failed_over() -> None:
    """Another instance is the framework now: we neither answer nor come back."""
    w = World()
    w.subscribe()
    w.hear(error("Framework failed over"))
    w.wait(1_000.0)
    assert w.finished is not None and isinstance(w.finished.error, FailedOver)
    assert w.asked == [] and ("framework", "") in w.kept


def test_a_framework_that_is_not_taken() -> None:
    """The program ends with the master's words."""
    w = World()
    w.begin()
    w.hear(error("Not authorized to receive offers for role 'r'"))
    assert w.finished is not None and isinstance(w.finished.error, SubscriptionRefused)
    assert "Not authorized" in str(w.finished.error)


def test_tearing_down() -> None:
    """Asked for while no master listens, it is done when one does; then nothing is kept."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t"))
    w.tell(words.KeepAsked("k", b"v"))
    w.lose()
    w.take_calls()
    assert w.call(Type.TEARDOWN).reply is False
    w.wait(1.0)
    w.hear(subscribed())
    (call,) = w.take_calls()
    assert call.type is Type.TEARDOWN
    w.tell(words.CallTaken(call))
    assert w.finished == words.Finish(None) and w.kept == {}


def test_a_teardown_whose_answer_was_lost() -> None:
    """The next subscription tells that it was done."""
    w = World()
    w.subscribe()
    w.call(Type.TEARDOWN)
    w.call(Type.REVIVE)
    assert [call.type for call in w.take_calls()] == [Type.TEARDOWN], "after that there is nothing left to say"
    w.lose()
    w.wait(1.0)
    w.hear(error("Framework has been removed"))
    assert w.finished == words.Finish(None) and w.kept == {}


# ---- connections


def test_pauses_grow_up_to_a_bound() -> None:
    """Each attempt waits about twice as long as the one before, and never longer than half a minute."""
    w = World()
    w.begin()
    pauses = []
    for _ in range(15):
        (change,) = w.lose().changes
        pauses.append(change.again_s)
        w.wait(change.again_s)
    assert all(0.5 * 2**n * 0.1 <= pause <= 2**n * 0.1 for n, pause in enumerate(pauses[:8]))
    assert 15.0 <= pauses[-1] <= 30.0
    w.hear(subscribed())
    w.wait(1.0)
    (change,) = w.lose().changes
    assert change.again_s >= 15.0, "a subscription that breaks at once is no success"
    w.wait(30.0)
    w.hear(subscribed())
    w.wait(10.0)
    (change,) = w.lose().changes
    assert change.again_s <= 0.1


def test_a_new_leader_is_asked_at_once() -> None:
    """However long the pause would have been; what was said on the old connection does not count any more."""
    w = World()
    w.subscribe()
    old = w.session.peer
    w.tell(words.LeaderFound("n:5050"))
    assert [one.address for one in w.asked] == ["n:5050"] and w.closed == [old]
    w.hear(error("Framework failed over"), old)
    w.hear(subscribed())
    assert w.session.is_subscribed


def test_redirects_are_followed_but_not_for_ever() -> None:
    """Masters that keep sending us around are left alone for a while."""
    w = World()
    w.begin()
    for number in range(REDIRECTS_MAX):
        w.tell(words.SentElsewhere(f"n{number}:5050"), w.session.peer)
        assert w.asked[-1].address == f"n{number}:5050"
    w.tell(words.SentElsewhere("n:5050"), w.session.peer)
    assert w.session.phase is Phase.WAITING
    w.wait(1.0)
    assert w.asked[-1].address == "m:5050"


def test_a_master_that_names_itself() -> None:
    """It is asked again after a pause, and not at once."""
    w = World()
    w.begin()
    w.tell(words.SentElsewhere("m:5050"), w.session.peer)
    assert w.session.phase is Phase.WAITING and len(w.asked) == 1


def test_silence() -> None:
    """Five heartbeats that did not come end the connection; any word is a sign of life."""
    w = World()
    w.begin()
    w.hear(subscribed(heartbeat_s=2.0))
    for _ in range(20):
        w.wait(9.0)
        w.hear(heartbeat())
    assert w.closed == []
    w.wait(10.5)
    assert len(w.closed) == 1


def test_a_master_that_takes_the_connection_and_says_nothing() -> None:
    """It is given up like one that does not answer."""
    w = World()
    w.begin()
    w.wait(SUBSCRIBE_TIMEOUT_S + 0.01)
    assert len(w.closed) == 1 and w.session.phase is Phase.WAITING


def test_a_program_that_is_slow_is_not_a_master_that_is_silent() -> None:
    """While nothing is read, nothing is missed; afterwards the master has its time again."""
    w = World()
    w.subscribe()
    w.tell(words.ReadingPaused(), w.session.peer)
    w.wait(10_000.0)
    assert w.closed == []
    w.tell(words.ReadingResumed(), w.session.peer)
    w.wait(74.0)
    assert w.closed == []
    w.wait(2.0)
    assert len(w.closed) == 1


def test_calls_that_are_refused_because_the_connection_is_not_ours() -> None:
    """It is left, and subscribed anew."""
    w = World()
    w.subscribe()
    why = "The stream ID 'x' included in this request didn't match"
    w.tell(words.CallRefused(Call(type=Type.REVIVE), 400, why), w.session.peer)
    w.wait(0.2)
    assert len(w.asked) == 1
