"""Flags of the process: where it listens and to whom, what it keeps, who leads, plug-ins, metrics, the log."""

from __future__ import annotations

import attrs

from frameworks.marathon_py.shell.flags.kinds import COUNT, EVERY, MILLISECONDS, PORT
from mesos_py.flags import BOOLEAN, NAMES, SECRET, TEXT, URL, one_of, option

DEFAULT_ZK = "zk://localhost:2181/marathon"


@attrs.frozen(kw_only=True)
class Process:
    hostname: str | None = option(
        TEXT, None, "Name under which other instances reach this one; unset: the machine's.", group="HTTP")
    http_address: str | None = option(TEXT, None, "Address to listen on for HTTP; unset: all.", group="HTTP")
    http_port: int = option(PORT, 8080, "Port to listen on for HTTP; 0 picks a free one.", group="HTTP")
    http: bool = option(BOOLEAN, True, "Listen for HTTP.", group="HTTP")
    https_address: str | None = option(TEXT, None, "Address to listen on for HTTPS; unset: all.", group="HTTP")
    https_port: int = option(
        PORT, 8443, "Port to listen on for HTTPS, if there is a certificate; 0 picks a free one.", group="HTTP")
    ssl_keystore_path: str | None = option(
        TEXT, None, "File with the certificate and its key, in PEM; keystores of Java are to be converted.",
        group="HTTP")
    ssl_keystore_password: str | None = option(SECRET, None, "The key's password, if it has one.", group="HTTP")
    http_credentials: str | None = option(
        SECRET, None, "USER:PASSWORD that everybody must name (HTTP basic); unset: nobody needs to.", group="HTTP")
    http_realm: str = option(TEXT, "Mesosphere", "How browsers call what the password is for.", group="HTTP")
    http_compression: bool = option(BOOLEAN, True, "Gzip answers for those who accept it.", group="HTTP")
    http_max_concurrent_requests: int | None = option(
        COUNT, None, "Requests at once; more are answered with 503. Unset: no bound.", group="HTTP")
    access_control_allow_origin: tuple[str, ...] = option(
        NAMES, (), "Origins whose pages may read answers (CORS), with commas between.", group="HTTP")
    event_stream_max_outstanding_messages: int = option(
        COUNT, 1024, "Events that a subscriber may be behind before he is cut off.", group="HTTP")
    webui_url: str | None = option(URL, None, "URL of this service for people, as Mesos shows it.", group="HTTP")
    mesos_leader_ui_url: str | None = option(URL, None, "URL of the master for people, told by /v2/info.", group="HTTP")

    zk: str | None = option(
        URL, None, "zk://host:port,.../path where state is kept and a leader is elected; unset: state is kept in a "
        f"file, and nobody else leads. With --internal_store_backend=zk it is {DEFAULT_ZK}.", group="State")
    zk_connection_timeout_s: float = option(
        MILLISECONDS, 10.0, "ZooKeeper must have answered by then at the start.", group="State")
    zk_session_timeout_s: float = option(
        MILLISECONDS, 10.0, "After so long without ZooKeeper somebody else may lead.", group="State")
    zk_max_versions: int = option(
        COUNT, 50, "Versions that are kept of each app and pod, and of the root group.", group="State")
    internal_store_backend: str | None = option(
        one_of("zk", "sqlite", "mem"), None, "Where state is kept; unset: zk if there is --zk, else sqlite. What is "
        "kept in mem ends with the process.", group="State")
    state_file: str | None = option(
        TEXT, None, "The file of sqlite; unset: one of the user's own, for each name of a framework and master.",
        group="State")
    backup_location: str | None = option(
        URL, None, "file:///path of a backup that is made before what an older version has kept is changed.",
        group="State")
    ha: bool = option(BOOLEAN, True, "Be elected before serving; only what ZooKeeper keeps needs that.", group="State")
    on_elected_prepare_timeout_s: float = option(
        MILLISECONDS, 180.0, "So long after the election it must serve.", group="State")
    leader_proxy_connection_timeout_s: float = option(
        MILLISECONDS, 5.0, "The leader must take a relayed request within.", group="State")
    leader_proxy_read_timeout_s: float = option(
        MILLISECONDS, 10.0, "The leader must say something about it within.", group="State")
    leader_proxy_max_open_connections: int = option(COUNT, 64, "Requests relayed at once.", group="State")
    leader_proxy_ssl_ignore_hostname: bool = option(
        BOOLEAN, False, "The leader's certificate may be for another host.", group="State")

    plugin_conf: str | None = option(
        TEXT, None, "File of JSON that says which plug-ins are used and how they are configured.", group="Plug-ins")

    metrics_prometheus: bool = option(BOOLEAN, True, "Serve /metrics/prometheus.", group="Metrics and log")
    metrics_name_prefix: str = option(TEXT, "marathon", "What names of metrics begin with.", group="Metrics and log")
    metrics_statsd: bool = option(BOOLEAN, False, "Send metrics to StatsD, over UDP.", group="Metrics and log")
    metrics_statsd_host: str | None = option(TEXT, None, "Where StatsD is.", group="Metrics and log")
    metrics_statsd_port: int | None = option(PORT, None, "Its port.", group="Metrics and log")
    metrics_statsd_every_s: float = option(
        EVERY, 10.0, "How often.", flag="metrics_statsd_transmission_interval_ms", group="Metrics and log")
    metrics_datadog: bool = option(BOOLEAN, False, "Send metrics to DataDog.", group="Metrics and log")
    metrics_datadog_protocol: str = option(
        one_of("udp", "api"), "udp", "Over UDP to an agent of theirs, or over HTTPS to themselves.",
        group="Metrics and log")
    metrics_datadog_host: str | None = option(TEXT, None, "Where the agent is.", group="Metrics and log")
    metrics_datadog_port: int | None = option(PORT, None, "Its port.", group="Metrics and log")
    metrics_datadog_api_key: str | None = option(SECRET, None, "How they know us.", group="Metrics and log")
    metrics_datadog_every_s: float = option(
        EVERY, 10.0, "How often.", flag="metrics_datadog_transmission_interval_ms", group="Metrics and log")
    logging_level: str = option(
        one_of("all", "trace", "debug", "info", "warn", "error", "fatal", "off"), "info", "Least important lines to "
        "log.", group="Metrics and log")
