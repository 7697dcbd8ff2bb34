"""What the registry can hold of one thing. No store keeps a record of any size, and a master that cannot write ends:
what is too much is refused before, as what its sender has got wrong.
"""

from __future__ import annotations

from typing import Any

from mesos_py.wire.codec import msgpack

RECORD_BYTES_MAX = 256 << 10  # a quarter of what ZooKeeper takes in one request
ROLE_BYTES_MAX = 4096  # the name of a record, and with it of a znode


def too_much(what: str, message: Any) -> str | None:
    """Why ``message`` cannot be a record; None: it can."""
    size = len(msgpack.encode(message))
    return f"{what} takes {size} bytes, more than {RECORD_BYTES_MAX}" if size > RECORD_BYTES_MAX else None


def too_long(role: str) -> str | None:
    """Why ``role`` cannot be the name of one."""
    size = len(role.encode())
    return f"Role names cannot have more than {ROLE_BYTES_MAX} bytes, not {size}" if size > ROLE_BYTES_MAX else None
