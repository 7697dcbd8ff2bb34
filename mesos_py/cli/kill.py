"""``mesos-py kill``: end one task, as far as Mesos lets anybody do that.

Only the framework that owns a task can kill it: there is no operator call for it. So an operator has two honest ways,
and this command takes the first one that is there:

* the task belongs to a ``mesos-py run`` on this host: that process is asked (SIGTERM) to kill its task, which it does
  with the task's kill policy, and exits with its status;
* anything else: ``--teardown`` ends the task's whole framework, with every task it has. Without the flag nothing
  happens, and it is said whose the task is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket

import attrs
import psutil

from mesos_py.cli import cluster
from mesos_py.cli.client import Client, ClientOptions, address_of
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import print_json
from mesos_py.cli.run import RUN_LABEL
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, SECONDS, TEXT, option

LOOK_AGAIN_S = 0.2


@attrs.frozen(kw_only=True)
class KillOptions(ClientOptions):
    framework: str | None = option(TEXT, None, "The framework whose task it is (its id).")
    teardown: bool = option(BOOLEAN, False, "End the task's whole framework if that is the only way.")
    wait_s: float = option(SECONDS, 30.0, "How long to wait for the task's end.")


async def main(line: CommandLine) -> int:
    options = line.make(KillOptions)
    if len(line.words) != 1:
        raise CommandFailed("say which task: mesos-py kill TASK", EXIT_USAGE)
    async with Client(address_of(options.master)) as master:
        place = await cluster.find_task(master, line.words[0], options.framework)
        if place.is_terminal:
            raise CommandFailed(f"'{place.task_id}' has ended already: {place.task['state']}")
        owner = place.task["framework_id"]["value"]
        pid = run_process(place)
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
        elif options.teardown:
            await master.call("TEARDOWN", {"framework_id": {"value": owner}})
        else:
            raise CommandFailed(await _why_not(master, place))
        state = await _end(master, place, options.wait_s)
    if options.json:
        print_json({"task_id": place.task_id, "framework_id": owner, "state": state})
    else:
        say(f"'{place.task_id}' has ended: {state}")
    return EXIT_OK


def run_process(place: cluster.TaskPlace) -> int | None:
    """The ``mesos-py run`` on this host that owns the task.

    A label is only what a framework says of itself: the process must look like one of ours before it is signalled.
    """
    for label in place.framework.get("framework_info", {}).get("labels", {}).get("labels", ()):
        if label["key"] != RUN_LABEL:
            continue
        host, _, pid = label.get("value", "").rpartition(":")
        if host != socket.gethostname() or not pid.isdigit():
            return None
        try:
            words = psutil.Process(int(pid)).cmdline()
        except psutil.Error:
            return None
        return int(pid) if "run" in words and any("mesos" in word for word in words) else None
    return None


async def _why_not(master: Client, place: cluster.TaskPlace) -> str:
    owner = place.task["framework_id"]["value"]
    info = place.framework.get("framework_info", {})
    mates = sum(task["framework_id"]["value"] == owner for task in await cluster.tasks(master, ended=False))
    where = f", see {info['webui_url']}" if info.get("webui_url") else ""
    return (
        f"only its framework can kill '{place.task_id}': {info.get('name', 'unknown')} ({owner}) at "
        f"{info.get('hostname') or 'an unknown host'}{where}; "
        f"--teardown would end that framework and its {mates} task(s)"
    )


async def _end(master: Client, place: cluster.TaskPlace, wait_s: float) -> str:
    owner = place.task["framework_id"]["value"]
    try:
        async with asyncio.timeout(wait_s):
            while True:
                now = await cluster.find_task(master, place.task_id, owner)
                if now.is_terminal:
                    return str(now.task["state"])
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError as error:
        raise CommandFailed(f"'{place.task_id}' has not ended after {wait_s:g} s") from error


COMMAND = Command(
    usage="mesos-py kill TASK [--teardown] [--framework=ID] [--master=HOST:PORT] [--json]",
    about="""
    End a task and wait until it has ended. Only a task's own framework can kill it: a task of 'mesos-py run' is killed
    by asking that process, if it is on this host; for any other, --teardown ends the whole framework it belongs to.
    """,
    options=(KillOptions,), main=main,
)
