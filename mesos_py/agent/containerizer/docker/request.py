"""What dockerd is asked for when a container is to run: its TaskInfo or ExecutorInfo as a request to create it. Pure.

The request is the JSON of dockerd's API. Paths on the host are left as a task named them; ``mounts.py`` looks whether
they may be mounted, which takes a look at the disk. Texts of refusals are Mesos'.
Mesos: src/docker/docker.cpp Docker::RunOptions::create, Docker::run
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.cgroups import controls
from mesos_py.agent.containerizer.docker import parameters
from mesos_py.agent.containerizer.docker.policy import Policy, refused_parameter, refused_privileged
from mesos_py.agent.containerizer.isolators import rlimits
from mesos_py.agent.containerizer.isolators.volumes import of_sandbox
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.flags import ContainerDNSInfo
from mesos_py.wire.linux import RLimitInfo
from mesos_py.wire.resource import Resource
from mesos_py.wire.value import Value
from mesos_py.wire.volume import MountPropagation, Volume

DockerInfo = ContainerInfo.DockerInfo
Network = DockerInfo.Network
_Dns = ContainerDNSInfo.DockerInfo

#: Names of containers begin with it; Mesos: src/slave/containerizer/docker.hpp DOCKER_NAME_PREFIX
PREFIX: Final = "mesos-"

#: How the failure begins of a task that asks for what docker run could not be told; Mesos: src/docker/executor.cpp
BAD_OPTIONS: Final = "Failed to create docker run options: "

#: Labels by which a later agent knows its containers again. (Mesos has none: its executors outlive it.)
WORK_DIR, SANDBOX = "mesos_py.work_dir", "mesos_py.sandbox"

#: Label of containers that end with this run of the agent.
RUN: Final = "mesos_py.run"

_MODES: Final = {Network.HOST: "host", Network.BRIDGE: "bridge", Network.NONE: "none"}
_DNS_PARAMETERS: Final = ("dns", "dns-search", "dns-opt", "dns-option")


@attrs.frozen(kw_only=True)
class Settings:
    """What of the agent's flags every request depends on."""

    work_dir: str
    sandbox_directory: str = "/mnt/mesos/sandbox"
    enable_cfs: bool = False
    #: of the host; how gladly its killer takes a container depends on it
    memory_bytes: int = 1 << 40
    dns: ContainerDNSInfo | None = None
    policy: Policy = attrs.Factory(Policy)
    #: of this run of the agent
    run: str = ""
    #: --cgroups_pids_limit
    pids_limit: int | None = None


@attrs.frozen
class Mount:
    """A directory or file of the host, as it was named: relative to the sandbox, or absolute."""

    source: str
    target: str
    is_read_only: bool
    #: of what is mounted below it later; empty: none
    propagation: str = ""


@attrs.frozen(kw_only=True)
class Request:
    """A container to be created."""

    name: str
    image: str
    is_pulled_anyway: bool
    #: body of POST /containers/create, without ``mounts``
    config: Mapping[str, Any]
    mounts: tuple[Mount, ...]
    #: ``docker run --rm``
    is_removed_at_once: bool


class _Refused(Exception):
    """The text is the problem's."""


def name_of(container_id: str) -> str:
    """dockerd's name of a container."""
    return PREFIX + container_id


def request(spec: ContainerSpec, settings: Settings) -> Request | Problem:
    """What is to be created; a problem's text says what cannot be."""
    problem = rlimits.setup(spec)
    if isinstance(problem, Problem):
        return problem
    try:
        return _request(spec, settings)
    except (_Refused, parameters.BadParameter) as error:
        return bad_request(f"{BAD_OPTIONS}{error}")


def _request(spec: ContainerSpec, settings: Settings) -> Request:
    container = spec.container
    if container is None or container.docker is None:
        raise _Refused("No docker info found in container info")
    if spec.parent_id is not None:
        raise _Refused("Nested containers are not supported")
    docker = container.docker
    why = refused_privileged(settings.policy) if docker.privileged else None
    if why is not None:
        raise _Refused(why)
    config: parameters.Config = {"Image": docker.image, "Env": [f"{name}={value}" for name, value in spec.env.items()]}
    host = config["HostConfig"] = {"Privileged": docker.privileged, **limits(spec.resources, spec.limits, settings)}
    config["HostConfig"]["Binds"], mounts = _volumes(spec, container, docker, settings, host)
    host["NetworkMode"] = _network(container, docker)
    if container.hostname is not None:
        if host["NetworkMode"] == "host":
            raise _Refused("Unable to set hostname with host network mode")
        config["Hostname"] = container.hostname
    if container.rlimit_info is not None:
        host["Ulimits"] = [_ulimit(limit) for limit in container.rlimit_info.rlimits]
    _ports(config, docker, spec.resources)
    _command(config, spec)
    if spec.lines is not None and spec.lines.is_terminal:
        config |= {"Tty": True, "OpenStdin": True}  # nobody need be there who types, and whoever does may go
    keys = _parameters(config, docker, settings.policy)
    if settings.dns is not None and not any(key in keys for key in _DNS_PARAMETERS):
        host.update(_default_dns(settings.dns, docker.network, str(host["NetworkMode"])))
    joins = config.pop("_Endpoint", None)
    if joins is not None:
        config["NetworkingConfig"] = {"EndpointsConfig": {host["NetworkMode"]: joins}}
    removes = bool(config.pop("_RemoveAtOnce", False))
    if settings.pids_limit is not None:
        asked = int(host.get("PidsLimit", 0))
        host["PidsLimit"] = min(asked, settings.pids_limit) if asked > 0 else settings.pids_limit
    config["Labels"] = {
        **{name: value for name, value in config.get("Labels", {}).items() if name != RUN},
        WORK_DIR: settings.work_dir, SANDBOX: spec.sandbox, **({} if spec.is_kept else {RUN: settings.run}),
    }  # fmt: skip
    return Request(
        name=name_of(spec.container_id),
        image=docker.image,
        is_pulled_anyway=bool(docker.force_pull_image),
        config=config,
        mounts=mounts,
        is_removed_at_once=removes,
    )


# ---- parts


def limits(
    resources: tuple[Resource, ...], bounds: Mapping[str, Value.Scalar], settings: Settings
) -> dict[str, int]:
    """Fields of a HostConfig, which are also what dockerd may be told to update.

    Without a limit memory is limited to its request, cpus are if ``--cgroups_enable_cfs`` says so.
    """
    what = controls.entitled(resources, bounds)
    found: dict[str, int] = {}
    if what.cpus is not None:
        found["CpuShares"] = max(int(controls.CPU_SHARES * what.cpus), controls.CPU_SHARES_MIN)
    cpus = what.cpus_limit if what.cpus_limit is not None else what.cpus if settings.enable_cfs else None
    if cpus is not None and not math.isinf(cpus):
        found["CpuPeriod"] = controls.CFS_PERIOD_US
        found["CpuQuota"] = max(int(cpus * controls.CFS_PERIOD_US), controls.CFS_QUOTA_MIN_US)
    if what.mem_limit is not None:
        if not math.isinf(what.mem_limit):
            found["Memory"] = int(what.mem_limit)
        if what.mem_bytes is not None:
            found["MemoryReservation"] = what.mem_bytes
        score = controls.oom_score(what, settings.memory_bytes)
        if score is not None:
            found["OomScoreAdj"] = score
    elif what.mem_bytes is not None:
        found["Memory"] = what.mem_bytes
    return found


def _volumes(
    spec: ContainerSpec, container: ContainerInfo, docker: DockerInfo, settings: Settings, host: parameters.Config
) -> tuple[list[str], tuple[Mount, ...]]:
    """Volumes that dockerd knows by name, and what of the host is mounted."""
    named: list[str] = []
    mounts: list[Mount] = []
    driver = None
    for volume in container.volumes:
        inside = volume.container_path
        target = inside if posixpath.isabs(inside) else posixpath.join(settings.sandbox_directory, inside)
        is_read_only = volume.mode is Volume.Mode.RO
        mode, source = "ro" if is_read_only else "rw", volume.source
        of_host = None if source is None else source.host_path
        outside = volume.host_path if of_host is None else of_host.path
        if outside is not None:
            if not posixpath.isabs(outside) and not posixpath.isabs(inside):
                raise _Refused(f"Both host_path '{outside}' and container_path '{inside}' of a volume are relative")
            if docker.volume_driver is not None and not posixpath.isabs(outside):
                named.append(f"{_plain(outside)}:{_plain(target)}:{mode}")
            else:
                mounts.append(Mount(outside, target, is_read_only, _propagation(of_host, settings.policy)))
        elif source is None:
            raise _Refused(f"Host path or volume source is required for '{inside}'")
        elif source.docker_volume is not None:
            known = source.docker_volume
            if known.driver is not None:
                if driver not in (None, known.driver):
                    raise _Refused("Only one volume driver is supported")
                driver = known.driver
            if posixpath.isabs(known.name) or known.name.startswith("."):
                raise _Refused(f"'{known.name}' is no name of a volume")  # dockerd would mount that of the host
            named.append(f"{_plain(known.name)}:{_plain(target)}:{mode}")
        elif source.type is Volume.Source.Type.SANDBOX_PATH:
            part = of_sandbox(spec.sandbox, source, None)
            if isinstance(part, Problem):
                raise _Refused(part.text)
            mounts.append(Mount(part.path, target, is_read_only))
        else:
            kind = "none" if source.type is None else source.type.name
            raise _Refused(f"Volume '{inside}': dockerd does not know its source ({kind})")
    if any(one.disk is not None and one.disk.persistence is not None for one in spec.resources):
        raise _Refused("Persistent volumes are not supported")
    if docker.volume_driver is not None:
        if driver not in (None, docker.volume_driver):
            raise _Refused("Only one volume driver per task is supported")
        driver = docker.volume_driver
    if driver is not None:
        host["VolumeDriver"] = driver
    return named, tuple(mounts)


def _propagation(source: Volume.Source.HostPath | None, policy: Policy) -> str:
    """As dockerd calls it; it refuses what the host's mount cannot have."""
    wanted = None if source is None or source.mount_propagation is None else source.mount_propagation.mode
    if wanted is MountPropagation.Mode.BIDIRECTIONAL:
        why = refused_privileged(policy)
        if why is not None:
            raise _Refused(f"Bidirectional mount propagation: {why}")
        return "rshared"
    return "rslave" if wanted is MountPropagation.Mode.HOST_TO_CONTAINER else ""


def _plain(text: str) -> str:
    if ":" in text:
        raise _Refused(f"'{text}' of a volume has a colon")  # dockerd would take what follows for something else
    return text


def _network(container: ContainerInfo, docker: DockerInfo) -> str:
    mode = _MODES.get(docker.network)
    if mode is not None:
        return mode
    if docker.network is not Network.USER:
        raise _Refused("Unsupported Network mode")
    if not container.network_infos:
        raise _Refused("No network info found in container info")
    if len(container.network_infos) > 1:
        raise _Refused("Only a single network can be defined in Docker run")
    name = container.network_infos[0].name
    if name is None:
        raise _Refused("No network name found in network info")
    if name in ("host", "default") or name.startswith("container:"):
        raise _Refused(f"'{name}' is no user-defined network")  # HOST says so, and the others are somebody's
    return name


def _ports(config: parameters.Config, docker: DockerInfo, resources: Iterable[Resource]) -> None:
    if not docker.port_mappings:
        return
    if docker.network in (Network.HOST, Network.NONE):
        raise _Refused("Port mappings are only supported for bridge and user-defined networks")
    offered = [one.ranges for one in resources if one.name == "ports" and one.ranges is not None]
    if not offered:
        raise _Refused("Port mappings require port resources")
    for mapping in docker.port_mappings:
        port = mapping.host_port
        if not any(span.begin <= port <= span.end for ranges in offered for span in ranges.range):
            raise _Refused(f"Port [{port}] not included in resources")
        parameters.publish(config, f"{mapping.container_port}/{(mapping.protocol or 'tcp').lower()}", port)


def _ulimit(limit: RLimitInfo.RLimit) -> dict[str, Any]:
    """Mesos ignores these here; what a task asks for is no other thing in docker. It has been looked at already."""
    assert limit.type is not None
    soft, hard = [rlimits.INFINITY if bound is None else bound for bound in (limit.soft, limit.hard)]
    return {"Name": limit.type.name.removeprefix("RLMT_").lower(), "Soft": soft, "Hard": hard}


def _command(config: parameters.Config, spec: ContainerSpec) -> None:
    """What runs: the image's own entrypoint and command where nothing else is said."""
    command = spec.command
    if command is None:
        return
    if command.shell:
        if command.value is None:
            raise _Refused("Shell specified but no command value provided")
        config["Entrypoint"], config["Cmd"] = ["/bin/sh"], ["-c", command.value]
        return
    arguments = [*([] if command.value is None else [command.value]), *command.arguments]
    if arguments:
        config["Cmd"] = arguments


def _parameters(config: parameters.Config, docker: DockerInfo, policy: Policy) -> list[str]:
    """They come last and count most, as on a command line; the names of those given."""
    keys = []
    for parameter in docker.parameters:
        key = parameters.canonical(parameter.key)
        why = refused_parameter(policy, key, parameter.value)
        if why is not None:
            raise _Refused(why)
        parameters.apply(config, key, parameter.value)
        keys.append(key)
    return keys


def _default_dns(given: ContainerDNSInfo, network: Network, name: str) -> dict[str, list[str]]:
    """Of the container's own network; else what is said of user-defined networks without naming one."""
    mode = {Network.BRIDGE: _Dns.NetworkMode.BRIDGE, Network.USER: _Dns.NetworkMode.USER}.get(network)
    rows = [one for one in given.docker if mode is not None and one.network_mode is mode]
    named = [one for one in rows if one.network_name == name]
    unnamed = [one for one in rows if one.network_name is None or mode is _Dns.NetworkMode.BRIDGE]
    for row in (*named, *unnamed):
        dns = row.dns
        return {"Dns": list(dns.nameservers), "DnsSearch": list(dns.search), "DnsOptions": list(dns.options)}
    return {}
