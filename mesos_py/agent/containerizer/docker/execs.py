"""Commands next to a container that runs: ``docker exec``.

dockerd has no way to end one, so one that nobody waits for any more is killed by its pid.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any

from mesos_py.agent.containerizer import ContainerSpec, NotStarted
from mesos_py.agent.containerizer.docker.described import NOT_EXECUTED, SIGN_NOT_EXECUTED, raw_status
from mesos_py.agent.containerizer.docker.dockerd import Away, Dockerd, Refused
from mesos_py.agent.containerizer.docker.launching import not_executed
from mesos_py.agent.containerizer.docker.logs import Logs
from mesos_py.agent.containerizer.docker.request import name_of

LOOKS, LOOK_S = 20, 0.05  # for a process that is to be killed and has just been begun


async def run_beside(dockerd: Dockerd, logs: Logs, spec: ContainerSpec) -> int | None:
    """As the port says."""
    name, command, env = name_of(spec.container_id), [spec.executable, *spec.argv[1:]], dict(spec.env)
    try:
        made = await dockerd.ask(lambda client: client.exec_create(name, command, environment=env))
    except (Away, Refused) as error:
        if isinstance(error, Refused) and "OCI runtime" in str(error):
            raise NotStarted(str(error)) from error
        return None  # it has just ended, or nobody can tell
    exec_id = str(made["Id"])
    try:
        said = await logs.run(spec.container_id, exec_id)
    except ConnectionError:
        return None
    except asyncio.CancelledError:
        # What it runs has to end, and whoever cancels waits for that.
        await _end(dockerd, exec_id)
        raise
    code = (await _look(dockerd, exec_id)).get("ExitCode")
    if code in NOT_EXECUTED and SIGN_NOT_EXECUTED in said:
        raise NotStarted(not_executed(spec.executable, said) or said.strip())
    return None if code is None else raw_status(int(code))


async def _look(dockerd: Dockerd, exec_id: str) -> dict[str, Any]:
    with contextlib.suppress(Away, Refused):  # then it is not known
        return dict(await dockerd.ask(lambda client: client.exec_inspect(exec_id)))
    return {}


async def _end(dockerd: Dockerd, exec_id: str) -> None:
    for _ in range(LOOKS):  # it may run already, and dockerd not know of it yet
        what = await _look(dockerd, exec_id)
        if what.get("Running") and what.get("Pid"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(what["Pid"]), signal.SIGKILL)
            return
        if not what or what.get("ExitCode") is not None:
            return
        await asyncio.sleep(LOOK_S)
