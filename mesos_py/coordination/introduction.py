"""What a candidate says of itself, byte for byte as Mesos does, and where those find it who read that.

Whoever connects takes the address; whoever is sent there (a client that a standby redirects) is told the name, which
may be the only one that the world outside knows.

Mesos: src/master/contender/zookeeper.cpp (a JSON::Object, whose members are in the order of their names),
src/master/http.cpp Master::Http::redirect.
"""

from __future__ import annotations

import socket
import struct

import orjson

from mesos_py.coordination.address import MasterAddress, host_and_port
from mesos_py.wire.codec import json
from mesos_py.wire.master import MasterInfo


def written(info: MasterInfo) -> bytes:
    """The data of a candidate's znode."""
    return orjson.dumps(json.to_value(info), option=orjson.OPT_SORT_KEYS)


def read(data: bytes) -> MasterInfo:
    """Raises ValueError for what is no MasterInfo."""
    return json.decode(MasterInfo, data)


def of_pid(data: bytes) -> MasterInfo:
    """The master whose pid, ``master@10.0.0.1:5050``, is all that it says. Raises ValueError."""
    pid = data.decode()
    place = host_and_port(pid.partition("@")[2])
    return MasterInfo(id=pid, ip=packed(place.host), port=place.port, pid=pid, hostname=place.host)


def checked(info: MasterInfo) -> MasterInfo:
    """``info``, of a master that can be found. Raises ValueError: anybody may have written it."""
    for place in (address_of(info), name_of(info)):
        if str(host_and_port(place)) != place:
            raise ValueError(f"'{place}' is no host:port")
    return info


def address_of(info: MasterInfo) -> str:
    """HOST:PORT where a master answers."""
    host, port = info.hostname, info.port
    if info.address is not None:
        host, port = info.address.ip or info.address.hostname or host, info.address.port
    return str(MasterAddress(host or _unpacked(info.ip), port))


def name_of(info: MasterInfo) -> str:
    """HOST:PORT under which a master is known."""
    return str(MasterAddress(info.hostname or _unpacked(info.ip), info.port))


def packed(ip: str) -> int:
    """An IPv4 address as old clients read it; 0 for others, for which they have to look at ``address``."""
    try:
        number: int = struct.unpack("<I", socket.inet_aton(ip))[0]
    except OSError:
        return 0
    return number


def _unpacked(ip: int) -> str:
    return socket.inet_ntoa(struct.pack("<I", ip))
