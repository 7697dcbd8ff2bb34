"""The host's files bound at another place, in a mount namespace in which nothing runs.

A runtime makes the root it is given a mount point, and must not do that to the host's "/", nor to a bind of it that
the host sees. So there is one namespace with that bind, made when it is needed and kept open here; what is to become
a runtime enters it, by one system call. (A namespace for each is two more copies of all mounts for each container.)

It must know what the host has mounted since, and must not keep what the host has unmounted: with shared mounts the
kernel sees to that, but they may be private. So the namespace is given up whenever something is mounted or unmounted.

Python has none of the calls (``os.setns`` and ``os.unshare`` come with 3.12).
"""

from __future__ import annotations

import ctypes
import errno
import os
import select

_NAMESPACE = 0x00020000  # CLONE_NEWNS; linux/sched.h
_BIND, _RECURSIVE, _SLAVE = 1 << 12, 1 << 14, 1 << 19  # MS_...; linux/mount.h


class HostFiles:
    """One namespace, or none yet, for one place."""

    def __init__(self, epoll: select.epoll) -> None:
        """Whoever waits there says ``forget`` when ``changes`` is among what is ready, before anything is launched."""
        self._epoll = epoll
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._namespace = -1
        #: a descriptor; -1: nothing has been bound yet
        self.changes = -1

    def at(self, place: bytes) -> int:
        """An open descriptor of a namespace that has all that is mounted now. Raises OSError that names the place."""
        if self.changes < 0:
            self.changes = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
            self._epoll.register(self.changes, select.EPOLLPRI)
        if self._has_changed():
            self.forget()
        if self._namespace < 0:
            self._namespace = self._made(place)
        return self._namespace

    def enter(self, namespace: int) -> None:
        """The calling process is there. Raises OSError."""
        self._check(self._libc.setns(namespace, _NAMESPACE))

    def forget(self) -> None:
        """Nothing that is mounted now is kept from being unmounted."""
        if self._namespace >= 0:
            os.close(self._namespace)
            self._namespace = -1

    def _has_changed(self) -> bool:
        """The kernel says it once, to whoever asks first: here, or where it is waited for."""
        looking = select.poll()
        looking.register(self.changes, select.POLLPRI)
        return bool(looking.poll(0))

    def _made(self, place: bytes) -> int:
        """By a child of ours, which stays there until we have the namespace."""
        told, tell = os.pipe2(os.O_CLOEXEC)
        held, hold = os.pipe2(os.O_CLOEXEC)
        pid = os.fork()
        if pid == 0:
            try:
                os.close(hold)
                os.write(tell, b"%d" % self._bind(place))
                os.read(held, 1)
            finally:
                os._exit(0)
        os.close(tell)
        os.close(held)
        try:
            code = int(os.read(told, 16) or errno.EIO)
            if code:
                raise OSError(code, os.strerror(code), os.fsdecode(place))
            return os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            os.close(told)
            os.close(hold)
            os.waitpid(pid, 0)

    def _bind(self, place: bytes) -> int:
        """In the child; the number of what went wrong, or 0."""
        try:
            self._check(self._libc.unshare(_NAMESPACE))
            self._check(self._libc.mount(None, b"/", None, _RECURSIVE | _SLAVE, None))
            self._check(self._libc.mount(b"/", place, None, _BIND | _RECURSIVE, None))
        except OSError as exc:
            return exc.errno or errno.EIO
        return 0

    def _check(self, result: int) -> None:
        if result != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
