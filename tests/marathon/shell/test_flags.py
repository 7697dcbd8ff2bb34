"""Flags: names, units and defaults of Marathon's; where they may be said, and what stops a start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from frameworks.marathon_py.core import Habits
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.shell.flags import Flags, read, usage
from mesos_py.config import UsageError

MASTER = ("--master", "zk://me:secret@one:2181/mesos")

#: the table of the documentation; what is unset is left out
DEFAULTS = {
    "http_port": 8080, "https_port": 8443, "http_realm": "Mesosphere", "http_compression": True,
    "leader_proxy_connection_timeout": 5000, "leader_proxy_read_timeout": 10000,
    "leader_proxy_max_open_connections": 64, "leader_proxy_ssl_ignore_hostname": False, "ha": True,
    "on_elected_prepare_timeout": 180000, "checkpoint": True, "local_port_min": 10000, "local_port_max": 20000,
    "accepted_resource_roles_default_behavior": "any", "max_instances_per_offer": 5, "offer_matching_timeout": 3000,
    "min_revive_offers_interval": 5000, "mesos_offer_constraints": False, "maintenance_mode": True,
    "draining_seconds": 0, "task_launch_confirm_timeout": 300000, "task_launch_timeout": 300000,
    "task_reservation_timeout": 20000, "reconciliation_initial_delay": 15000, "reconciliation_interval": 600000,
    "task_lost_expunge_initial_delay": 300000, "task_lost_expunge_interval": 30000, "mesos_heartbeat_interval": 15000,
    "mesos_heartbeat_failure_threshold": 5, "event_stream_max_outstanding_messages": 1024,
    "max_queued_status_updates": 10000, "zk_timeout": 10000, "zk_connection_timeout": 10000,
    "zk_session_timeout": 10000, "zk_compression": True, "zk_compression_threshold": 65536, "zk_max_versions": 50,
    "zk_max_node_size": 1024000, "store_cache": True, "storage_compaction_interval": 30000,
    "storage_compaction_scan_batch_size": 32, "framework_name": "marathon", "mesos_role": "*",
    "mesos_authentication": False, "failover_timeout": 604800, "executor": "//cmd", "mesos_bridge_name": "mesos-bridge",
    "new_group_enforce_role": "off", "max_running_deployments": 100, "launch_tokens": 100,
    "launch_token_refresh_interval": 30000, "decline_offer_duration": 120000, "suppress_offers": True,
    "gpu_scheduling_behavior": "restricted", "scale_apps_initial_delay": 15000, "scale_apps_interval": 300000,
    "kill_chunk_size": 100, "kill_retry_timeout": 30000, "max_concurrent_marathon_health_checks": 256,
    "max_queued_root_group_updates": 500, "group_versions_cache_size": 1000, "graceful_shutdown_timeout": 45000,
    "metrics_prometheus": True, "metrics_statsd": False, "metrics_datadog": False, "metrics_name_prefix": "marathon",
    "metrics_histogram_reservoir_significant_digits": 3, "metrics_histogram_reservoir_reset_periodically": True,
    "metrics_histogram_reservoir_resetting_interval_ms": 5000, "metrics_histogram_reservoir_resetting_chunks": 0,
    "max_queued_offers": 1024, "leader_election_backend": "curator", "max_parallel_status_updates": 20,
}  # fmt: skip


def flags(*arguments: str, environ: Mapping[str, str] | None = None) -> Flags:
    return read([*MASTER, *arguments], environ or {})


def refused(arguments: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        read(arguments, environ or {})
    return str(caught.value)


def test_every_flag_of_marathon_is_known_by_name_default_and_unit() -> None:
    """Behaviour §19; times are whole numbers of milliseconds, one of seconds."""
    shown = flags().shown()
    assert {name: shown.get(name) for name in DEFAULTS} == DEFAULTS


def test_the_core_goes_by_the_same_defaults() -> None:
    """A habit or setting that no flag has would raise here."""
    assert (flags().habits(), flags().settings()) == (Habits(), Settings())


def test_flags_are_habits_and_settings() -> None:
    read_now = flags(
        "--kill_chunk_size", "7", "--scale_apps_interval=1500", "--mesos_role", "dev", "--disable_checkpoint",
        "--enable_features", "vips,secrets",
    )  # fmt: skip
    habits, settings = read_now.habits(), read_now.settings()
    assert (habits.kill_chunk_size, habits.scale_apps_interval_s, habits.checkpoint) == (7, 1.5, False)
    assert (settings.mesos_role, settings.enable_features) == ("dev", ("vips", "secrets"))


def test_the_environment_is_read_and_the_command_line_wins() -> None:
    """An empty variable is a toggle; what Marathon tells its own tasks is none of ours."""
    said = {
        "MARATHON_HTTP_PORT": "81", "MARATHON_LAUNCH_TOKENS": "3", "MARATHON_DISABLE_HA": "", "MARATHON_CHECKPOINT": "",
        "MARATHON_APP_ID": "/outer", "MARATHON_URL": "http://x", "MESOSPHERE_HTTP_CREDENTIALS": "me:secret",
    }  # fmt: skip
    read_now = flags("--http_port", "82", environ=said)
    assert read_now.process.http_port == 82
    assert read_now.scheduling.launch_tokens == 3
    assert (read_now.process.ha, read_now.scheduling.checkpoint) == (False, True)
    assert read_now.process.http_credentials == "me:secret"


def test_no_secret_is_shown() -> None:
    shown = flags("--http_credentials=me:secret", "--zk=zk://me:secret@one:2181/marathon").shown()
    assert "secret" not in str({name: shown[name] for name in ("http_credentials", "zk", "master")})
    assert shown["http_credentials"] is None


def test_what_is_known_and_without_effect_is_told() -> None:
    assert flags("--zk_compression", "--plugin_dir=/x", "--http_port=1").without_effect == (
        "zk_compression", "plugin_dir",
    )  # fmt: skip


@pytest.mark.parametrize(("arguments", "why"), [
    ((), "--master is required (or MARATHON_MASTER in the environment)"),
    ((*MASTER, "--htp_port=1"), "unknown flag --htp_port; did you mean --http_port?"),
    ((*MASTER, "--http_port=many"), "--http_port: expecting a whole number, found 'many'"),
    ((*MASTER, "--http_port=70000"), "--http_port: expecting at most 65535, found '70000'"),
    ((*MASTER, "--kill_retry_timeout=10secs"), "--kill_retry_timeout: expecting a whole number, found '10secs'"),
    ((*MASTER, "--kill_retry_timeout=-1"),
     "--kill_retry_timeout: expecting a whole number from 0 to 2147483647, found '-1'"),
    ((*MASTER, "--disable_kill_chunk_size"), "unknown flag --disable_kill_chunk_size"),
    ((*MASTER, "start"), "'start' is no flag"),
])  # fmt: skip
def test_what_cannot_be_understood_stops_the_start(arguments: Sequence[str], why: str) -> None:
    assert refused(arguments).startswith(why)


def test_a_variable_that_is_empty_and_no_toggle_stops_the_start() -> None:
    assert refused(MASTER, {"MARATHON_ZK": ""}) == "MARATHON_ZK is empty, and --zk needs a value"
    assert refused(MASTER, {"MARATHON_NONSENSE": "1"}).startswith("unknown flag --nonsense")


def test_help_speaks_of_marathons_variables() -> None:
    text = usage("marathon-py serve")
    assert "--[disable_]ha" in text
    assert "MARATHON_<NAME>" in text
