"""The default executor under any order of answers, exits, kills and time (Mesos: agent semantics 5.6)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mesos_py.executor.default import DefaultExecutor
from mesos_py.machine.values import SECOND
from mesos_py.wire.ids import TaskID
from tests.executor.recorder import Recorder, task

TERMINAL = {"FINISHED", "FAILED", "KILLED"}
NAMES = ("a", "b", "c")


def launch(*names: str) -> tuple[DefaultExecutor, Recorder]:
    executor, host = DefaultExecutor(), Recorder()
    executor.launch_group(host, tuple(task(name) for name in names), tuple(f"c{name}" for name in names))
    return executor, host


def test_groups_are_independent() -> None:
    """The end of one group does not touch the other; the executor ends with the last."""
    executor, host = launch("a")
    executor.launch_group(host, (task("b"),), ("cb",))
    executor.launched(host, "ca")
    executor.launched(host, "cb")
    executor.exited(host, "ca", 256)
    assert not host.finished
    assert ("signal 15", "cb") not in host.asked
    executor.exited(host, "cb", 0)
    assert host.finished


def test_unknown_tasks_are_not_killed() -> None:
    executor, host = launch("a")
    host.take()
    executor.kill(host, TaskID("x"))
    assert host.take() == []


def test_who_is_being_killed_is_not_said_to_run() -> None:
    """A launch that is cancelled ends its group; a member that ran already, untold because of it, goes as well."""
    executor, host = launch("a", "b")
    executor.launched(host, "cb")
    executor.kill(host, TaskID("a"))
    executor.exited(host, "ca", 9)
    executor.exited(host, "cb", 15)
    assert host.said["a"] == ["STARTING", "KILLED"]
    assert host.said["b"] == ["STARTING", "KILLING", "KILLED"]


def test_an_empty_executor_ends_when_it_is_shut_down() -> None:
    executor, host = DefaultExecutor(), Recorder()
    executor.shutdown(host, SECOND)
    assert host.finished


def test_shutting_down_does_not_cascade() -> None:
    """Every container was told already; a death brings no second kill."""
    executor, host = launch("a", "b")
    executor.launched(host, "ca")
    executor.launched(host, "cb")
    executor.shutdown(host, 5 * SECOND)
    host.take()
    executor.exited(host, "ca", 15)
    assert host.take() == []
    executor.exited(host, "cb", 15)
    assert host.said["a"][-1] == host.said["b"][-1] == "KILLED"
    assert host.finished


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["launched", "failed", "exit", "kill", "wait", "shutdown"]),
        st.sampled_from(NAMES),
        st.sampled_from([0, 256, 9, None]),
    ),
    max_size=25,
)


@settings(max_examples=400, deadline=None)
@given(EVENTS)
def test_whatever_happens_everything_ends_once(steps: list[tuple[str, str, int | None]]) -> None:
    """A containerizer that answers each launch once and reports each end once: each task ends exactly once."""
    executor, host = launch(*NAMES)
    waiting, running = dict.fromkeys(NAMES), {}

    def end(name: str, status: int | None) -> None:
        running.pop(name, None)
        waiting.pop(name, None)
        executor.exited(host, f"c{name}", status)

    for kind, name, status in steps:
        if kind == "launched" and name in waiting:
            del waiting[name]
            running[name] = None
            executor.launched(host, f"c{name}")
        elif kind == "failed" and name in waiting:
            del waiting[name]
            executor.launch_failed(host, f"c{name}", "no")
        elif kind == "exit" and name in running:
            end(name, status)
        elif kind == "kill":
            executor.kill(host, TaskID(name))
        elif kind == "wait":
            host.advance(executor, SECOND)
        elif kind == "shutdown":
            executor.shutdown(host, SECOND)
        # What is told to be destroyed ends, launched or not.
        for what, container_id in host.take():
            doomed = container_id.removeprefix("c")
            if what == "destroy" and (doomed in waiting or doomed in running):
                end(doomed, 9)
    for name in list(waiting):
        del waiting[name]
        running[name] = None
        executor.launched(host, f"c{name}")
    for name in list(running):
        end(name, 0)
    for name in NAMES:
        said = host.said[name]
        assert said[0] == "STARTING"
        assert [state for state in said if state in TERMINAL] == said[-1:], said
        assert said.count("RUNNING") <= 1
        assert said.count("KILLING") <= 1
        assert "RUNNING" not in said or "KILLING" not in said[: said.index("RUNNING")], said
    assert host.finished
    assert host.timers == {}
