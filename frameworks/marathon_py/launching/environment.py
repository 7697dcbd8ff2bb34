"""What a task is told in its environment. Of variables of one name the last one counts.

=========================  ==============================================================================
app                        pod
=========================  ==============================================================================
task, app, version         what people define, of the pod and then of the container
resources                  ``HOST``
labels                     task, executor, pod, container, version, resources
``HOST``, ports            labels, of the pod and then of the container
what people define         endpoints of all its containers
=========================  ==============================================================================

Source: mesosphere/marathon src/main/scala/mesosphere/mesos/EnvironmentHelper.scala, TaskBuilder.scala,
TaskGroupBuilder.scala.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions.app import App, EnvSecret
from frameworks.marathon_py.definitions.container import DOCKER
from frameworks.marathon_py.definitions.network import PortMapping
from frameworks.marathon_py.definitions.pods import Pod, PodContainer, Resources
from frameworks.marathon_py.launching.ports import HostPorts, endpoints, is_on_host
from mesos_py.wire.ids import ExecutorID, TaskID

if TYPE_CHECKING:
    from random import Random

#: longer ones are left out
_VARIABLE_MAX = 512
_LABEL = "MARATHON_APP_LABEL_"

_NOT_OF_NAMES = re.compile(r"[^a-zA-Z0-9_]+")
_PORT_LEAST, _PORT_MAX = 1_025, 65_535  # drawn for who asks for any, and for none on the host

Environment = dict[str, str | EnvSecret]


def of_app(
    app: App, task_id: TaskID, hostname: str, host_ports: HostPorts, prefix: str, is_enforced: bool, rng: Random
) -> Environment:  # fmt: skip
    """``is_enforced``: its group enforces its role."""
    told: Environment = {"MESOS_TASK_ID": task_id, "MARATHON_APP_ID": app.id, "MARATHON_APP_VERSION": app.version}
    if app.container is not None and app.container.type == DOCKER and app.container.docker is not None:
        told["MARATHON_APP_DOCKER_IMAGE"] = app.container.docker.image
    told |= _resources("MARATHON_APP_RESOURCE_", app)
    told["MARATHON_APP_ENFORCE_GROUP_ROLE"] = _flag(is_enforced)
    told |= of_labels(app.labels)
    told |= {prefix + name: text for name, text in of_ports(app, host_ports, rng).items()}
    told[f"{prefix}HOST"] = hostname
    return {**told, **app.env}


def of_container(
    pod: Pod, container: PodContainer, task_id: TaskID, executor_id: ExecutorID, hostname: str, host_ports: HostPorts,
    prefix: str, is_enforced: bool,
) -> Environment:  # fmt: skip
    """``host_ports`` are those of all endpoints of the pod, which all containers are told."""
    told: Environment = {**pod.environment, **container.environment, "HOST": hostname}
    told |= {
        "MESOS_TASK_ID": task_id, "MESOS_EXECUTOR_ID": executor_id, "MARATHON_APP_ID": pod.id,
        "MARATHON_APP_VERSION": pod.version, "MARATHON_CONTAINER_ID": container.name,
        "MARATHON_APP_ENFORCE_GROUP_ROLE": _flag(is_enforced),
    }  # fmt: skip
    told |= _resources("MARATHON_CONTAINER_RESOURCE_", container.resources)
    told |= of_labels({**pod.labels, **container.labels})
    return {**told, **of_endpoints(pod, host_ports, prefix.upper())}


def _resources(prefix: str, have: App | Resources) -> Mapping[str, str]:
    return {
        f"{prefix}CPUS": double_text(have.cpus), f"{prefix}MEM": double_text(have.mem),
        f"{prefix}DISK": double_text(have.disk), f"{prefix}GPUS": str(have.gpus),
    }  # fmt: skip


def _flag(is_set: bool) -> str:
    return "TRUE" if is_set else "FALSE"


def of_labels(labels: Mapping[str, str]) -> Mapping[str, str]:
    """One variable for each, and one with their names; what does not fit is left out."""
    told = {
        _NOT_OF_NAMES.sub("_", name).upper(): text
        for name, text in labels.items() if len(name) < _VARIABLE_MAX - len(_LABEL) and len(text) < _VARIABLE_MAX
    }  # fmt: skip
    return {"MARATHON_APP_LABELS": " ".join(told), **{_LABEL + name: text for name, text in told.items()}}


def of_ports(app: App, host_ports: HostPorts, rng: Random) -> Mapping[str, str]:
    """``PORT0``, ``PORT_8080``, ``PORT_HTTP``, ``PORT`` and ``PORTS``: what a port is called outside, if it is there.

    A port that the container has for itself is told by its own number, and one without a number gets one.
    """
    declared = app.ports
    if not declared:
        return {}
    requested = [port.container_port if isinstance(port, PortMapping) else port.port for port in declared]
    taken = {*requested, *[port for port in host_ports if port is not None]}
    generated: list[int] = []
    effective: list[int] = []
    for number, host_port in zip(requested, host_ports, strict=True):
        if host_port is None and number == 0:
            host_port = _draw(taken, rng)
            generated.append(host_port)
        effective.append(number if host_port is None else host_port)
    told = {f"PORT{index}": str(port) for index, port in enumerate(effective)}
    told |= {f"PORT_{number or port}": str(port) for number, port in zip(requested, effective, strict=True)}
    told |= {
        f"PORT_{port.name.upper()}": str(number)
        for port, number in zip(declared, effective, strict=True) if port.name is not None
    }  # fmt: skip
    outside = [*[port for port in host_ports if port is not None], *generated]
    if outside:
        told["PORT"] = str(outside[0])
    told["PORTS"] = ",".join(map(str, outside))
    return told


def _draw(taken: set[int], rng: Random) -> int:
    while (port := rng.randint(_PORT_LEAST, _PORT_MAX)) in taken:
        pass  # there are at most a thousand
    taken.add(port)
    return port


def of_endpoints(pod: Pod, host_ports: HostPorts, prefix: str) -> Mapping[str, str]:
    """``ENDPOINT_HTTP``, ``EP_HOST_HTTP`` and ``EP_CONTAINER_HTTP``, as far as there are such ports."""
    told: dict[str, str] = {}
    on_host = is_on_host(pod)
    for endpoint, host_port in zip(endpoints(pod), host_ports, strict=True):
        name = _NOT_OF_NAMES.sub("_", endpoint.name).upper()
        found = {
            "ENDPOINT": host_port if on_host else endpoint.container_port, "EP_HOST": host_port,
            "EP_CONTAINER": endpoint.container_port,
        }  # fmt: skip
        told |= {f"{prefix}{kind}_{name}": str(port) for kind, port in found.items() if port is not None}
    return told


def double_text(number: float) -> str:
    """As Java prints a double: ``0.1``, ``32.0``, ``1.0E-4``."""
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(float(number))
    digits, _, exponent = f"{Decimal(repr(number)).normalize():E}".partition("E")
    return f"{digits if '.' in digits else f'{digits}.0'}E{int(exponent)}"
