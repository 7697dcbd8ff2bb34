"""Containers of type DOCKER to ask for, and what dockerd is asked."""

from __future__ import annotations

from typing import Any

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.docker.policy import Policy
from mesos_py.agent.containerizer.docker.request import BAD_OPTIONS, Request, Settings, request
from mesos_py.machine.problem import Problem
from mesos_py.wire.command import CommandInfo
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Parameter, Value

ANYTHING = Policy(allows_privileged=True, parameters=("*",))


def scalar(name: str, value: float) -> Resource:
    return Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=value))


def ports(begin: int, end: int) -> Resource:
    ranges = Value.Ranges(range=(Value.Range(begin=begin, end=end),))
    return Resource(name="ports", type=Value.Type.RANGES, ranges=ranges)


def spec(
    docker: dict[str, Any] | None = None, *, command: CommandInfo | None = None,
    container: dict[str, Any] | None = None, **more: Any,
) -> ContainerSpec:  # fmt: skip
    info = ContainerInfo(
        type=ContainerInfo.Type.DOCKER, docker=ContainerInfo.DockerInfo(**({"image": "some/image"} | (docker or {}))),
        **(container or {}),
    )  # fmt: skip
    given: dict[str, Any] = {
        "container_id": "c", "sandbox": "/s", "argv": ("sh",), "executable": "sh", "env": {"A": "1"}, "is_kept": True,
        "container": info, "command": command,
    } | more  # fmt: skip
    return ContainerSpec(**given)


def asked(one: ContainerSpec, policy: Policy = ANYTHING, **settings: Any) -> Request:
    found = request(one, Settings(work_dir="/var/lib/mesos", policy=policy, **settings))
    assert isinstance(found, Request), found
    return found


def refused(one: ContainerSpec, policy: Policy = ANYTHING) -> str:
    found = request(one, Settings(work_dir="/var/lib/mesos", policy=policy))
    assert isinstance(found, Problem), found
    assert found.text.startswith(BAD_OPTIONS)
    return found.text.removeprefix(BAD_OPTIONS)


def parameters(*pairs: str) -> dict[str, Any]:
    return {"parameters": tuple([Parameter(key=pair.split("=", 1)[0], value=pair.split("=", 1)[1]) for pair in pairs])}
