"""What a container has used, said in labels and read from them."""

from __future__ import annotations

import pytest

from mesos_py.machine.usage import Usage
from mesos_py.wire.ids import TaskID
from mesos_py.wire.task import TaskState, TaskStatus
from mesos_py.wire.value import Label, Labels


def status(**labels: str) -> TaskStatus:
    found = Labels(labels=tuple(Label(key=key, value=text) for key, text in labels.items()))
    return TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_FINISHED, labels=found if labels else None)


@pytest.mark.parametrize("usage", [
    Usage(0, 0), Usage(1, 2_500_000, 17 << 20), Usage(10**13, 1, None, 5), Usage(7, 8, 9, 10),
])  # fmt: skip
def test_what_is_said_is_read(usage: Usage) -> None:
    said = TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_FINISHED, labels=usage.labels)
    assert Usage.of(said) == usage


def test_names_and_units_are_those_of_statistics() -> None:
    assert {label.key: label.value for label in Usage(1_500_000, 250, 1024).labels.labels} == {
        "cpus_user_time_secs": "1.500000", "cpus_system_time_secs": "0.000250", "mem_max_rss_bytes": "1024",
    }  # fmt: skip


@pytest.mark.parametrize("labels", [
    {}, {"cpus_user_time_secs": "1"}, {"cpus_user_time_secs": "x", "cpus_system_time_secs": "1"},
    {"cpus_user_time_secs": "inf", "cpus_system_time_secs": "1"},
    {"cpus_user_time_secs": "1", "cpus_system_time_secs": "1", "mem_peak_bytes": "much"},
])  # fmt: skip
def test_what_is_not_said_is_not_known(labels: dict[str, str]) -> None:
    assert Usage.of(status(**labels)) is None


@pytest.mark.parametrize(("text", "usage"), [(b"", None), (b"5 6 0", Usage(5, 6)), (b"5 6 7", Usage(5, 6, 7168))])
def test_what_a_supervisor_reports(text: bytes, usage: Usage | None) -> None:
    assert Usage.reported(text) == usage
