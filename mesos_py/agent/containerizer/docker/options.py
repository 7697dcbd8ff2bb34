"""The agent's settings that only the docker containerizer knows.

Names and defaults are Mesos' where it has them (Mesos: src/slave/flags.cpp); ``docker_timeout`` and what tasks may ask
of dockerd (``docker_allow...``) are ours.
"""

from __future__ import annotations

import attrs

from mesos_py.agent.containerizer import name_servers
from mesos_py.flags import BOOLEAN, NAMES, NANOS, TEXT, bounded, checked, message, option
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.flags import ContainerDNSInfo

MINUTE: Nanos = 60 * SECOND
HOUR: Nanos = 60 * MINUTE


@attrs.frozen(kw_only=True)
class DockerOptions:
    """Some of an agent's."""

    docker_socket: str = option(
        TEXT, "/var/run/docker.sock", "Where the Docker daemon of the docker containerizer listens.", group="Docker"
    )
    docker_timeout: Nanos = option(
        bounded(NANOS, least=SECOND), MINUTE,
        "A Docker daemon that does not answer for so long fails launches, and the start of an agent.", group="Docker",
    )  # fmt: skip
    docker_stop_timeout: Nanos = option(
        NANOS, 0, "Docker's containers have at least so long to end when a kill does not say how long.", group="Docker"
    )
    docker_remove_delay: Nanos = option(
        NANOS, 6 * HOUR, "Docker's containers are removed so long after their end.", group="Docker"
    )
    docker_kill_orphans: bool = option(
        BOOLEAN, True, "Containers of Docker that no executor of this agent has are removed at its start.",
        group="Docker",
    )  # fmt: skip
    docker_allow_privileged: bool = option(
        BOOLEAN, False, "Tasks may run privileged in Docker, which makes them root of the host.", group="Docker"
    )
    docker_allowed_parameters: tuple[str, ...] = option(
        NAMES, (),
        "Parameters of docker run that tasks may give, as KEY, or KEY=VALUE for that value alone, besides those that"
        " give them nothing (label, env, ulimit and the like); *: all. Namespaces of the host or another container need"
        " the value, as in pid=host.", group="Docker",
    )  # fmt: skip
    docker_allowed_volumes: str | None = option(
        TEXT, None, "Directories of the host, with colons between, below which Docker's containers may have volumes;"
        " unset: all but those that hold, or lie in, what is the agent's or Docker's own, and those of the system to be"
        " read only.", group="Docker",
    )  # fmt: skip
    default_container_dns: ContainerDNSInfo | None = option(
        checked(message(ContainerDNSInfo), name_servers.check), None,
        'Name servers of containers in Docker or CNI networks that name none, as {"docker":[{"network_mode":"BRIDGE",'
        '"dns":{"nameservers":["10.0.0.1"]}}],"mesos":[{"network_mode":"CNI","network_name":"web","dns":...}]}.',
        group="Docker",
    )  # fmt: skip
