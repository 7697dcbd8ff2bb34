"""Ports of servers that must be told theirs, or that come back to it: such as the kernel gives to nobody by itself.

Whoever binds port 0, and every connection, gets one from 32768 on; what was free there a moment ago may be anybody's.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

#: below those that the kernel gives away, and those that agents offer
FIRST, BEYOND = 10_000, 30_000


def _of_this_worker() -> Iterator[int]:
    """No other worker's of this test run; other runs on this host begin elsewhere."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    ours = range(FIRST + worker, BEYOND, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
    begin = random.SystemRandom().randrange(len(ours))
    return itertools.cycle([*ours[begin:], *ours[:begin]])


_PORTS = _of_this_worker()


def free_port() -> int:
    """Nobody has it, and nobody of this test run is told it again."""
    return next(port for port in _PORTS if _is_free(port))


def free_ports(count: int) -> list[int]:
    return [free_port() for _ in range(count)]


@contextmanager
def closed_port(host: str = "127.0.0.1") -> Iterator[int]:
    """Nobody listens there, and nobody can, while this lasts: whoever connects is refused."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as holder:
        holder.bind((host, 0))
        yield int(holder.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True
