"""A job as people define it: what is run, with what, how often, when not at all.

A job has one task; an array has one for each index; a gang has some that start together, and together again if one of
them fails. A submission is one job, or several that depend on each other, and is taken as a whole or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.batch import dag
from frameworks.batch.array import TASKS_MAX, Indexes
from frameworks.batch.fields import (
    Invalid,
    Kind,
    field,
    flag,
    integer,
    items,
    made_by,
    number,
    optional,
    read,
    record,
    strings,
    text,
)  # fmt: skip
from frameworks.batch.retry import Retry
from mesos_py.algebra.roles import invalid_role
from mesos_py.sdk.matching import Constraint, Request

JOBS_MAX = 10_000  # of one submission
GANG_MAX = 10_000
PRIORITY_MAX = 1_000
YEAR_S = 366 * 86_400.0
AMOUNT_MAX = 1e9


def _role(role: str) -> str:
    why = invalid_role(role)
    if why is not None:
        raise ValueError(why)
    return role


@attrs.frozen(kw_only=True)
class Resources:
    """What one task has for itself."""

    cpus: float = field(number(0, AMOUNT_MAX), 1.0, "Processors, also parts of one.")
    mem: float = field(number(0, AMOUNT_MAX), 128.0, "Memory in MB.")
    disk: float = field(number(0, AMOUNT_MAX), 0.0, "Disk space in MB.")
    gpus: float = field(number(0, 10_000), 0.0, "Graphics processors, whole ones.")
    ports: int = field(integer(0, 100), 0, "Ports of the host; PORT0, PORT1 and so on tell the task which.")

    @property
    def is_nothing(self) -> bool:
        return not (self.cpus or self.mem or self.disk or self.gpus or self.ports)


@attrs.frozen(kw_only=True)
class File:
    """Something that is in the sandbox when a task begins."""

    uri: str = field(text(8_192, least=1), doc="Where it is fetched from.")
    extract: bool = field(flag(), True, "An archive is unpacked.")
    executable: bool = field(flag(), False, "It may be executed, and is not unpacked.")
    cache: bool = field(flag(), False, "Hosts keep it for later tasks.")
    output: str = field(text(1_024), "", "Name in the sandbox; by default the last part of the URI.")


def _constraint(value: Any, path: str) -> Constraint:
    is_list = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    if not is_list or len(value) not in (2, 3):
        raise ValueError('must be two or three strings, such as ["rack", "LIKE", "a.*"]')
    return Constraint.of(*value)


_CONSTRAINT = Kind(
    {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 3}, _constraint,
    lambda one: [part for part in (one.field, one.operator.value, one.value) if part],
)  # fmt: skip


@attrs.frozen(kw_only=True)
class Job:
    """What is to be run."""

    name: str = field(dag.NAME, doc="Nobody else's among all jobs that are known.")
    command: str = field(text(131_072), "", "For the shell. It, or `arguments`.")
    arguments: tuple[str, ...] = field(items(text(131_072), 10_000), (), "A program and its arguments: no shell.")
    image: str = field(text(1_024), "", "Image of its container; none: the host's own files.")
    resources: Resources = field(record(Resources), Resources(), "What each task has for itself.")
    env: tuple[tuple[str, str], ...] = field(strings(), (), "Environment variables.")
    files: tuple[File, ...] = field(items(record(File), 100), (), "What is fetched into the sandbox.")
    array: Indexes | None = field(
        optional(made_by(text(20_000), Indexes.of)), None,
        "One task for each index, told by TASK_INDEX: '1-10000%200' (at most 200 at a time), '0-98:2', '1,5-7'.",
    )  # fmt: skip
    gang: int = field(integer(0, GANG_MAX), 0, "So many tasks that start together or not at all; TASK_INDEX from 0.")
    parallel: int | None = field(
        optional(integer(1, TASKS_MAX)), None, "So many tasks of an array at a time; as '%' in `array`."
    )
    depends: tuple[dag.Dependency, ...] = field(items(record(dag.Dependency), 1_000), (), "What must have ended.")
    time_limit_s: float | None = field(
        optional(number(0.001, YEAR_S)), None, "A task is ended after so many seconds, and has failed."
    )
    grace_s: float = field(number(0, 86_400), 5.0, "Between SIGTERM and SIGKILL when a task is to end.")
    deadline_s: float | None = field(
        optional(number(0.001, YEAR_S)), None,
        "The job must have ended so many seconds after it was submitted; what runs then is ended, and it has failed.",
    )  # fmt: skip
    retry: Retry = field(record(Retry), Retry(), "What is done about a task that has failed.")
    tolerates: int = field(integer(0, TASKS_MAX), 0, "The job has succeeded though so many of its tasks have failed.")
    priority: int = field(integer(-PRIORITY_MAX, PRIORITY_MAX), 0, "The higher the sooner, whoever's it is.")
    preemptible: bool = field(flag(), True, "Its tasks may be ended and run again for the sake of a higher priority.")
    user: str = field(text(255), "", "Whose it is: users share alike within a priority.")
    queue: str = field(made_by(text(1_000, least=1), _role), "*", "The role whose resources it uses.")
    run_as: str = field(text(255), "", "The hosts' user that it runs as; none: the framework's.")
    constraints: tuple[Constraint, ...] = field(
        items(_CONSTRAINT, 100), (), 'As in Marathon: [["hostname", "UNIQUE"], ["rack", "LIKE", "a.*"]].'
    )
    wait_for_hosts: bool = field(
        flag(), False, "It is taken though no host that is known now could ever run it: others may come."
    )
    unreachable_s: float = field(
        number(0, YEAR_S), 60.0, "A task whose host is out of reach is waited for so long before it counts as lost."
    )
    labels: tuple[tuple[str, str], ...] = field(strings(), (), "For people and their programs.")
    keep_s: float = field(number(0, 10 * YEAR_S), 7 * 86_400.0, "It is forgotten so long after it has ended.")

    def __attrs_post_init__(self) -> None:
        if bool(self.command) == bool(self.arguments):
            raise Invalid("command", "it, or 'arguments', must be given" if not self.command else "or 'arguments'")
        for name, _ in self.env:
            if "=" in name:
                raise Invalid("env", f"'{name}' is no name: it contains '='")
        if self.resources.is_nothing:
            raise Invalid("resources", "must be something: no host runs tasks that use nothing")
        if self.array is not None and self.gang:
            raise Invalid("gang", "a job is an array or a gang")
        if self.parallel is not None and (self.array is None or self.array.parallel is not None):
            raise Invalid("parallel", "is for arrays that do not say so with '%' themselves")
        if len({need.job for need in self.depends}) < len(self.depends):
            raise Invalid("depends", "names a job twice")
        _ = self.request  # which raises ValueError

    @property
    def size(self) -> int:
        """Its tasks."""
        return self.array.count if self.array is not None else max(self.gang, 1)

    @property
    def parallel_max(self) -> int:
        """So many of its tasks at a time."""
        limit = self.array.parallel if self.array is not None else None
        return limit or self.parallel or self.size

    def index(self, position: int) -> int:
        """What the task at ``position`` is told to be."""
        return self.array.at(position) if self.array is not None else position

    @property
    def request(self) -> Request:
        """What one task needs of a host."""
        needed = self.resources
        return Request.of(
            cpus=needed.cpus, mem=needed.mem, disk=needed.disk, gpus=needed.gpus, ports=[0] * needed.ports,
            role=self.queue, constraints=self.constraints,
        )  # fmt: skip


@attrs.frozen(kw_only=True)
class Submission:
    """Jobs that are taken together."""

    jobs: tuple[Job, ...] = field(items(record(Job), JOBS_MAX), doc="In any order.")

    @classmethod
    def of(cls, value: Any, known: Mapping[str, object]) -> Submission:
        """One job, or ``{"jobs": [...]}``. Raises Invalid."""
        is_many = isinstance(value, Mapping) and "jobs" in value
        made = read(cls, value) if is_many else cls(jobs=(read(Job, value),))
        if not made.jobs:
            raise Invalid("jobs", "there must be one at least")
        try:
            dag.check(made.jobs, known)
        except Invalid as error:
            raise error if is_many else Invalid(error.path.removeprefix("jobs[0]."), error.text) from None
        return made
