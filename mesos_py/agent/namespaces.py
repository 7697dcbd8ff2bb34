"""Work in the network namespaces of containers, which need not be ours.

A thread is in one namespace, and what it makes or reads is of that. So a thread that does nothing else enters the
namespace, does the work and ends: a thread that lived on would have to find its way back. It takes a tenth of a
millisecond.
"""

from __future__ import annotations

import ctypes
import os
import socket
import threading
from collections.abc import Callable
from typing import Final, TypeVar

Result = TypeVar("Result")

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_NETWORK: Final = 0x40000000  # CLONE_NEWNET; linux/sched.h. Python has os.setns from 3.12 on


def socket_in(namespace: str | None, family: int) -> socket.socket:
    """For streams; it belongs to ``namespace`` (None: ours), wherever it is used. Raises OSError."""
    kind = socket.SOCK_STREAM | socket.SOCK_CLOEXEC
    return socket.socket(family, kind) if namespace is None else within(namespace, lambda: socket.socket(family, kind))


def within(namespace: str, work: Callable[[], Result]) -> Result:
    """What ``work`` returns when it is done there; ``namespace`` is a path. Raises OSError, as ``work`` may."""
    done: list[Result] = []
    failed: list[OSError] = []

    def run() -> None:
        try:
            _enter(namespace)
            done.append(work())
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=run, name="work in a network namespace")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]


def _enter(namespace: str) -> None:
    """The calling thread is there, and does nothing elsewhere any more."""
    fd = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _LIBC.setns(fd, _NETWORK) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), namespace)
    finally:
        os.close(fd)
