"""The supervisor as a program: alone on its directory, detached from whoever has started it."""

from __future__ import annotations

import _socket
import fcntl
import os
import resource
import signal

from .server import Supervisor

#: PR_SET_CHILD_SUBREAPER; linux/prctl.h
_SUBREAPER = 36


def main(arguments: list[str]) -> None:
    """``directory root idle_s orphan_s nofile``: supervise containers below `root`, listening on ``directory/socket``.

    ``nofile`` is the limit of descriptors that programs get; the agent may have raised its own.
    Prints one line when it listens, or when another supervisor does already; then it is detached and on its own.
    """
    directory, root, idle_s, orphan_s, nofile = arguments
    os.umask(0o022)
    os.chdir(directory)  # a relative name is never too long for AF_UNIX
    lock = os.open("lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.write(1, b"another\n")
        return
    if os.path.lexists("socket"):
        os.unlink("socket")
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    os.umask(0o077)
    listener.bind("socket")
    os.umask(0o022)
    listener.listen(16)
    listener.setblocking(False)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.fork():
        os._exit(0)
    os.setsid()
    os.chdir("/")
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 2)
    _become_subreaper()
    resource.setrlimit(resource.RLIMIT_NOFILE, (int(nofile), resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    supervisor = Supervisor(listener, os.fsencode(root), float(idle_s), float(orphan_s))
    os.write(1, b"ready\n")
    os.dup2(log, 1)
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the agent says QUIT; a terminal has no say
    supervisor.run()
    os._exit(0)  # socket and lock go in one moment, so whoever hears us hang up may start the next


def _become_subreaper() -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")
