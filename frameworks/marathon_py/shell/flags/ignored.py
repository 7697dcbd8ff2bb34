"""Flags of Marathon that change nothing here, because what they are about is not there, or is bounded otherwise.

They are taken with the values that Marathon takes, and warned of.
"""

from __future__ import annotations

import attrs

from frameworks.marathon_py.shell.flags.kinds import COUNT, MILLISECONDS, PORT
from mesos_py.flags import BOOLEAN, INTEGER, NAMES, SECRET, TEXT, URL, option

_GROUP = "Without effect here"
_SDK = "Calls, reconciliation and heartbeats are the SDK's."
_CORE = "One event after the other is decided at once; nothing waits in between."
_STORE = "What is kept is bounded by the store."
_METRICS = "Metrics are served as JSON and to Prometheus."


@attrs.frozen(kw_only=True)
class Ignored:
    zk_timeout_s: float = option(MILLISECONDS, 10.0, _STORE, group=_GROUP)
    zk_compression: bool = option(BOOLEAN, True, _STORE, group=_GROUP)
    zk_compression_threshold: int = option(COUNT, 65_536, _STORE, group=_GROUP)
    zk_max_node_size: int = option(COUNT, 1_024_000, _STORE, group=_GROUP)
    store_cache: bool = option(BOOLEAN, True, _STORE, group=_GROUP)
    storage_compaction_interval_s: float = option(MILLISECONDS, 30.0, _STORE, group=_GROUP)
    storage_compaction_scan_batch_size: int = option(COUNT, 32, _STORE, group=_GROUP)
    group_versions_cache_size: int = option(COUNT, 1000, _STORE, group=_GROUP)
    leader_election_backend: str = option(TEXT, "curator", "Who keeps the state is elected.", group=_GROUP)

    max_queued_root_group_updates: int = option(COUNT, 500, _CORE, group=_GROUP)
    max_queued_status_updates: int = option(COUNT, 10_000, _CORE, group=_GROUP)
    max_parallel_status_updates: int = option(COUNT, 20, _CORE, group=_GROUP)
    max_parallel_offers: int = option(COUNT, 8, _CORE, group=_GROUP)
    max_queued_offers: int = option(COUNT, 1024, _CORE, group=_GROUP)
    offer_matching_timeout_s: float = option(MILLISECONDS, 3.0, _CORE, group=_GROUP)
    suppress_offers: bool = option(BOOLEAN, True, "Offers are asked for when they are wanted.", group=_GROUP)
    mesos_offer_constraints: bool = option(BOOLEAN, False, "Constraints are judged here.", group=_GROUP)
    mesos_heartbeat_interval_s: float = option(MILLISECONDS, 15.0, _SDK, group=_GROUP)
    mesos_heartbeat_failure_threshold: int = option(COUNT, 5, _SDK, group=_GROUP)
    reconciliation_initial_delay_s: float = option(MILLISECONDS, 15.0, _SDK, group=_GROUP)
    reconciliation_interval_s: float = option(MILLISECONDS, 600.0, _SDK, group=_GROUP)
    task_lost_expunge_initial_delay_s: float = option(
        MILLISECONDS, 300.0, "Instances out of reach are looked at from the start.", group=_GROUP)
    task_lost_expunge_interval_s: float = option(
        MILLISECONDS, 30.0, "Instances out of reach are looked at when it is time.", group=_GROUP)
    task_reservation_timeout_s: float = option(
        MILLISECONDS, 20.0, "Nothing is reserved yet.", group=_GROUP)
    default_accepted_resource_roles: tuple[str, ...] = option(
        NAMES, (), "Replaced by --accepted_resource_roles_default_behavior.", group=_GROUP)
    deprecated_features: tuple[str, ...] = option(NAMES, (), "There are none.", group=_GROUP)
    max_apps: int | None = option(INTEGER, None, "Unused in Marathon, too.", group=_GROUP)
    graceful_shutdown_timeout_s: float = option(
        MILLISECONDS, 45.0, "Nothing is lost by a sudden end.", group=_GROUP)

    plugin_dir: str | None = option(TEXT, None, "Plug-ins are entry points of Python packages.", group=_GROUP)
    metrics_statsd: bool = option(BOOLEAN, False, _METRICS, group=_GROUP)
    metrics_statsd_host: str | None = option(TEXT, None, _METRICS, group=_GROUP)
    metrics_statsd_port: int | None = option(PORT, None, _METRICS, group=_GROUP)
    metrics_statsd_transmission_interval_ms: float | None = option(MILLISECONDS, None, _METRICS, group=_GROUP)
    metrics_datadog: bool = option(BOOLEAN, False, _METRICS, group=_GROUP)
    metrics_datadog_protocol: str | None = option(TEXT, None, _METRICS, group=_GROUP)
    metrics_datadog_host: str | None = option(TEXT, None, _METRICS, group=_GROUP)
    metrics_datadog_port: int | None = option(PORT, None, _METRICS, group=_GROUP)
    metrics_datadog_api_key: str | None = option(SECRET, None, _METRICS, group=_GROUP)
    metrics_datadog_interval: float | None = option(MILLISECONDS, None, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_significant_digits: int = option(INTEGER, 3, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_reset_periodically: bool = option(BOOLEAN, True, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_resetting_interval_ms: float = option(MILLISECONDS, 5.0, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_resetting_chunks: int = option(INTEGER, 0, _METRICS, group=_GROUP)
    logstash: str | None = option(URL, None, "The log goes to stderr.", group=_GROUP)
    sentry: str | None = option(SECRET, None, "The log goes to stderr.", group=_GROUP)
    sentry_tags: str | None = option(TEXT, None, "The log goes to stderr.", group=_GROUP)
    tracing: bool = option(BOOLEAN, False, "Every event can be replayed from a journal.", group=_GROUP)
