"""Offers and tasks in a framework's session: what is written down, acknowledged, asked for and killed again."""

from __future__ import annotations

from mesos_py.sdk.session import words
from mesos_py.sdk.session.book import Task
from mesos_py.sdk.session.core import Habits
from mesos_py.wire.ids import OfferID, TaskID
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState
from tests.sdk.world import (
    A1,
    World,
    launch,
    offers,
    repeated,
    rescind,
    subscribed,
    update,
)

Type = Call.Type
U1, U2 = b"1" * 16, b"2" * 16


# ---- offers


def test_offers_are_void_without_their_connection() -> None:
    """The program is told of each that is outstanding."""
    w = World()
    w.subscribe()
    w.hear(offers("o1", "o2", "o3"))
    w.hear(rescind("o1"))
    w.call(Type.DECLINE, decline=Call.Decline(offer_ids=(OfferID("o2"),)))
    w.take_told()
    w.lose()
    assert [event.rescind.offer_id for event in w.take_told() if event.rescind] == ["o3"]
    assert w.session.offers == {}


def test_whether_offers_are_wanted_outlives_the_connection() -> None:
    """Said once, and said to the next master with the subscription."""
    w = World()
    w.subscribe()
    w.tell(words.OffersWanted(False))
    w.tell(words.OffersWanted(False))
    assert [call.type for call in w.take_calls()] == [Type.SUPPRESS]
    w.lose()
    w.wait(1.0)
    subscribe = w.asked[-1].call.subscribe
    assert subscribe is not None and subscribe.suppressed_roles == ("r",)
    w.hear(subscribed())
    w.take_calls()
    w.tell(words.OffersWanted(True))
    assert [call.type for call in w.take_calls()] == [Type.REVIVE]


def test_whether_offers_are_wanted_may_change_while_the_subscription_is_made() -> None:
    """The subscription has said otherwise already, and the master learns as soon as it listens."""
    w = World()
    w.session.suppressed = {"r": None}
    w.begin({})
    assert w.asked[-1].call.subscribe is not None and w.asked[-1].call.subscribe.suppressed_roles == ("r",)
    w.tell(words.OffersWanted(True))
    w.hear(subscribed())
    assert [call.type for call in w.take_calls()][:1] == [Type.REVIVE]
    w.lose()
    w.wait(1.0)
    w.tell(words.OffersWanted(False))
    w.hear(subscribed())
    assert [call.type for call in w.take_calls()][:1] == [Type.SUPPRESS]


# ---- tasks


def test_a_launch_is_written_down_before_it_is_said() -> None:
    """The write is in the frame of the call; started again, the task is known and asked for."""
    w = World()
    w.subscribe()
    frame = w.call(Type.ACCEPT, accept=launch("t1", "t2"))
    assert [write.key for write in frame.writes] == [("task", "t1"), ("task", "t2")] and frame.reply is True
    again = World()
    again.begin(w.kept)
    again.hear(subscribed())
    (call,) = again.take_calls(Type.RECONCILE)
    tasks = tuple(Call.Reconcile.Task(task_id=TaskID(name), agent_id=A1) for name in ("t1", "t2"))
    assert call.reconcile == Call.Reconcile(tasks=tasks)


def test_a_launch_that_nobody_would_hear_is_not_written_down() -> None:
    """The program learns that it was not said."""
    w = World()
    w.subscribe()
    w.lose()
    frame = w.call(Type.ACCEPT, accept=launch("t1"))
    assert (frame.reply, frame.writes, w.take_calls()) == (False, [], [])


def test_an_update_is_acknowledged_when_it_was_handled() -> None:
    """Not before; and what comes again meanwhile, or afterwards, is told to nobody."""
    w = World()
    w.subscribe()
    event = update("t", "FINISHED", U1)
    w.hear(event)
    w.hear(event)
    assert w.take_told() == [event] and w.take_calls() == []
    frame = w.tell(words.Handled(event))
    assert [write.key for write in frame.writes] == [("task", "t")], "an end survives before it is acknowledged"
    (call,) = w.take_calls()
    assert call.acknowledge == Call.Acknowledge(agent_id=A1, task_id=TaskID("t"), uuid=U1)
    w.hear(event)
    assert w.take_told() == [] and [call.type for call in w.take_calls()] == [Type.ACKNOWLEDGE]


def test_an_end_that_was_handled_is_known_to_the_next_run() -> None:
    """If its acknowledgement was lost, it is acknowledged again, and nobody is told."""
    w = World()
    w.subscribe()
    event = update("t", "FINISHED", U1)
    w.hear(event)
    w.tell(words.Handled(event))
    again = World()
    again.subscribe(w.kept)
    assert again.session.book[TaskID("t")].has_finished
    again.hear(event)
    assert again.take_told() == []
    assert [call.type for call in again.take_calls()] == [Type.ACKNOWLEDGE]


def test_an_end_that_the_program_has_died_of_is_told_to_the_next_run() -> None:
    """What was not handled was not kept."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t"))
    w.hear(update("t", "FINISHED", U1))
    again = World()
    again.subscribe(w.kept)
    assert list(again.session.book.open) == ["t"]
    again.hear(update("t", "FINISHED", U1))
    assert len(again.take_told()) == 1


def test_nothing_changes_how_a_task_has_ended() -> None:
    """A second end is acknowledged, and what the master does not know any more is not told."""
    w = World()
    w.subscribe()
    w.hear(update("t", "FINISHED", U1))
    w.take_told()
    w.hear(update("t", "FAILED", U2))
    w.hear(update("t", "UNKNOWN"))
    assert w.take_told() == [] and len(w.take_calls(Type.ACKNOWLEDGE)) == 1
    assert w.session.book[TaskID("t")].has_finished


def test_a_task_that_was_taken_for_lost_may_be_back() -> None:
    """What the master only believed is corrected by what an agent says."""
    w = World()
    w.subscribe()
    w.hear(update("t", "RUNNING", U1))
    w.hear(update("t", "UNREACHABLE"))
    w.hear(update("t", "GONE"))
    w.hear(update("t", "GONE"))
    w.hear(update("t", "RUNNING"))
    states = [event.update.status.state.name[5:] for event in w.take_told() if event.update]
    assert states == ["RUNNING", "UNREACHABLE", "GONE", "RUNNING"]
    assert list(w.session.book.open) == ["t"]


def test_an_end_that_the_master_repeats() -> None:
    """Whoever ran the task tells it better, if they are there; if not, the master is asked again and believed."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t1", "t2"))
    w.lose()
    w.wait(0.2)
    w.hear(subscribed(heartbeat_s=1e6))
    w.take_told()
    w.hear(repeated("t1", "FINISHED"))
    w.hear(repeated("t2", "FINISHED"))
    assert w.take_told() == []
    w.hear(update("t1", "FINISHED", U1))
    w.take_calls()
    w.wait(1.5)
    (call,) = w.take_calls(Type.RECONCILE)
    assert call.reconcile is not None and [task.task_id for task in call.reconcile.tasks] == ["t2"]
    w.hear(repeated("t2", "FINISHED"))
    told = [(event.update.status.task_id, event.update.status.uuid) for event in w.take_told() if event.update]
    assert told == [("t1", U1), ("t2", None)]


def test_tasks_are_asked_for_until_each_was_answered_for() -> None:
    """Twice as late each time; then, once, for whatever else there is; and again after a while."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t1", "t2"))
    w.lose()
    w.wait(0.2)
    w.hear(subscribed(heartbeat_s=1e6))
    w.hear(update("t1", "RUNNING"))
    assert len(w.take_calls(Type.RECONCILE)) == 1
    w.wait(30.0)
    calls = [call.reconcile for call in w.take_calls(Type.RECONCILE)]
    assert [[task.task_id for task in call.tasks] for call in calls if call] == [["t2"]] * 4
    w.hear(update("t2", "STAGING"))
    w.wait(60.0)
    assert [call.reconcile for call in w.take_calls(Type.RECONCILE)] == [Call.Reconcile()]
    w.wait(1_000.0)
    last = w.take_calls(Type.RECONCILE)[0].reconcile
    assert last is not None and len(last.tasks) == 2


def test_a_task_that_is_to_be_killed_is_killed_until_it_has_ended() -> None:
    """By whatever master, and by the same one again."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t"))
    w.take_calls()
    w.lose()
    w.call(Type.KILL, kill=Call.Kill(task_id=TaskID("t")))
    w.wait(0.2)
    w.hear(subscribed(heartbeat_s=1e6))
    assert len(w.take_calls(Type.KILL)) == 1
    w.wait(61.0)
    assert len(w.take_calls(Type.KILL)) == 2
    w.hear(update("t", "KILLED", U1))
    w.wait(100.0)
    assert w.take_calls(Type.KILL) == []


def test_by_hand() -> None:
    """A program that acknowledges and reconciles itself is not helped, and hears again what it has not acknowledged."""
    w = World(habits=Habits(acknowledges=False, reconciles=False))
    w.begin()
    w.hear(subscribed())
    event = update("t", "RUNNING", U1)
    for _ in range(2):
        w.hear(event)
        w.tell(words.Handled(event))
    assert w.take_calls() == [] and [one.update for one in w.take_told() if one.update] == [event.update] * 2
    w.call(Type.ACKNOWLEDGE, acknowledge=Call.Acknowledge(agent_id=A1, task_id=TaskID("t"), uuid=U1))
    assert [call.type for call in w.take_calls()] == [Type.ACKNOWLEDGE]
    end = update("t", "FINISHED", U2)
    for _ in range(2):
        w.hear(end)
        w.tell(words.Handled(end))
    assert w.take_calls() == [] and [one.update for one in w.take_told() if one.update] == [end.update] * 2
    again = World(habits=Habits(acknowledges=False, reconciles=False))
    again.subscribe(w.kept)
    again.hear(end)
    assert len(again.take_told()) == 1, "an end that was not acknowledged is not known to the next run either"


def test_when_a_task_was_asked_for_is_written_down() -> None:
    """As exactly as a status can say it, whatever becomes of the task."""
    asked = 1_700_000_000_123_456_789
    for task in (Task(TaskID("t"), None, asked), Task(TaskID("t"), None, asked, TaskState.TASK_FINISHED)):
        launched = Task.of(task.record()).launched
        assert launched is not None and abs(launched - asked) < 1_000
    assert Task.of(Task(TaskID("t"), None).record()).launched is None


def test_own_records() -> None:
    """Kept under names of the program's choice, beside the session's own."""
    w = World()
    w.subscribe()
    w.tell(words.KeepAsked("framework", b"mine"))
    again = World()
    again.subscribe(w.kept)
    assert again.session.records == {"framework": b"mine"}
    again.tell(words.KeepAsked("framework", None))
    assert ("own", "framework") not in again.kept


def test_ids_of_tasks_are_free_when_they_are_forgotten() -> None:
    """Only of those that have ended."""
    w = World()
    w.subscribe()
    w.call(Type.ACCEPT, accept=launch("t"))
    w.tell(words.ForgetAsked("t"))
    assert TaskID("t") in w.session.book
    w.hear(update("t", "FINISHED", U1))
    w.tell(words.ForgetAsked("t"))
    assert TaskID("t") not in w.session.book and ("task", "t") not in w.kept
