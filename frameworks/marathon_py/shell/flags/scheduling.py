"""Flags of what is run, how, and when: what Mesos is told, offers, launches, kills, timers, defaults of definitions."""

from __future__ import annotations

import attrs

from frameworks.marathon_py.shell.flags.kinds import COUNT, MILLISECONDS, PORT, WHOLE_SECONDS
from mesos_py.flags import BOOLEAN, NAMES, SECRET, TEXT, URL, one_of, option

FEATURES = ("vips", "task_killing", "external_volumes", "secrets", "gpu_resources")
#: of former releases, for those who still need them
DEPRECATED = ("sanitize_accepted_resource_roles", "text_plain_tasks")


@attrs.frozen(kw_only=True)
class Scheduling:
    master: str = option(URL, "", "The master: HOST:PORT, or zk://host:port/path. Required.", group="Mesos")
    framework_name: str = option(TEXT, "marathon", "Name of the framework.", group="Mesos")
    mesos_role: str = option(TEXT, "*", "Role of what no group has a role for.", group="Mesos")
    mesos_user: str = option(TEXT, "", "Whom tasks run as; unset: who runs this.", group="Mesos")
    mesos_authentication: bool = option(BOOLEAN, False, "Say to the master who we are.", group="Mesos")
    mesos_authentication_principal: str | None = option(TEXT, None, "Who we are.", group="Mesos")
    mesos_authentication_secret: str | None = option(SECRET, None, "How the master knows.", group="Mesos")
    mesos_authentication_secret_file: str | None = option(TEXT, None, "A file that has it.", group="Mesos")
    failover_timeout_s: float = option(
        WHOLE_SECONDS, 604_800.0, "How long tasks go on without us; then the master ends them.", group="Mesos")
    checkpoint: bool = option(BOOLEAN, True, "Tasks outlive a restart of their agents.", group="Mesos")

    max_instances_per_offer: int = option(COUNT, 5, "Launches from one offer.", group="Offers and launches")
    launch_tokens: int = option(COUNT, 100, "Launches in each interval.", group="Offers and launches")
    launch_token_refresh_interval_s: float = option(
        MILLISECONDS, 30.0, "The interval of --launch_tokens.", group="Offers and launches")
    decline_offer_duration_s: float = option(
        MILLISECONDS, 120.0, "How long what is not used is not offered again.", group="Offers and launches")
    min_revive_offers_interval_s: float = option(
        MILLISECONDS, 5.0, "At least so long between two requests for offers.", group="Offers and launches")
    gpu_scheduling_behavior: str = option(
        one_of("unrestricted", "restricted"), "restricted", "Whether apps without GPUs may run where there are some.",
        group="Offers and launches")
    maintenance_mode: bool = option(
        BOOLEAN, True, "Agents in a maintenance window are not used.", group="Offers and launches")
    draining_seconds: float = option(
        WHOLE_SECONDS, 0.0, "Nor are they so long before one.", group="Offers and launches")
    local_port_min: int = option(PORT, 10_000, "The first service port.", group="Offers and launches")
    local_port_max: int = option(PORT, 20_000, "The one after the last service port.", group="Offers and launches")
    executor: str = option(
        TEXT, "//cmd", "Path of an executor for apps that name none; //cmd: Mesos' own.", group="Offers and launches")
    env_vars_prefix: str = option(
        TEXT, "", "What names of variables about ports begin with.", group="Offers and launches")

    task_launch_confirm_timeout_s: float = option(
        MILLISECONDS, 300.0, "A launch that nothing was heard of is given up after so long.", group="Tasks")
    task_launch_timeout_s: float = option(
        MILLISECONDS, 300.0, "A task must run so long after it was launched.", group="Tasks")
    scale_apps_initial_delay_s: float = option(
        MILLISECONDS, 15.0, "When it is first looked whether what runs is what should.", group="Tasks")
    scale_apps_interval_s: float = option(MILLISECONDS, 300.0, "And how often after that.", group="Tasks")
    kill_chunk_size: int = option(COUNT, 100, "Kills under way at once.", group="Tasks")
    kill_retry_timeout_s: float = option(MILLISECONDS, 30.0, "A kill is repeated after so long.", group="Tasks")
    max_concurrent_marathon_health_checks: int = option(
        COUNT, 256, "Probes of Marathon's own health and readiness checks at once.", group="Tasks")

    max_running_deployments: int = option(COUNT, 100, "More deployments at once are refused.", group="Definitions")
    default_network_name: str | None = option(
        TEXT, None, "Network of apps that ask for a container network without a name.", group="Definitions")
    mesos_bridge_name: str = option(
        TEXT, "mesos-bridge", "Network that container/bridge means for Mesos' containers.", group="Definitions")
    accepted_resource_roles_default_behavior: str = option(
        one_of("any", "unreserved", "reserved"), "any", "Resources that apps use which do not say.",
        group="Definitions")
    new_group_enforce_role: str = option(
        one_of("off", "top"), "off", "Whether new top-level groups enforce their role.", group="Definitions")
    deprecated_features: tuple[str, ...] = option(
        NAMES, (), f"With commas between: {', '.join(DEPRECATED)}.", group="Definitions")
    enable_features: tuple[str, ...] = option(
        NAMES, (), f"With commas between: {', '.join(FEATURES)}.", group="Definitions")
