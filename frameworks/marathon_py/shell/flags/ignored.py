"""Flags of Marathon that change nothing here, because what they are about is not there, or is bounded otherwise.

They are taken with the values that Marathon takes, and warned of.
"""

from __future__ import annotations

import attrs

from frameworks.marathon_py.shell.flags.kinds import COUNT, MILLISECONDS
from mesos_py.flags import BOOLEAN, INTEGER, NAMES, SECRET, TEXT, URL, option

_GROUP = "Without effect here"
_SDK = "Calls, reconciliation and heartbeats are the SDK's."
_CORE = "One event after the other is decided at once; nothing waits in between."
_STORE = "What is kept is bounded by the store."
_METRICS = "Timers keep their last samples."
_THREADS = "Everything is done by one thread."
_CALLBACKS = "Nobody is called back about events, which are at /v2/events."


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
    zk_max_concurrency: int = option(COUNT, 32, _STORE, group=_GROUP)
    zk_operation_max_retries: int = option(COUNT, 5, _STORE, group=_GROUP)
    zk_operation_base_retry_sleep_ms: float = option(MILLISECONDS, 0.01, _STORE, group=_GROUP)
    internal_version_caching: bool = option(BOOLEAN, True, _STORE, group=_GROUP)
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
    max_apps: int | None = option(INTEGER, None, "Unused in Marathon, too.", group=_GROUP)
    graceful_shutdown_timeout_s: float = option(
        MILLISECONDS, 45.0, "Nothing is lost by a sudden end.", group=_GROUP)

    plugin_dir: str | None = option(TEXT, None, "Plug-ins are entry points of Python packages.", group=_GROUP)
    metrics_histogram_reservoir_highest_trackable_value: int = option(
        COUNT, 3_600_000_000_000, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_significant_digits: int = option(INTEGER, 3, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_reset_periodically: bool = option(BOOLEAN, True, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_resetting_interval_ms: float = option(MILLISECONDS, 5.0, _METRICS, group=_GROUP)
    metrics_histogram_reservoir_resetting_chunks: int = option(INTEGER, 0, _METRICS, group=_GROUP)
    logstash: str | None = option(URL, None, "The log goes to stderr.", group=_GROUP)
    sentry: str | None = option(SECRET, None, "The log goes to stderr.", group=_GROUP)
    sentry_tags: str | None = option(TEXT, None, "The log goes to stderr.", group=_GROUP)
    tracing: bool = option(BOOLEAN, False, "Every event can be replayed from a journal.", group=_GROUP)

    app_info_module_execution_context_size: int | None = option(COUNT, None, _THREADS, group=_GROUP)
    default_info_service_execution_context_size: int | None = option(COUNT, None, _THREADS, group=_GROUP)
    group_manager_execution_context_size: int | None = option(COUNT, None, _THREADS, group=_GROUP)
    scheduler_actions_execution_context_size: int | None = option(COUNT, None, _THREADS, group=_GROUP)
    storage_execution_context_size: int | None = option(COUNT, None, _THREADS, group=_GROUP)
    deployment_manager_request_timeout_s: float = option(MILLISECONDS, 1.0, _CORE, group=_GROUP)
    group_manager_request_timeout_s: float = option(MILLISECONDS, 10.0, _CORE, group=_GROUP)
    launch_queue_request_timeout_s: float = option(MILLISECONDS, 3.0, _CORE, group=_GROUP)
    max_actor_startup_time_s: float = option(MILLISECONDS, 10.0, _CORE, group=_GROUP)
    task_operation_notification_timeout_s: float = option(MILLISECONDS, 30.0, _CORE, group=_GROUP)
    task_tracker_request_timeout_s: float = option(MILLISECONDS, 10.0, _CORE, group=_GROUP)
    task_update_request_timeout_s: float = option(MILLISECONDS, 10.0, _CORE, group=_GROUP)
    instance_tracker_num_parallel_loads: int = option(COUNT, 16, _CORE, group=_GROUP)
    instance_tracker_num_parallel_updates: int = option(COUNT, 16, _CORE, group=_GROUP)
    instance_tracker_update_queue_size: int = option(COUNT, 4096, _CORE, group=_GROUP)
    min_mesos_offer_constraints_update_interval_s: float = option(
        MILLISECONDS, 1.0, "Constraints are judged here.", group=_GROUP)

    assets_path: str | None = option(TEXT, None, "There are no assets to be read.", group=_GROUP)
    event_subscriber: str | None = option(TEXT, None, _CALLBACKS, group=_GROUP)
    http_endpoints: tuple[str, ...] = option(NAMES, (), _CALLBACKS, group=_GROUP)
    max_tasks_per_offer: int = option(COUNT, 5, "Is --max_instances_per_offer now.", group=_GROUP)
    max_tasks_per_offer_cycle: int = option(COUNT, 1000, "Is --launch_tokens now.", group=_GROUP)
    revive_offers_repetitions: int = option(COUNT, 3, _SDK, group=_GROUP)
    task_lost_expunge_gc_s: float = option(
        MILLISECONDS, 75.0, "Is in the unreachableStrategy of each app.", group=_GROUP)
