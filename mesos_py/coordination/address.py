"""Where the masters are: what stands after ``--zk`` and ``--master``.

    zk://user:password@host1:2181,host2:2181,[::1]:2181/mesos    ask ZooKeeper who leads
    host:5050                                                    this one
    file:///path                                                 as the file says, in one of these forms

Mesos: src/zookeeper/url.hpp, src/master/detector/detector.cpp.
"""

from __future__ import annotations

import re

import attrs

ZOOKEEPER_PORT = 2181
MASTER_PORT = 5050


class AddressError(ValueError):
    """Not an address of masters."""


@attrs.frozen
class ZooKeeperAddress:
    """An ensemble, and the znode under which masters are elected."""

    #: "host:port" each
    hosts: tuple[str, ...]
    #: absolute, never "/"
    path: str
    #: "user:password" of the digest scheme; not shown
    credentials: str | None = attrs.field(default=None, repr=False)

    def __str__(self) -> str:
        secret = "" if self.credentials is None else f"{self.credentials.partition(':')[0]}:***@"
        return f"zk://{secret}{','.join(self.hosts)}{self.path}"


@attrs.frozen
class MasterAddress:
    """One master, known by name."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


Address = ZooKeeperAddress | MasterAddress


def parse_address(text: str) -> Address:
    """What ``text`` names. A ``file://`` is read now. Raises AddressError, also for a file that cannot be read."""
    text = text.strip()
    if text.startswith("file://"):
        path = text.removeprefix("file://")
        try:
            with open(path, encoding="utf-8") as file:
                inside = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise AddressError(f"the address of the masters cannot be read from {path}: {error}") from error
        if inside.startswith("file://"):
            raise AddressError(f"{path} names another file")
        return parse_address(inside)
    if text.startswith("zk://"):
        return _zookeeper(text)
    if "://" in text:
        raise AddressError(
            f"'{_shown(text)}' is no address of masters: use zk://host:port/path, host:port or file:///path"
        )
    if "@" in text:
        raise AddressError(f"'{_shown(text)}': a user and a password go with zk:// only")
    return host_and_port(text)


def host_and_port(text: str) -> MasterAddress:
    """``host``, ``host:5050`` or ``[::1]:5050``, and nothing else. Raises AddressError."""
    return MasterAddress(*_host_and_port(text, MASTER_PORT, text))


def _zookeeper(text: str) -> ZooKeeperAddress:
    shown = _shown(text)
    servers, slash, path = text.removeprefix("zk://").partition("/")
    if "@" in path:  # where a password ends nobody can tell, and it must not be taken for a host
        raise AddressError(f"'{shown}': neither a password with a / nor a path with an @ can be written here")
    credentials, at, hosts = servers.rpartition("@")
    if at and not re.fullmatch(r"[^:]+:.+", credentials):
        raise AddressError(f"'{shown}': expecting user:password before the @")
    path = "/" + path.strip("/")
    if not slash or path == "/":
        raise AddressError(f"'{shown}': expecting a (chroot) path for ZooKeeper ('/' is not supported)")
    if any(part in ("", ".", "..", "zookeeper") for part in path.split("/")[1:]):
        raise AddressError(f"'{shown}': '{path}' is no path that ZooKeeper allows")
    pairs = [_host_and_port(host, ZOOKEEPER_PORT, shown) for host in hosts.split(",")]
    return ZooKeeperAddress(
        tuple(str(MasterAddress(host, port)) for host, port in pairs), path, credentials if at else None
    )


def _shown(text: str) -> str:
    """Without what may be part of a password."""
    return re.sub(r"^(\w+://)?.*@", r"\1***@", text)


def _host_and_port(text: str, default: int, whole: str) -> tuple[str, int]:
    match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:/@\[\],]+)(?::(\d{1,5}))?", text.strip())
    if match is None or not 0 < int(match[2] or default) < 65536:
        raise AddressError(f"'{whole}': '{text}' is no host:port")
    return match[1].strip("[]"), int(match[2] or default)
