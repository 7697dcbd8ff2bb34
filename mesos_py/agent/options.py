"""The agent's settings: one field per flag, with its default and unit.

Names and defaults are Mesos' (Mesos: src/slave/flags.cpp); durations are nanoseconds inside, ``10secs`` outside.
``flags()`` gives them back as the endpoints show them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import attrs

from mesos_py.agent.containerizer.isolation import parse_isolation
from mesos_py.agent.containerizer.rotation import LOGROTATE, SIZE_MIN, parse_options
from mesos_py.agent.containerizer.runtime.options import RuntimeOptions
from mesos_py.agent.provisioner.credentials import parse_docker_config
from mesos_py.agent.provisioner.reference import parse_registry
from mesos_py.algebra.parse import parse_ranges
from mesos_py.flags import (
    BOOLEAN,
    INTEGER,
    NAMES,
    NANOS,
    NUMBER,
    PORT,
    SECRET,
    SIZE,
    STRINGS,
    TEXT,
    URL,
    bounded,
    checked,
    message,
    one_of,
    option,
    shown,
)
from mesos_py.machine.values import SECOND, Nanos
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.flags import ImageGcConfig

MINUTE: Nanos = 60 * SECOND
HOUR: Nanos = 60 * MINUTE
WEEK: Nanos = 7 * 24 * HOUR

EXECUTOR_REREGISTRATION_TIMEOUT_MAX: Nanos = 15 * SECOND  # Mesos: src/slave/constants.hpp
MAX_COMPLETED_FRAMEWORKS = 50  # Mesos: src/slave/constants.hpp
MAX_COMPLETED_TASKS_PER_EXECUTOR = 200  # Mesos: src/slave/constants.hpp
EXECUTOR_HEARTBEAT_INTERVAL: Nanos = 30 * MINUTE  # Mesos: src/slave/constants.hpp
REGISTER_RETRY_MAX: Nanos = MINUTE  # Mesos: src/slave/constants.hpp, REGISTER_RETRY_INTERVAL_MAX
#: Mesos has none: there, what is said may be lost. Here it arrives as long as the connection lives, and a master that
#: is busy with ten thousand agents is not helped by hearing all of them again.
REGISTER_RETRY_MIN: Nanos = 5 * SECOND
STATUS_UPDATE_RETRY_MIN: Nanos = 10 * SECOND  # Mesos: src/slave/constants.hpp
STATUS_UPDATE_RETRY_MAX: Nanos = 10 * MINUTE  # Mesos: src/slave/constants.hpp
MASTER_PING_TIMEOUT: Nanos = 75 * SECOND  # until the master says otherwise; Mesos: src/master/constants.hpp

#: Nothing is fetched from there: link-local addresses, where clouds tell their machines secrets, and where some do it
#: instead (AWS over IPv6, Alibaba).
DENIED_NETWORKS = ("169.254.0.0/16", "fe80::/10", "fd00:ec2::254/128", "100.100.100.200/32")


def _check_networks(texts: tuple[str, ...]) -> None:
    """Raises ValueError."""
    for text in texts:
        ipaddress.ip_network(text)


def _check_containerizers(names: tuple[str, ...]) -> None:
    unknown = next((name for name in names if name not in ("mesos", "docker")), None)
    if unknown is not None:
        raise ValueError(f"Unknown or unsupported containerizer: {unknown}")  # Mesos: containerizer.cpp create
    if not names or len(set(names)) < len(names):
        raise ValueError("expecting mesos, docker, or both")


def _check_image_gc(config: ImageGcConfig) -> None:
    if not 0 <= config.image_disk_headroom <= 1:
        raise ValueError(f"expecting image_disk_headroom between 0 and 1, found {config.image_disk_headroom:g}")
    if config.image_disk_watch_interval.nanoseconds < SECOND:
        raise ValueError("expecting image_disk_watch_interval of at least a second")


@attrs.frozen(kw_only=True)
class AgentOptions(RuntimeOptions):
    """Settings of one agent; nothing here changes while it runs."""

    # ------------------------------------------------------------------------------------------ addresses
    master: str = option(
        URL, help="Where the leading master is: HOST:PORT, or zk://host1:port1,host2:port2/path.", group="Addresses"
    )
    ip: str = option(TEXT, "127.0.0.1", "Address to listen on.", group="Addresses")
    port: int = option(PORT, 5051, "Port to listen on; 0 picks a free one.", group="Addresses")
    advertise_ip: str | None = option(TEXT, None, "Address told to others, if they cannot use --ip.", group="Addresses")
    advertise_port: int | None = option(
        PORT, None, "Port told to others, if they cannot use --port.", group="Addresses"
    )
    hostname: str | None = option(
        TEXT, None, "Name that frameworks see in offers, which must resolve for them; unset: the ip.", group="Addresses"
    )

    # ------------------------------------------------------------------------------------------ what it offers
    resources: str = option(
        TEXT,
        "",
        "What it offers, as 'cpus:4;mem:1024;ports:[31000-32000]' or JSON; what is not named is detected.",
        group="Resources",
    )
    attributes: str = option(TEXT, "", "What it is, as 'rack:a;zone:1'.", group="Resources")
    default_role: str = option(TEXT, "*", "Role of resources that name none.", group="Resources")
    # ------------------------------------------------------------------------------------------ storage
    work_dir: str = option(TEXT, help="Root of sandboxes and of everything that survives a restart.", group="Storage")
    runtime_dir: str = option(TEXT, "/var/run/mesos", "Volatile state of containers.", group="Storage")
    gc_delay: Nanos = option(NANOS, WEEK, "Age at which sandboxes of ended executors are removed.", group="Storage")
    gc_disk_headroom: float = option(
        bounded(NUMBER, least=0, most=1),
        0.1,
        "Part of the disk to keep free: the fuller it is beyond that, the younger sandboxes are removed.",
        group="Storage",
    )
    gc_non_executor_container_sandboxes: bool = option(
        BOOLEAN, False, "Sandboxes of nested and standalone containers have an age of their own; else they go with that"
        " of their executor, or stay until somebody removes them.", group="Storage",
    )  # fmt: skip
    disk_watch_interval: Nanos = option(NANOS, MINUTE, "Pause between two looks at the disk.", group="Storage")
    journal: str | None = option(
        TEXT,
        None,
        "Directory for a record of everything that reaches this agent, for 'mesos-py replay' and 'mesos-py story'; it"
        " holds what frameworks send, secrets included. Unset: nothing is recorded.",
        group="Storage",
    )
    journal_size: int = option(
        bounded(SIZE, least=1 << 20), 256 << 20, "The oldest events are forgotten beyond that.", group="Storage"
    )

    # ------------------------------------------------------------------------------------------ containers
    containerizers: tuple[str, ...] = option(
        checked(NAMES, _check_containerizers),
        ("mesos",),
        "Who runs containers: mesos, docker (those of type DOCKER, by a Docker daemon), or both.",
        group="Containers",
    )
    default_container_info: ContainerInfo | None = option(
        message(ContainerInfo), None, 'The container of executors and tasks that ask for none, as {"type":"MESOS"}.',
        group="Containers",
    )  # fmt: skip
    isolation: str = option(
        checked(TEXT, parse_isolation),
        "posix/cpu,posix/mem",
        "What containers are kept from, as names of isolators: posix/cpu and posix/mem only measure; cgroups/cpu,"
        " cgroups/mem, cgroups/pids, cgroups/devices, cgroups/blkio (io) and cgroups/cpuset, or cgroups/all of them,"
        " and network/ports need root; posix/rlimits; disk/du; volume/sandbox_path (parts of sandboxes, for what is"
        " nested), filesystem/linux (volumes and images, with"
        " docker/runtime and volume/secret), namespaces/pid, namespaces/ipc, namespaces/cgroup, linux/capabilities,"
        " linux/devices, linux/nnp and linux/seccomp need root and crun.",
        group="Containers",
    )
    launcher: str | None = option(
        one_of("linux", "posix"),
        None,
        "How containers are started and killed: with cgroups, or by looking for their processes; unset: linux if"
        " isolators need it.",
        group="Containers",
    )
    cgroups_hierarchy: str = option(TEXT, "/sys/fs/cgroup", "Where cgroups are mounted.", group="Containers")
    cgroups_root: str = option(
        TEXT, "mesos", "The cgroup that holds those of containers; each agent of a host needs its own.",
        group="Containers",
    )  # fmt: skip
    cgroups_enable_cfs: bool = option(
        BOOLEAN, False, "Containers get no more cpus than they have asked for, even if there are any.",
        group="Containers",
    )  # fmt: skip
    cgroups_limit_swap: bool = option(BOOLEAN, False, "Limits of memory include swap.", group="Containers")
    cgroups_cpu_enable_pids_and_tids_count: bool = option(
        BOOLEAN, False, "Usage of containers includes numbers of processes and threads.", group="Containers"
    )
    cgroups_pids_limit: int | None = option(
        bounded(INTEGER, least=1), None, "Most processes and threads of one container; unset: no limit.",
        group="Containers",
    )  # fmt: skip
    revocable_cpu_low_priority: bool = option(
        BOOLEAN, True, "Containers with revocable cpus have those that nobody else wants.", group="Containers"
    )
    enforce_container_disk_quota: bool = option(
        BOOLEAN, False, "With disk/du: who takes more of the disk than he has asked for is ended.", group="Containers"
    )
    container_disk_watch_interval: Nanos = option(
        bounded(NANOS, least=SECOND // 10), 15 * SECOND, "Pause between two looks at sandboxes.", group="Containers"
    )
    http_heartbeat_interval: Nanos = option(
        bounded(NANOS, least=SECOND // 10), 30 * SECOND,
        "Pause between two heartbeats to clients of what a container writes, while it writes nothing.",
        group="Containers",
    )  # fmt: skip
    host_path_volume_force_creation: str | None = option(
        TEXT, None, "Directories, with colons between, below which sources of host path volumes are made if absent.",
        group="Containers",
    )  # fmt: skip
    launcher_dir: str = option(
        TEXT,
        "/usr/local/libexec/mesos",
        "Where Mesos has its helper programs; appears only in the command shown for command executors.",
        group="Containers",
    )
    switch_user: bool = option(BOOLEAN, True, "Tasks run as their user; needs root.", group="Containers")
    # ------------------------------------------------------------------------------------------ networks
    network_cni_config_dir: str | None = option(
        TEXT, None, "Directory with the CNI networks that containers may join, a file each (.conf, .conflist); unset:"
        " there is the host's only. Needs root and crun.", group="Networks",
    )  # fmt: skip
    network_cni_plugins_dir: str | None = option(
        TEXT, None, "Where the plugins of these networks are: /usr/lib/cni on Debian (containernetworking-plugins).",
        group="Networks",
    )  # fmt: skip
    network_cni_root_dir_persist: bool = option(
        BOOLEAN, False, "What is known of the networks of containers is kept in --work_dir, so that their addresses are"
        " given back after a restart of the host, too.", group="Networks",
    )  # fmt: skip
    network_cni_metrics: bool = option(
        BOOLEAN, True, "Usage of containers in CNI networks includes what went through their links.", group="Networks"
    )
    enforce_container_ports: bool = option(
        BOOLEAN, False, "With network/ports: who listens on ports that he has not asked for is ended, not only logged.",
        group="Networks",
    )  # fmt: skip
    container_ports_watch_interval: Nanos = option(
        bounded(NANOS, least=SECOND // 10), 30 * SECOND, "Pause between two looks at ports.", group="Networks"
    )
    check_agent_port_range_only: bool = option(
        BOOLEAN, False, "Only the ports among the agent's resources are looked at.", group="Networks"
    )
    container_ports_isolated_range: str | None = option(
        checked(TEXT, parse_ranges), None, "Only these ports are looked at, as [31000-32000].", group="Networks"
    )

    # ------------------------------------------------------------------------------------------ images
    image_providers: str | None = option(
        one_of("docker"), None, "Where images come from; unset: there are none. Needs root.", group="Images"
    )
    sandbox_directory: str = option(
        TEXT, "/mnt/mesos/sandbox", "Where containers from images find their sandbox.", group="Images"
    )
    image_provisioner_backend: str | None = option(
        one_of("overlay", "copy"),
        None,
        "How a container gets its own copy of an image; unset: overlay if the kernel mounts one in --work_dir.",
        group="Images",
    )
    image_gc_config: ImageGcConfig | None = option(
        checked(message(ImageGcConfig), _check_image_gc),
        None,
        'When unused images are removed by themselves, as {"image_disk_headroom":0.1,"image_disk_watch_interval":'
        '{"nanoseconds":3600000000000},"excluded_images":[]}; unset: never.',
        group="Images",
    )
    docker_registry: str = option(
        checked(attrs.evolve(URL, metavar="URL|/DIRECTORY"), parse_registry),
        "https://registry-1.docker.io",
        "Where an image is pulled from if its name names no registry; or, for all of them, a directory of docker "
        "archives NAME.tar, or an OCI layout.",
        group="Images",
    )
    docker_store_dir: str = option(
        TEXT, "/tmp/mesos/store/docker", "Where images are kept.", group="Images"  # noqa: S108
    )
    docker_config: str | None = option(
        checked(SECRET, parse_docker_config),
        None,
        "Docker config with the passwords for registries: its text, or a file.",
        group="Images",
    )
    # ------------------------------------------------------------------------------------------ fetcher
    frameworks_home: str = option(TEXT, "", "Prefix of relative paths to fetch.", group="Fetcher")
    fetcher_cache_size: int = option(
        SIZE, 2 << 30, "Room for fetched files that are kept for other tasks of their user.", group="Fetcher"
    )
    fetcher_cache_dir: str = option(
        TEXT, "/tmp/mesos/fetch", "Where they are; each agent has a directory there, empty when it starts.",  # noqa: S108
        group="Fetcher",
    )  # fmt: skip
    fetcher_denied_networks: tuple[str, ...] = option(
        checked(NAMES, _check_networks), DENIED_NETWORKS,
        "Networks from which nothing is fetched; those of link-local addresses and of clouds' metadata.",
        group="Fetcher",
    )  # fmt: skip
    fetcher_allowed_paths: str | None = option(
        TEXT,
        None,
        "Files and directories, with colons between, that paths and file:// URIs may be fetched from; empty: none."
        " Unset: what a task's user may read, or what everybody may read for who is root in an image. Never what is the"
        " agent's own.",
        group="Fetcher",
    )
    fetcher_stall_timeout: Nanos = option(
        NANOS, MINUTE, "A download that receives nothing for so long has failed.", group="Fetcher"
    )

    # ------------------------------------------------------------------------------------------ what tasks say
    container_logger: str | None = option(
        one_of(LOGROTATE), None, "Who writes stdout and stderr of tasks; unset: they themselves, without a bound.",
        group="What tasks say",
    )  # fmt: skip
    max_stdout_size: int = option(
        bounded(SIZE, least=SIZE_MIN), 10 << 20, "With the logger: most bytes of one file.", group="What tasks say"
    )
    max_stderr_size: int = option(bounded(SIZE, least=SIZE_MIN), 10 << 20, "Likewise.", group="What tasks say")
    logrotate_stdout_options: str = option(
        checked(TEXT, parse_options), "", "How many older files stay, as 'rotate 9'; unset: none.",
        group="What tasks say",
    )  # fmt: skip
    logrotate_stderr_options: str = option(checked(TEXT, parse_options), "", "Likewise.", group="What tasks say")
    environment_variable_prefix: str = option(
        TEXT,
        "CONTAINER_LOGGER_",
        "Before the names of these four flags, in capitals: variables by which a task sets them for itself.",
        group="What tasks say",
    )

    # ------------------------------------------------------------------------------------------ executors
    executor_environment_variables: Mapping[str, str] | None = option(
        STRINGS, None, "Environment of every executor; unset: they inherit nothing.", group="Executors"
    )
    executor_registration_timeout: Nanos = option(
        NANOS, MINUTE, "An executor that has not subscribed by then is destroyed.", group="Executors"
    )
    executor_reregistration_timeout: Nanos = option(
        bounded(NANOS, most=EXECUTOR_REREGISTRATION_TIMEOUT_MAX),
        2 * SECOND,
        "How long to wait for executors after a restart; also their back-off bound for subscribing.",
        group="Executors",
    )
    executor_shutdown_grace_period: Nanos = option(
        NANOS, 5 * SECOND, "Time between SHUTDOWN and the end of an executor's container.", group="Executors"
    )
    max_completed_executors_per_framework: int = option(
        bounded(INTEGER, least=0), 150, "So many ended executors of each framework are remembered.", group="Executors"
    )

    # ------------------------------------------------------------------------------------------ restarts
    recover: str = option(
        one_of("reconnect", "cleanup"),
        "reconnect",
        "What to do with executors of a former run: go on with them, or end them all and exit.",
        group="Restarts",
    )
    strict: bool = option(
        BOOLEAN,
        True,
        "What was kept and cannot be read ends the agent; --no-strict: it goes on without.",
        group="Restarts",
    )
    reconfiguration_policy: str = option(
        one_of("equal", "additive"),
        "equal",
        "Which changes of resources, attributes and address a restarted agent may come with: none, or more of them.",
        group="Restarts",
    )
    recovery_timeout: Nanos = option(
        NANOS, 15 * MINUTE, "Executors end when no agent comes back for so long.", group="Restarts"
    )
    registration_backoff_factor: Nanos = option(
        NANOS,
        SECOND,
        "Registration starts after a random part of it, and is repeated after up to twice, four times ... of it.",
        group="Restarts",
    )

    # ------------------------------------------------------------------------------------------ logging
    log_dir: str | None = option(TEXT, None, "Directory for a copy of the log, which /files shows.", group="Logging")
    logging_level: str = option(
        one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "Least important lines to log.", group="Logging"
    )

    def flags(self) -> dict[str, str]:
        """Name and text of every flag that is set, as endpoints show them."""
        return {name: text for name, text in shown(self).items() if text or name not in ("resources", "attributes")}
