"""What flags say of the world, looked at before anything begins: places, certificates, passwords."""

from __future__ import annotations

import ssl
from pathlib import Path

import structlog

from frameworks.marathon_py.shell import tls
from frameworks.marathon_py.shell.access import Basic
from frameworks.marathon_py.shell.flags.process import DEFAULT_ZK, Process
from frameworks.marathon_py.shell.flags.scheduling import Scheduling
from frameworks.marathon_py.shell.metrics.reporters import DataDogApi, Reporter, Udp
from mesos_py.config import UsageError
from mesos_py.coordination.address import AddressError, ZooKeeperAddress, parse_address

log = structlog.get_logger(__name__)


def zookeeper(process: Process) -> ZooKeeperAddress | None:
    """Where state is kept and who leads is decided; None: in no ZooKeeper. Raises UsageError."""
    backend = process.internal_store_backend or ("zk" if process.zk is not None else "sqlite")
    if backend != "zk":
        return None
    if not process.ha:
        log.warning("what is kept in ZooKeeper is written by who is elected, with --disable_ha, too")
    try:
        address = parse_address(process.zk or DEFAULT_ZK)
    except AddressError as error:
        raise UsageError(f"--zk: {error}") from error
    if not isinstance(address, ZooKeeperAddress):
        raise UsageError(f"--zk: expecting zk://host:port/path, found '{process.zk}'")
    return address


def certificate(process: Process) -> ssl.SSLContext | None:
    """None: HTTPS is not spoken. Raises UsageError."""
    path = process.ssl_keystore_path
    if path is None:
        if not process.http:
            raise UsageError("--disable_http needs a certificate for HTTPS: --ssl_keystore_path")
        return None
    try:
        return tls.of_server(path, process.ssl_keystore_password)
    except tls.NoCertificate as error:
        raise UsageError(f"--ssl_keystore_path={path}: {error}") from error


def password(process: Process) -> Basic | None:
    """None: everybody is let in. Raises UsageError."""
    try:
        return None if process.http_credentials is None else Basic(process.http_credentials, process.http_realm)
    except ValueError as error:
        raise UsageError(f"--http_credentials: {error}") from error


def secret(settings: Scheduling) -> str:
    """What the master knows us by; "": nothing. Raises UsageError."""
    if not settings.mesos_authentication:
        return ""
    path = settings.mesos_authentication_secret_file
    if path is None:
        return settings.mesos_authentication_secret or ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--mesos_authentication_secret_file: {error}") from error


def reporters(process: Process) -> tuple[Reporter, ...]:
    """Who is sent metrics. Raises UsageError."""
    found: list[Reporter] = []
    if process.metrics_statsd:
        host, port = _place("statsd", process.metrics_statsd_host, process.metrics_statsd_port)
        found.append(Udp(host=host, port=port, every_s=process.metrics_statsd_every_s))
    if process.metrics_datadog and process.metrics_datadog_protocol == "api":
        if process.metrics_datadog_api_key is None:
            raise UsageError("--metrics_datadog_protocol=api needs --metrics_datadog_api_key")
        found.append(DataDogApi(key=process.metrics_datadog_api_key, every_s=process.metrics_datadog_every_s))
    elif process.metrics_datadog:
        host, port = _place("datadog", process.metrics_datadog_host, process.metrics_datadog_port)
        found.append(Udp(host=host, port=port, every_s=process.metrics_datadog_every_s, is_datadog=True))
    return tuple(found)


def _place(name: str, host: str | None, port: int | None) -> tuple[str, int]:
    if not host or not port:
        raise UsageError(f"--metrics_{name} needs --metrics_{name}_host and --metrics_{name}_port")
    return host, port


def is_loopback(address: str | None) -> bool:
    """Only this machine reaches it."""
    return address is not None and (address == "localhost" or address.startswith("127.") or address == "::1")
