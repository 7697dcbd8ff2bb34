"""What Chronos calls a job, read as one of ours.

Every field of Chronos' that has a meaning here has it; those that are only told (``description``) are labels; those
that would change what is run in a way that we cannot are refused. What is null is as by default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from frameworks.batch.fields import Invalid, read
from frameworks.batch.job import Job
from frameworks.batch.launching import SOFT_ERROR

RETRY_DELAY_S = 60.0  # Chronos: --failure_retry
RETRIES, CPUS, MEM, DISK = 2, 0.1, 128.0, 256.0

#: labels of what is told as it was said, and means nothing to us; and of jobs that say how much they have processed
DESCRIPTION, OWNER_NAME, SCHEDULE, DATA = (
    f"chronos.{name}" for name in ("description", "ownerName", "schedule", "dataProcessingJobType")
)

#: fields that would change what is run in a way that we cannot
_REFUSED = ("executor", "executorFlags", "taskInfoData")
_REFUSED_OF_CONTAINERS = ("volumes", "parameters", "networkName", "networkInfos")

#: operators of Chronos that are called otherwise here
OPERATORS = {"EQUALS": "IS"}


def read_job(value: Mapping[str, Any], parents: tuple[str, ...]) -> Job:
    """Raises Invalid."""
    value = {name: one for name, one in value.items() if one is not None}  # what is null is as by default
    for name in _REFUSED:
        if value.get(name):
            raise Invalid(name, "is not taken: tasks are commands")
    container = _object(value.get("container") or {}, "container")
    for name in _REFUSED_OF_CONTAINERS:
        if container.get(name):
            raise Invalid(f"container.{name}", "is not taken: of a container there is the image")
    if value.get("uris") and value.get("fetch"):
        raise Invalid("fetch", "or 'uris', not both")
    fetched = [{"uri": uri} for uri in as_list(value, "uris")] + [
        {"uri": one.get("uri", ""), "extract": one.get("extract", True), "executable": one.get("executable", False),
         "cache": one.get("cache", False), "output": one.get("destPath") or ""}
        for one in _objects(value, "fetch")
    ]  # fmt: skip
    arguments = [_text(one, "arguments") for one in as_list(value, "arguments")]
    is_shell = value.get("shell", True)
    made: dict[str, Any] = {
        "name": value.get("name", ""),
        "resources": {
            "cpus": value.get("cpus", CPUS), "mem": value.get("mem", MEM), "disk": value.get("disk", DISK),
        },
        "env": {one.get("name", ""): one.get("value", "") for one in _objects(value, "environmentVariables")},
        "files": fetched, "image": container.get("image", ""),
        "retry": {"max": value.get("retries", RETRIES), "delay_s": RETRY_DELAY_S, "factor": 1},
        "priority": 1 if value.get("highPriority") else 0, "constraints": _constraints(value),
        "run_as": value.get("runAsUser") or "", "depends": [{"job": parent} for parent in parents],
        "wait_for_hosts": True,  # as Chronos does; its clients know of no refusal
        "labels": {
            "owner": value.get("owner") or "", SOFT_ERROR: "true" if value.get("softError") else "",
            **_labelled(DESCRIPTION, value.get("description")), **_labelled(OWNER_NAME, value.get("ownerName")),
            **_labelled(DATA, "true" if value.get("dataProcessingJobType") else ""),
        },
    }  # fmt: skip
    command = _text(value.get("command", ""), "command")
    made |= {"arguments": [command, *arguments]} if not is_shell else {"command": " ".join([command, *arguments])}
    if value.get("maxCompletionTime"):
        made["time_limit_s"] = value["maxCompletionTime"]
    return read(Job, made)


def _labelled(name: str, text: Any) -> dict[str, Any]:
    return {name: text} if text else {}


def as_list(value: Mapping[str, Any], name: str) -> list[Any]:
    found = value.get(name) or []
    if not isinstance(found, list):
        raise Invalid(name, "must be a list")
    return found


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Invalid(path, "must be an object")
    return value


def _objects(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    return [_object(one, f"{name}[{place}]") for place, one in enumerate(as_list(value, name))]


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise Invalid(path, "must be a string")
    return value


def _constraints(value: Mapping[str, Any]) -> list[Any]:
    """With the operators' names of ours; what makes no sense stays as it is, and is refused by whoever reads it."""
    return [
        [OPERATORS.get(part, part) if place == 1 and isinstance(part, str) else part for place, part in enumerate(one)]
        if isinstance(one, list) else one
        for one in as_list(value, "constraints")
    ]  # fmt: skip


def wired(jobs: tuple[Job, ...]) -> tuple[Job, ...]:
    """Whoever depends on a job whose errors are soft runs when that has failed, too."""
    soft = {job.name for job in jobs if dict(job.labels).get(SOFT_ERROR)}
    return tuple([
        attrs.evolve(job, depends=tuple([
            attrs.evolve(need, on="completion" if need.job in soft else "success") for need in job.depends
        ]))
        for job in jobs
    ])  # fmt: skip
