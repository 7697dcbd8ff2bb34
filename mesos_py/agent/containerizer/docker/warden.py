"""A process beside the agent that ends what must not outlive it, however the agent ends.

dockerd knows nothing of agents: what it runs, it runs on. So the agent starts this program before the first container
that no later agent will know of, and holds the other end of its standard input. When that is gone, every container with
the mark of this run of the agent is removed, with as many attempts as it takes; a later agent's have another mark.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import Final

import docker
import docker.errors
import requests

from mesos_py.agent.containerizer.docker.request import RUN

ATTEMPTS: Final = 60
PAUSE_S: Final = 5.0
CALL_TIMEOUT_S: Final = 60
END_TIMEOUT_S: Final = 5.0


class Warden:
    """Starts the program once, and tells it when there is nothing to do any more."""

    def __init__(self, socket: str, run: str) -> None:
        """``run`` is the mark of this run of the agent."""
        self._socket = socket
        self._run = run
        self._process: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """From now on it watches. Raises OSError."""
        async with self._lock:
            if self._process is None:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", __name__, self._socket, self._run,
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, start_new_session=True,
                )  # fmt: skip

    async def close(self) -> None:
        """Nothing is left for it to end."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        async with asyncio.timeout(END_TIMEOUT_S):
            await self._process.wait()


def remove_all(socket: str, run: str) -> bool:
    """Every container with that mark is gone; False: dockerd does not answer, or not all could be removed."""
    is_done = True
    with contextlib.closing(
        docker.APIClient(base_url=f"unix://{socket}", version="auto", timeout=CALL_TIMEOUT_S)
    ) as client:
        for one in client.containers(all=True, filters={"label": f"{RUN}={run}"}):
            try:
                client.remove_container(one["Id"], force=True, v=True)
            except docker.errors.APIError as error:
                is_done &= error.status_code == requests.codes.not_found
    return is_done


def main() -> None:
    """``warden SOCKET RUN``: wait for the end of standard input."""
    socket, run = sys.argv[1:]
    sys.stdin.buffer.read()
    for _ in range(ATTEMPTS):
        try:
            if remove_all(socket, run):
                return
        except (docker.errors.DockerException, requests.RequestException) as error:
            print(f"warden: {error}", file=sys.stderr)
        time.sleep(PAUSE_S)


if __name__ == "__main__":
    main()
