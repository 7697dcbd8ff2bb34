"""The docker containerizer that an agent's flags ask for."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Final

import psutil

from mesos_py.agent.containerizer import Containerizer
from mesos_py.agent.containerizer.docker.containerizer import DockerContainerizer
from mesos_py.agent.containerizer.docker.dockerd import Dockerd
from mesos_py.agent.containerizer.docker.images import Images
from mesos_py.agent.containerizer.docker.logs import Logs
from mesos_py.agent.containerizer.docker.policy import Policy
from mesos_py.agent.containerizer.docker.request import Settings
from mesos_py.agent.containerizer.docker.sandboxes import Sandboxes
from mesos_py.agent.containerizer.rotation import Rotation
from mesos_py.agent.containerizer.supervisor.procfs import mark_of
from mesos_py.agent.events import ContainerEvent
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.provisioner.credentials import parse_docker_config
from mesos_py.machine.values import SECOND
from mesos_py.web.metrics import Timer

Report = Callable[[ContainerEvent], None]

#: Where dockerd keeps everything unless it is told otherwise.
DOCKER_DIR: Final = "/var/lib/docker"


def compose_docker(
    options: AgentOptions, report: Report, processes: Callable[[Report, str], Containerizer],
    rotation: Rotation | None, pulls: Timer | None,
) -> DockerContainerizer:  # fmt: skip
    """``processes`` makes a containerizer of processes, whose volatile state is in the directory that it is given."""
    work_dir, timeout_s = os.path.realpath(options.work_dir), options.docker_timeout / SECOND
    own = os.path.join(options.runtime_dir, f"docker-{mark_of(os.fsencode(work_dir)):x}")
    dockerd = Dockerd(options.docker_socket, timeout_s=timeout_s)
    guarded = [work_dir, options.runtime_dir, options.docker_socket, DOCKER_DIR]
    volumes = options.docker_allowed_volumes
    settings = Settings(
        work_dir=work_dir,
        sandbox_directory=options.sandbox_directory,
        enable_cfs=options.cgroups_enable_cfs,
        memory_bytes=psutil.virtual_memory().total,
        dns=options.default_container_dns,
        run=secrets.token_hex(16),
        pids_limit=options.cgroups_pids_limit,
        policy=Policy(
            allows_privileged=options.docker_allow_privileged,
            parameters=options.docker_allowed_parameters,
            volumes=None if volumes is None else tuple([os.path.realpath(one) for one in volumes.split(":") if one]),
            guarded=tuple([os.path.realpath(path) for path in guarded]),
        ),
    )
    return DockerContainerizer(
        dockerd=dockerd,
        images=Images(
            dockerd,
            None if options.docker_config is None else parse_docker_config(options.docker_config),
            patience_s=timeout_s,
            timer=pulls,
        ),
        sandboxes=Sandboxes(lambda hear: processes(hear, own)),
        logs=Logs(options.docker_socket, os.path.join(own, "output"), timeout_s=timeout_s, rotation=rotation),
        settings=settings,
        report=report,
        remove_delay_s=options.docker_remove_delay / SECOND,
        kills_orphans=options.docker_kill_orphans,
        cgroups=options.cgroups_hierarchy,
    )
