"""A socket on which a runtime hands over the terminal it has made for a container.

Source: OCI runtime command line interface, ``--console-socket``: one connection, one message, one descriptor.
"""

from __future__ import annotations

import _socket
import os
import struct

_DESCRIPTOR = struct.Struct("i")


class Console:
    """One such socket, listening until the terminal is here."""

    def __init__(self, path: bytes) -> None:
        """Raises OSError. The path is in a directory of ours, and may be longer than a socket's name can be."""
        self._path = path
        directory, name = os.path.split(path)
        self._listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._connection: _socket.socket | None = None
        os.chdir(directory)
        try:
            self._listener.bind(name)
        except OSError:
            self._listener.close()
            raise
        finally:
            os.chdir("/")
        self._listener.listen(1)
        self._listener.setblocking(False)

    @property
    def fd(self) -> int:
        """What is to be read for the next step."""
        return (self._connection or self._listener).fileno()

    def take(self) -> int | None:
        """The terminal, None while it is not here. Raises OSError when it will never be."""
        try:
            if self._connection is None:
                fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept() wraps
                self._connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fileno=fd)
                self._connection.setblocking(False)
            message, ancillary, _, _ = self._connection.recvmsg(4096, _socket.CMSG_SPACE(_DESCRIPTOR.size))
        except BlockingIOError:
            return None
        for level, kind, data in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                terminal: int = _DESCRIPTOR.unpack(data[: _DESCRIPTOR.size])[0]
                os.set_inheritable(terminal, False)
                return terminal
        if not message:
            raise ConnectionResetError("the runtime has made no terminal")
        return None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._listener.close()
        try:
            os.unlink(self._path)
        except OSError:
            return  # its directory has gone with the container
