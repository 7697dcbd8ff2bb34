"""Commands next to a container that runs: for the supervisor each is a container of its own, in the same sandbox.

Its id is the container's, ``BESIDE`` and something that no other run has, so that an agent that finds one of an earlier
agent knows that nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterable, Mapping

from mesos_py.agent.containerizer import ContainerSpec, NotStarted
from mesos_py.agent.containerizer.supervisor import frames

#: No container's id has a "#".
BESIDE = b"#beside-"


class Beside:
    """What runs next to the containers of one containerizer; ``send`` writes one frame to its supervisor."""

    def __init__(self, send: Callable[..., None]) -> None:
        self._send = send
        self._running: dict[bytes, asyncio.Future[int | None]] = {}

    async def run(self, spec: ContainerSpec) -> int | None:
        """As the port says."""
        key = os.fsencode(spec.container_id) + BESIDE + secrets.token_hex(8).encode()
        ended: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        try:
            self._send(*launch_frame(key, spec, spec.executable, spec.argv, spec.env, frames.BESIDE, b""))
        except ValueError as exc:  # FrameError and UnicodeError are ValueErrors
            raise NotStarted(f"Failed to execute '{spec.executable}': {exc}") from exc
        self._running[key] = ended
        try:
            return await ended
        except asyncio.CancelledError:
            self._send(frames.DESTROY, key, b"")
            raise
        finally:
            self._running.pop(key, None)

    def hear(self, frame: list[bytes]) -> None:
        """The supervisor says something about one of them."""
        ended = self._running.get(frame[1])
        if ended is None or ended.done():
            return
        if frame[0] == frames.FAILED:
            ended.set_exception(NotStarted(frame[2].decode(errors="replace")))
        elif frame[0] == frames.EXITED:
            ended.set_result(int(frame[2]) if frame[2] else None)

    def restart(self) -> None:
        """There is another supervisor: what the former one ran is destroyed, and told as ended when nothing is left."""
        for key in self._running:
            self._send(frames.DESTROY, key, b"")


def launch_frame(
    key: bytes, spec: ContainerSpec, executable: str, argv: Iterable[str], env: Mapping[str, str], kind: bytes,
    cgroup: bytes,
) -> tuple[bytes, ...]:  # fmt: skip
    """The words that start a process in the sandbox of ``spec``. Raises ValueError for what no process can be given.

    A helper of ours is not kept to what the container may.
    """
    setup = () if kind == frames.HELPER else spec.setup
    arguments = [os.fsencode(argument) for argument in argv]
    environment = [os.fsencode(name) + b"=" + os.fsencode(value) for name, value in env.items()]
    if any(b"\0" in text for text in [*arguments, *environment]):
        raise ValueError("argument or environment with an embedded NUL")
    if not arguments:
        raise ValueError("no argv")
    return (
        frames.LAUNCH, key, os.fsencode(spec.sandbox), os.fsencode(spec.latest_link or ""),
        os.fsencode(spec.user or ""), os.fsencode(executable), kind,
        frames.join(arguments), frames.join(environment), cgroup,
        frames.join([os.fsencode(text) for step in setup for text in step]),
        b"" if kind == frames.HELPER else os.fsencode(spec.pid_file),
        b"" if kind == frames.HELPER or spec.logs is None else spec.logs.field(),
        b"" if kind in {frames.HELPER, frames.BESIDE} else _lines(spec),
    )  # fmt: skip


def _lines(spec: ContainerSpec) -> bytes:
    if spec.lines is None:
        return b""
    lines = spec.lines
    return b"%d %d %d %b" % (spec.inside is not None, lines.rows, lines.columns, os.fsencode(lines.console))
