"""What is typed after ``mesos-batch submit``, ``array`` and ``cron`` as the definition that it makes."""

from __future__ import annotations

import pytest

from frameworks.batch.fields import read
from frameworks.batch.job import Job
from frameworks.batch.shell.submitting import CronOptions, JobOptions, TaskOptions, job_of, patient
from mesos_py.config import UsageError, parse


def made(*words: str, cls: type[TaskOptions] = JobOptions) -> Job:
    line = parse(words, (cls,), {})
    return read(Job, job_of(line, line.make(cls)))


def test_each_flag_is_a_field() -> None:
    job = made(
        "--name=j", "--cpus=2", "--disk=10", "--retries=3", "--retry_delay=5secs", "--retry-on=exit:75",
        "--retry_on=signal", "--deadline=1hrs", "--time_limit=1mins", "--run_as=nobody", "--owner=me", "--env=A=b=c",
        "--", "make", "-j2",
    )  # fmt: skip
    assert (job.name, job.arguments, job.env) == ("j", ("make", "-j2"), (("A", "b=c"),))
    assert (job.resources.cpus, job.resources.mem, job.resources.disk) == (2, 128, 10)
    assert (job.retry.max, job.retry.delay_s, [str(one) for one in job.retry.on]) == (3, 5, ["exit:75", "signal"])
    assert (job.deadline_s, job.time_limit_s, job.run_as, job.user) == (3600, 60, "nobody", "me")


def test_what_is_not_said_is_left_to_the_framework() -> None:
    job = made("--command=true")
    assert job.name.startswith("true-")
    assert job == read(Job, {"name": job.name, "command": "true"})


@pytest.mark.parametrize("flag", ["--after=x", "--wait"])
def test_a_schedule_waits_for_nothing(flag: str) -> None:
    with pytest.raises(UsageError, match=flag.removeprefix("--").partition("=")[0]):
        made(flag, "--command=true", cls=CronOptions)


def test_jobs_of_a_file_may_be_told_to_wait_for_hosts() -> None:
    """One or several; what is none is left to the framework to refuse."""
    assert patient({"name": "a"}) == {"name": "a", "wait_for_hosts": True}
    assert patient({"jobs": [{"name": "a"}, 5], "x": 1}) == {"jobs": [{"name": "a", "wait_for_hosts": True}, 5], "x": 1}
    for nonsense in ([], 5, {"jobs": 5}, None):
        assert patient(nonsense) == nonsense
