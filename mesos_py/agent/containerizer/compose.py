"""The containerizer that an agent's flags ask for.

Without isolators that need more it is processes below a supervisor, which need neither root nor anything else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable

from mesos_py.agent.containerizer import Containerizer, ContainerSpec
from mesos_py.agent.containerizer.cgroups import hierarchy
from mesos_py.agent.containerizer.cgroups.controls import Policy
from mesos_py.agent.containerizer.cgroups.isolator import CgroupsIsolator
from mesos_py.agent.containerizer.composing import ComposingContainerizer
from mesos_py.agent.containerizer.disk import DiskIsolator
from mesos_py.agent.containerizer.docker.compose import compose_docker
from mesos_py.agent.containerizer.gpus import nvml
from mesos_py.agent.containerizer.isolated import IsolatedContainerizer
from mesos_py.agent.containerizer.isolation import (
    ALL_CGROUPS,
    CGROUPS,
    GPU,
    PORTS,
    USER,
    Isolation,
    parse_isolation,
    settle,
)
from mesos_py.agent.containerizer.networks.catalogue import Catalogue
from mesos_py.agent.containerizer.networks.networks import Networks
from mesos_py.agent.containerizer.ports import PortsIsolator
from mesos_py.agent.containerizer.process import ProcessContainerizer
from mesos_py.agent.containerizer.rotation import LogBounds, Rotation, parse_options
from mesos_py.agent.containerizer.runtime.bundle import Device
from mesos_py.agent.containerizer.runtime.host import Profiles, find_devices
from mesos_py.agent.containerizer.runtime.places import Sandboxes
from mesos_py.agent.containerizer.runtime.plan import Planner
from mesos_py.agent.containerizer.runtime.preparing import Preparer
from mesos_py.agent.containerizer.runtime.runtime import Runtime, capabilities, find_init
from mesos_py.agent.containerizer.supervisor import procfs
from mesos_py.agent.containerizer.watch import Watch
from mesos_py.agent.events import ContainerEvent, ContainerLimited
from mesos_py.agent.fetcher import FetcherSettings
from mesos_py.agent.fetcher.fetching import Fetcher
from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.agent.options import AgentOptions
from mesos_py.agent.provisioner.provisioner import Provisioner
from mesos_py.agent.resources import detect
from mesos_py.algebra.parse import parse_ranges
from mesos_py.algebra.ranges import Ranges
from mesos_py.algebra.resources import Resources
from mesos_py.machine.problem import Problem
from mesos_py.machine.values import SECOND
from mesos_py.web.metrics import Timer

Report = Callable[[ContainerEvent], None]
CgroupOf = Callable[[str], str]
Link = Callable[[ContainerSpec], str | None]


def compose(
    options: AgentOptions, report: Report, provisioner: Provisioner | None = None, fetcher: Fetcher | None = None,
    docker_pulls: Timer | None = None,
) -> Containerizer:  # fmt: skip
    """Raises ValueError with a sentence when this host has not what the flags ask for.

    Without ``fetcher`` it has its own; ``docker_pulls`` hears how long dockerd takes to pull an image.
    """
    fetcher = fetcher or make_fetcher(options)
    mesos = compose_mesos(options, report, provisioner, fetcher) if "mesos" in options.containerizers else None
    if "docker" not in options.containerizers:
        assert mesos is not None
        return mesos
    docker = compose_docker(
        options, report, lambda report, place: _processes(options, report, fetcher, place), _rotation(options),
        docker_pulls,
    )  # fmt: skip
    return ComposingContainerizer(docker=docker, mesos=mesos, report=report)


def compose_mesos(
    options: AgentOptions, report: Report, provisioner: Provisioner | None, fetcher: Fetcher
) -> Containerizer:
    """Whatever is not of type DOCKER. Raises ValueError likewise."""
    networks = _catalogue(options)
    isolation = settle(
        options.isolation, options.launcher, has_images=options.image_providers is not None,
        has_networks=networks is not None,
    )  # fmt: skip

    # A runtime mounts them.
    link = (lambda spec: None) if isolation.needs_runtime else Sandboxes(os.path.realpath(options.work_dir)).link

    def processes(report: Report, cgroup_of: Callable[[str], str] = lambda container_id: "") -> ProcessContainerizer:
        return _processes(options, report, fetcher, options.runtime_dir, cgroup_of, link)

    limits_processes = "posix/rlimits" in isolation
    watches = _watches(options, isolation)
    if isolation.launcher == "posix" and not limits_processes and not watches:
        return processes(report)
    devices = find_devices(options.allowed_devices)
    gpus = nvml.find(nvml.load(), options.nvidia_gpu_devices) if GPU in isolation else None
    nodes = (*(devices if "linux/devices" in isolation else ()), *(() if gpus is None else gpus.nodes))
    found = _hierarchy(options, isolation) if isolation.launcher == "linux" else None
    policy = Policy(
        enable_cfs=options.cgroups_enable_cfs,
        limit_swap=options.cgroups_limit_swap,
        revocable_cpu_low_priority=options.revocable_cpu_low_priority,
        pids_limit=options.cgroups_pids_limit,
        devices=tuple([device.rule for device in devices]),
    )

    def cgroups(report: Callable[[ContainerLimited], None]) -> CgroupsIsolator:
        assert found is not None
        counts = options.cgroups_cpu_enable_pids_and_tids_count
        return CgroupsIsolator(found, policy, report, counts=counts, gpus=gpus)

    return IsolatedContainerizer(
        inner=processes,
        report=report,
        cgroups=None if found is None else cgroups,
        preparer=_preparer(options, isolation, provisioner, networks, nodes) if isolation.needs_runtime else None,
        watches=watches,
        limits_processes=limits_processes,
    )


def _watches(options: AgentOptions, isolation: Isolation) -> list[Callable[[Report, CgroupOf], Watch]]:
    found: list[Callable[[Report, CgroupOf], Watch]] = []
    if "disk/du" in isolation:
        disk_s = options.container_disk_watch_interval / SECOND
        enforces = options.enforce_container_disk_quota
        place = os.path.realpath(options.work_dir)
        found.append(
            lambda report, cgroup_of: DiskIsolator(report, work_dir=place, interval_s=disk_s, enforces=enforces)
        )
    if PORTS in isolation:
        if shutil.which("ss") is None:
            raise ValueError(f"{PORTS} needs ss (apt-get install iproute2)")
        ports_s, within = options.container_ports_watch_interval / SECOND, _isolated_ports(options)
        found.append(
            lambda report, cgroup_of: PortsIsolator(
                report, cgroup_of, interval_s=ports_s, enforces=options.enforce_container_ports, within=within
            )
        )
    return found


def _isolated_ports(options: AgentOptions) -> Ranges | None:
    """None: all of them."""
    if options.check_agent_port_range_only and options.container_ports_isolated_range is not None:
        raise ValueError(
            "Only one of `--check_agent_port_range_only` or '--container_ports_isolated_range` should be specified"
        )
    if options.check_agent_port_range_only:
        resources = detect(options.resources, options.default_role, os.path.realpath(options.work_dir))
        return Resources.of(resources).ranges("ports")
    text = options.container_ports_isolated_range
    return None if text is None else parse_ranges(text)


def mapped_ids(options: AgentOptions) -> MappedIds | None:
    """Whom the users of containers are on the host; None: those of the same number."""
    return options.user_namespace_ids if USER in parse_isolation(options.isolation) else None


def make_fetcher(options: AgentOptions) -> Fetcher:
    """One for all containerizers of the agent; agents may share --fetcher_cache_dir."""
    work_dir = os.path.realpath(options.work_dir)
    mark = procfs.mark_of(os.fsencode(work_dir))
    own = (work_dir, options.runtime_dir, options.fetcher_cache_dir, options.docker_store_dir)
    allowed = options.fetcher_allowed_paths
    return Fetcher(
        FetcherSettings(
            frameworks_home=options.frameworks_home,
            stall_timeout_s=options.fetcher_stall_timeout / SECOND,
            denied_networks=options.fetcher_denied_networks,
            denied_paths=_real(own),
            allowed_paths=None if allowed is None else _real(allowed.split(":")),
            cache_directory=os.path.abspath(f"{options.fetcher_cache_dir}/{mark:x}"),
            cache_size=options.fetcher_cache_size,
        )
    )


def _real(paths: Iterable[str]) -> tuple[str, ...]:
    return tuple([os.path.realpath(path) for path in paths if path])


def _processes(
    options: AgentOptions, report: Report, fetcher: Fetcher, runtime_dir: str,
    cgroup_of: Callable[[str], str] = lambda container_id: "", link: Link = lambda spec: None,
) -> ProcessContainerizer:  # fmt: skip
    return ProcessContainerizer(
        work_dir=os.path.realpath(options.work_dir),
        runtime_dir=runtime_dir,
        report=report,
        fetching=fetcher,
        orphan_s=options.recovery_timeout / SECOND,
        cgroup_of=cgroup_of,
        rotation=_rotation(options),
        link=link,
    )


def _rotation(options: AgentOptions) -> Rotation | None:
    if options.container_logger is None:
        return None
    bounds = LogBounds(
        stdout_max=options.max_stdout_size,
        stdout_keep=parse_options(options.logrotate_stdout_options),
        stderr_max=options.max_stderr_size,
        stderr_keep=parse_options(options.logrotate_stderr_options),
    )
    return Rotation(bounds, options.environment_variable_prefix)


def _catalogue(options: AgentOptions) -> Catalogue | None:
    """The networks containers may join; None: there are none, and no container asks for one in vain (``specs``)."""
    config_dir, plugins_dir = options.network_cni_config_dir, options.network_cni_plugins_dir
    if config_dir is None and plugins_dir is None:
        return None
    if os.geteuid() != 0:
        raise ValueError("The 'network/cni' isolator requires root permissions")
    if not plugins_dir:
        raise ValueError("Missing required '--network_cni_plugins_dir' flag")
    if not config_dir:
        raise ValueError("Missing required '--network_cni_config_dir' flag")
    if not os.path.isdir(config_dir):
        raise ValueError(f"The CNI network configuration directory '{config_dir}' does not exist")
    return Catalogue(config_dir, plugins_dir)


def _networks(options: AgentOptions, catalogue: Catalogue, work_dir: str) -> Networks:
    place = f"{work_dir}/isolators/network/cni"
    if not options.network_cni_root_dir_persist:
        place = os.path.abspath(f"{options.runtime_dir}/cni-{procfs.mark_of(os.fsencode(work_dir)):x}")
    name_servers, counts = options.default_container_dns, options.network_cni_metrics
    return Networks(catalogue, place, name_servers=name_servers, counts=counts)


def _preparer(
    options: AgentOptions, isolation: Isolation, provisioner: Provisioner | None, catalogue: Catalogue | None,
    devices: tuple[Device, ...],
) -> Preparer:  # fmt: skip
    work_dir = os.path.realpath(options.work_dir)
    return Preparer(
        runtime=Runtime(runtime_dir=options.runtime_dir, work_dir=work_dir),
        planner=_planner(options, isolation, devices),
        work_dir=work_dir,
        provisioner=provisioner,
        networks=None if catalogue is None else _networks(options, catalogue, work_dir),
        force_creation=[path for path in (options.host_path_volume_force_creation or "").split(":") if path],
    )


def _planner(options: AgentOptions, isolation: Isolation, devices: tuple[Device, ...]) -> Planner:
    init = find_init()
    if init is None and "namespaces/pid" in isolation:
        raise ValueError("namespaces/pid needs a program that reaps (apt-get install catatonit)")
    profiles = _profiles(options) if "linux/seccomp" in isolation else None
    default = None
    if profiles is not None and options.seccomp_profile_name is not None:
        found = profiles.named(options.seccomp_profile_name)
        if isinstance(found, Problem):
            raise ValueError(f"--seccomp_profile_name: {found.text}")
        default = found
    shm = options.default_container_shm_size
    return Planner(
        isolation=isolation,
        ids=mapped_ids(options),
        capabilities=capabilities(),
        init=init,
        effective=options.effective_capabilities,
        bounding=options.bounding_capabilities,
        devices=devices,
        default_profile=default,
        **({} if profiles is None else {"profile": profiles.named}),
        may_share_pid=not options.disallow_sharing_agent_pid_namespace,
        may_share_ipc=not options.disallow_sharing_agent_ipc_namespace,
        shm_mib=None if shm is None else max(1, shm >> 20),
        sandbox_directory=options.sandbox_directory,
    )


def _profiles(options: AgentOptions) -> Profiles:
    if options.seccomp_config_dir is None:
        raise ValueError("Missing required `--seccomp_config_dir` flag")
    return Profiles(options.seccomp_config_dir)


def _hierarchy(options: AgentOptions, isolation: Isolation) -> hierarchy.Hierarchy:
    names = isolation.cgroups
    if ALL_CGROUPS in isolation:
        names = hierarchy.everything(options.cgroups_hierarchy)
    if options.cgroups_pids_limit is not None and "pids" not in names:
        raise ValueError(f"--cgroups_pids_limit needs the isolator {CGROUPS}pids")
    return hierarchy.detect(options.cgroups_hierarchy, options.cgroups_root, names)
