"""Definitions: what is read is what was meant, and what makes no sense is told with its place."""

from __future__ import annotations

import itertools
import random
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frameworks.batch import dag
from frameworks.batch.array import Indexes
from frameworks.batch.dag import Dependency, End, Verdict, verdict
from frameworks.batch.fields import Invalid, read, schema, show
from frameworks.batch.job import Job, Submission
from frameworks.batch.outcome import End as TaskEnd
from frameworks.batch.outcome import Outcome, end_of
from frameworks.batch.retry import Condition, Retry
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import SECOND
from mesos_py.wire.ids import TaskID
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskState, TaskStatus

FULL = {
    "name": "sweep", "command": "./sweep $TASK_INDEX", "image": "debian:12",
    "resources": {"cpus": 0.5, "mem": 64, "ports": 2}, "env": {"B": "2", "A": "1"},
    "files": [{"uri": "http://h/x.tgz", "cache": True}], "array": "1-10,20-98:2%3",
    "depends": [{"job": "build"}, {"job": "clean", "on": "failure"}], "time_limit_s": 2.5,
    "retry": {"max": 3, "on": ["exit:75", "signal:SIGKILL"], "on_lost": "fail"},
    "constraints": [["hostname", "UNIQUE"], ["rack", "LIKE", "a.*"]], "user": "ann", "priority": -5,
}  # fmt: skip


def test_a_definition_is_shown_as_it_was_read() -> None:
    """Whatever is as by default is left out, and nothing else changes."""
    job = read(Job, FULL)
    assert show(job) == FULL
    assert read(Job, show(job)) == job


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"command": "x"}, "'name' is missing"),
        ({"name": "a", "comand": "x"}, "unknown field 'comand'; did you mean 'command'?"),
        ({"name": "a"}, "command: it, or 'arguments', must be given"),
        ({"name": "a", "command": "x", "arguments": ["x"]}, "command: or 'arguments'"),
        ({"name": "a/b", "command": "x"}, "name: 'a/b' must be letters"),
        ({"name": "a", "command": 3}, "command: must be a string, not 3"),
        ({"name": "a", "command": "x\0"}, "command: must not contain NUL"),
        ({"name": "a", "command": "x", "retry": {"max": -1}}, "retry.max: must be 0 to 1000, not -1"),
        ({"name": "a", "command": "x", "retry": {"max": True}}, "retry.max: must be a whole number, not True"),
        ({"name": "a", "command": "x", "retry": {"on": ["any", "exit:300"]}}, "retry.on[1]: 'exit:300'"),
        ({"name": "a", "command": "x", "resources": {"cpus": float("nan")}}, "resources.cpus: must be a number"),
        ({"name": "a", "command": "x", "resources": []}, "resources: must be an object, not a list"),
        ({"name": "a", "command": "x", "env": {"A": 1}}, "env.A: must be a string, not 1"),
        ({"name": "a", "command": "x", "env": {"A=B": "c"}}, "env: 'A=B' is no name"),
        ({"name": "a", "command": "x", "resources": {"cpus": 0, "mem": 0}}, "resources: must be something"),
        ({"name": "a", "command": "x", "retry": {"on": ["signal:SIGFOO"]}}, "retry.on[0]: 'signal:SIGFOO'"),
        ({"name": "a", "command": "x", "array": "1-1000000000"}, "array: an array has at most 1000000 tasks"),
        ({"name": "a", "command": "x", "array": "5-1"}, "array: '5-1' ends before it begins"),
        ({"name": "a", "command": "x", "array": "1-9", "gang": 3}, "gang: a job is an array or a gang"),
        ({"name": "a", "command": "x", "parallel": 3}, "parallel: is for arrays"),
        ({"name": "a", "command": "x", "queue": "a//b"}, "queue: "),
        ({"name": "a", "command": "x", "constraints": [["rack", "NEAR"]]}, "constraints[0]: "),
        ({"name": "a", "command": "x", "files": [{"uri": ""}]}, "files[0].uri: must be 1 to 8192 characters"),
        ({"name": "a", "command": "x", "depends": [{"job": "b"}]}, "depends[0].job: there is no job 'b'"),
        ({"name": "a", "command": "x", "depends": [{"job": "a"}]}, "depends: a cycle: a waits for a"),
        ({"name": "old", "command": "x"}, "name: there is a job 'old' already"),
        ([], "must be an object, not a list"),
        ({"jobs": []}, "jobs: there must be one at least"),
        ({"jobs": [{"name": "a", "command": "x"}, {"name": "a", "command": "x"}]}, "jobs[1].name: jobs[0] is called"),
    ],
)
def test_what_makes_no_sense_is_told_with_its_place(value: Any, message: str) -> None:
    """The path, and what would have been right."""
    with pytest.raises(Invalid) as error:
        Submission.of(value, {"old": None})
    assert str(error.value).startswith(message)


def test_a_cycle_is_named() -> None:
    """With every job that is in it, and no other."""
    edges = {"start": "", "a": "start c", "b": "a", "c": "b", "end": "c"}
    jobs = [
        {"name": name, "command": "x", "depends": [{"job": need} for need in needs.split()]}
        for name, needs in edges.items()
    ]
    with pytest.raises(Invalid, match=r"jobs\[1\]\.depends: a cycle: a waits for c waits for b waits for a"):
        Submission.of({"jobs": jobs}, {})


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16))
def test_every_cycle_is_found_and_nothing_else(edges: list[tuple[int, int]]) -> None:
    """The twin removes jobs without open dependencies until nothing is left."""
    needs = {number: sorted({to for at, to in edges if at == number}) for number in range(8)}
    jobs = [
        Job(name=f"j{number}", command="x", depends=tuple(Dependency(job=f"j{to}") for to in needs[number]))
        for number in range(8)
    ]
    left = dict(needs)
    while ready := [number for number, to in left.items() if not any(one in left for one in to)]:
        for number in ready:
            del left[number]
    try:
        dag.check(jobs, {})
    except Invalid as error:
        assert left
        named = [int(name.strip()[1:]) for name in error.text.removeprefix("a cycle: ").split("waits for")]
        assert named[0] == named[-1]
        assert all(to in needs[at] for at, to in itertools.pairwise(named))
    else:
        assert not left


def test_dependencies_are_judged_completely() -> None:
    """Every condition and every end."""
    table = {
        "success": {End.SUCCEEDED: Verdict.READY},
        "failure": {End.FAILED: Verdict.READY},
        "completion": dict.fromkeys(End, Verdict.READY),
    }
    for on, rows in table.items():
        for end in End:
            assert verdict([Dependency(job="a", on=on)], {"a": end}) is rows.get(end, Verdict.NEVER)
        assert verdict([Dependency(job="a", on=on)], {"a": None}) is Verdict.WAIT
    both = [Dependency(job="a"), Dependency(job="b")]
    assert verdict(both, {"a": None, "b": End.FAILED}) is Verdict.NEVER
    assert verdict(both, {"a": End.SUCCEEDED, "b": None}) is Verdict.WAIT


# ---- arrays


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 30), st.integers(1, 7)), min_size=1, max_size=5),
    st.none() | st.integers(1, 9),
)
def test_positions_and_indexes_are_each_others_inverse(gaps: list[tuple[int, int, int]], parallel: int | None) -> None:
    """Against the array as a list."""
    at, texts, plain = 0, [], []
    for gap, length, step in gaps:
        first, last = at + gap, at + gap + length
        texts.append(f"{first}-{last}:{step}")
        plain += range(first, last + 1, step)
        at = last
    indexes = Indexes.of(",".join(texts) + ("" if parallel is None else f"%{parallel}"))
    assert [indexes.at(position) for position in range(indexes.count)] == plain
    assert [indexes.position(index) for index in plain] == list(range(len(plain)))
    assert [index for index in range(at + 2) if indexes.position(index) is not None] == plain
    assert Indexes.of(str(indexes)) == indexes
    assert indexes.parallel == parallel


@pytest.mark.parametrize("text", ["", "a", "1-", "3-1", "1,1", "5,1-9", "1-9:0", "1%0", "1%", "1-2-3", "1%1%1", "²"])
def test_what_is_no_array(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Indexes.of(text)


def test_a_large_array_costs_nothing() -> None:
    """A million tasks are one part."""
    indexes = Indexes.of("1-1000000%200")
    assert (indexes.count, indexes.at(999_999), len(indexes.parts)) == (1_000_000, 1_000_000, 1)


# ---- ends and retries

_S, _R = TaskState, TaskStatus.Reason


@pytest.mark.parametrize(
    ("state", "reason", "message", "end"),
    [
        (_S.TASK_FINISHED, None, "Command exited with status 0", TaskEnd(Outcome.SUCCEEDED, 0)),
        (_S.TASK_FAILED, None, "Command exited with status 3", TaskEnd(Outcome.FAILED, 3)),
        (_S.TASK_FAILED, None, "Command terminated with signal Killed", TaskEnd(Outcome.FAILED, None, "SIGKILL")),
        (_S.TASK_FAILED, _R.REASON_MAX_COMPLETION_TIME_REACHED, "", TaskEnd(Outcome.TIMED_OUT)),
        (_S.TASK_FAILED, _R.REASON_CONTAINER_LIMITATION_MEMORY, "", TaskEnd(Outcome.EXHAUSTED)),
        (_S.TASK_FAILED, _R.REASON_CONTAINER_LAUNCH_FAILED, "", TaskEnd(Outcome.NOT_RUN)),
        (_S.TASK_ERROR, None, "", TaskEnd(Outcome.NOT_RUN)),
        (_S.TASK_FAILED, _R.REASON_AGENT_RESTARTED, "", TaskEnd(Outcome.LOST)),
        (_S.TASK_KILLED, _R.REASON_AGENT_DRAINING, "", TaskEnd(Outcome.PREEMPTED)),
        (_S.TASK_KILLED, None, "", TaskEnd(Outcome.CANCELLED)),
        (_S.TASK_GONE, None, "", TaskEnd(Outcome.LOST)),
        (_S.TASK_DROPPED, None, "", TaskEnd(Outcome.LOST)),
        (_S.TASK_DROPPED, _R.REASON_EXECUTOR_TERMINATED, "No such user 'nobody-at-all'", TaskEnd(Outcome.NOT_RUN)),
    ],
)
def test_ends_are_understood(state: TaskState, reason: _R | None, message: str, end: TaskEnd) -> None:
    status = TaskStatus(task_id=TaskID("t"), state=state, reason=reason, message=message)
    assert end_of(status) == attrs.evolve(end, message=message)
    usage = Usage(1, 2, 3)
    assert end_of(evolve(status, labels=usage.labels)) == attrs.evolve(end, message=message, usage=usage)


def test_every_end_of_a_task_means_something() -> None:
    """Whatever Mesos may come to say."""
    for state in TaskState:
        for reason in TaskStatus.Reason:
            assert end_of(TaskStatus(task_id=TaskID("t"), state=state, reason=reason)).outcome in Outcome


def test_failures_are_retried_as_the_conditions_say() -> None:
    """``never`` is stronger than ``on``; losses do not count, unless they must not be repeated."""
    failed, lost = TaskEnd(Outcome.FAILED, 75), TaskEnd(Outcome.LOST)
    assert not Retry().again(failed, 1)
    assert Retry(max=1).again(failed, 1)
    assert not Retry(max=1).again(failed, 2)
    assert Retry(max=1, on=(Condition.of("exit:70-80"),)).again(failed, 1)
    assert not Retry(max=1, on=(Condition.of("exit:1-74"),)).again(failed, 1)
    assert not Retry(max=1, never=(Condition.of("exit:75"),)).again(failed, 1)
    assert Retry(max=1, on=(Condition.of("signal"),)).again(TaskEnd(Outcome.FAILED, None, "SIGKILL"), 1)
    assert not Retry(max=1, on=(Condition.of("signal:SIGTERM"),)).again(TaskEnd(Outcome.FAILED, None, "SIGKILL"), 1)
    assert Retry().again(lost, 0)
    assert not Retry(max=9, on_lost="fail").again(lost, 0)
    assert Retry().again(TaskEnd(Outcome.PREEMPTED), 0)
    assert not Retry(max=9).again(TaskEnd(Outcome.CANCELLED), 0)


def test_pauses_grow_to_their_bound() -> None:
    """About: within a tenth."""
    retry = Retry(max=9, delay_s=10, factor=3, max_delay_s=100)
    rng = random.Random(7)
    for failures, expected in ((1, 10), (2, 30), (3, 90), (4, 100), (1_000, 100)):
        assert 0.9 * expected <= retry.delay(failures, rng) / SECOND <= 1.1 * expected


def test_definitions_describe_themselves() -> None:
    """For OpenAPI: every field with its kind, and a sentence."""
    described = schema(Job)
    assert described["required"] == ["name"]
    assert described["properties"]["priority"] == {
        "type": "integer", "minimum": -1000, "maximum": 1000, "default": 0,
        "description": "The higher the sooner, whoever's it is.",
    }  # fmt: skip
    assert all("description" in one for one in described["properties"].values())
