"""A task as Mesos is asked for it."""

from __future__ import annotations

from typing import Final

from frameworks.batch.entry import Task
from frameworks.batch.schedule import run_name
from mesos_py.machine.values import MILLISECOND, seconds
from mesos_py.sdk.matching import Share
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.ids import AgentID
from mesos_py.wire.image import Image
from mesos_py.wire.resource import Resource
from mesos_py.wire.task import KillPolicy, TaskInfo
from mesos_py.wire.value import DurationInfo, Label, Labels

#: the label that every job of Chronos' API has
SOFT_ERROR: Final = "chronos.softError"


def task_info(task: Task, agent_id: AgentID, share: Share, resources: tuple[Resource, ...]) -> TaskInfo:
    """``resources``: those of the share."""
    job = task.entry.job
    limit_s = job.time_limit_s
    return TaskInfo(
        name=job.name, task_id=task.id, agent_id=agent_id, resources=resources, command=_command(task, share.ports),
        container=_container(job.image) if job.image else None,
        kill_policy=KillPolicy(grace_period=DurationInfo(nanoseconds=seconds(job.grace_s))),
        max_completion_time=None if limit_s is None else DurationInfo(nanoseconds=seconds(limit_s)),
        labels=Labels(labels=tuple(Label(key=key, value=value) for key, value in job.labels)) if job.labels else None,
    )  # fmt: skip


def _command(task: Task, ports: tuple[int, ...]) -> CommandInfo:
    job = task.entry.job
    variables = {
        **_of_chronos(task), **dict(job.env), "JOB_NAME": job.name, "TASK_INDEX": str(task.index),
        "TASK_POSITION": str(task.position), "TASK_COUNT": str(job.size), "TASK_ATTEMPT": str(task.attempt),
    }  # fmt: skip
    variables |= {f"PORT{index}": str(port) for index, port in enumerate(ports)}
    uris = tuple(
        CommandInfo.URI(
            value=file.uri, extract=file.extract and not file.executable, executable=file.executable or None,
            cache=file.cache or None, output_file=file.output or None,
        )
        for file in job.files
    )  # fmt: skip
    environment = Environment(variables=tuple([_variable(name, text) for name, text in variables.items()]))
    if job.command:
        return CommandInfo(value=job.command, environment=environment, uris=uris, user=job.run_as or None)
    return CommandInfo(
        shell=False, value=job.arguments[0], arguments=job.arguments, environment=environment, uris=uris,
        user=job.run_as or None,
    )  # fmt: skip


def _of_chronos(task: Task) -> dict[str, str]:
    """What Chronos tells its tasks, if the job came by its API. Chronos: MesosTaskBuilder.scala."""
    entry, needed, labels = task.entry, task.entry.job.resources, dict(task.entry.job.labels)
    if SOFT_ERROR not in labels:
        return {}
    return {
        "mesos_task_id": task.id, "HOST": task.hostname, "CHRONOS_JOB_OWNER": labels.get("owner", ""),
        "CHRONOS_JOB_NAME": entry.name.removeprefix(f"{run_name(entry.schedule, entry.due)}."),
        "CHRONOS_RESOURCE_CPU": str(float(needed.cpus)), "CHRONOS_RESOURCE_MEM": str(float(needed.mem)),
        "CHRONOS_RESOURCE_DISK": str(float(needed.disk)),
        "CHRONOS_JOB_RUN_TIME": str(entry.due // MILLISECOND), "CHRONOS_JOB_RUN_ATTEMPT": str(task.attempt - 1),
    }  # fmt: skip


def _variable(name: str, text: str) -> Environment.Variable:
    return Environment.Variable(name=name, value=text)


def _container(image: str) -> ContainerInfo:
    docker = Image(type=Image.Type.DOCKER, docker=Image.Docker(name=image))
    return ContainerInfo(type=ContainerInfo.Type.MESOS, mesos=ContainerInfo.MesosInfo(image=docker))
