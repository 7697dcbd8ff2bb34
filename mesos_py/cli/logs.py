"""``mesos-py logs``: what a task wrote, from its sandbox."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import attrs

from mesos_py.cli import cluster, sandbox
from mesos_py.cli.client import Client, ClientOptions, Refused, address_of
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import print_json
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, REPEATED, TEXT, option

LOOK_AGAIN_S = 0.5


@attrs.frozen(kw_only=True)
class LogsOptions(ClientOptions):
    follow: bool = option(BOOLEAN, False, "Go on until the task has ended.", short="f")
    file: tuple[str, ...] = option(
        REPEATED, (), "Print this file of the sandbox instead of stdout and stderr; may be given again.")
    list: bool = option(BOOLEAN, False, "List the files of the sandbox instead.", short="l")
    framework: str | None = option(TEXT, None, "The framework whose task it is (its id).")


async def main(line: CommandLine) -> int:
    options = line.make(LogsOptions)
    if len(line.words) != 1:
        raise CommandFailed("say which task: mesos-py logs [-f] TASK", EXIT_USAGE)
    async with Client(address_of(options.master)) as master:
        place = await cluster.find_task(master, line.words[0], options.framework)
        if place.agent is None:
            raise CommandFailed(
                f"the sandbox of '{place.task_id}' is on agent {place.task['agent_id']['value']}, which is not there")
        async with Client(place.agent, "agent") as agent:
            if options.list:
                return await _list(agent, place, options)
            return await _print(master, agent, place, options)


async def _list(agent: Client, place: cluster.TaskPlace, options: LogsOptions) -> int:
    files = (await agent.call("LIST_FILES", {"path": place.sandbox}))["list_files"].get("file_infos", [])
    if options.json:
        print_json(files)
        return EXIT_OK
    for file in files:
        print(f"{file.get('size', 0):>12}  {file['path'].removeprefix(place.sandbox + '/')}")
    return EXIT_OK


async def _print(master: Client, agent: Client, place: cluster.TaskPlace, options: LogsOptions) -> int:
    try:
        await agent.call("LIST_FILES", {"path": place.sandbox})
    except Refused as refused:
        if refused.status != 404 or not options.follow or place.is_terminal:
            raise CommandFailed(f"'{place.task_id}' has no sandbox (any more) at {place.agent}") from refused
    ended = asyncio.Event()
    if not options.follow or place.is_terminal:
        ended.set()
    missed = None if options.file else lost
    async with asyncio.TaskGroup() as group:
        if not ended.is_set():
            group.create_task(_watch(master, place, ended), name="watch the task")
        for name in options.file or ("stdout", "stderr"):
            write = writer(name, as_json=options.json)
            copying = sandbox.copy(agent, f"{place.sandbox}/{name}", write, ended, missed=missed)
            group.create_task(copying, name=f"copy {name}")
    return EXIT_OK


async def _watch(master: Client, place: cluster.TaskPlace, ended: asyncio.Event) -> None:
    """Set ``ended`` once the master says that the task has ended."""
    while True:
        now = await cluster.find_task(master, place.task_id, place.task["framework_id"]["value"])
        if now.is_terminal:
            ended.set()
            return
        await asyncio.sleep(LOOK_AGAIN_S)


def lost() -> None:
    """The task has emptied its file, or wrote faster than we could read what is kept of it."""
    say("some output may be missing: it was removed before it could be read")


def writer(name: str, *, as_json: bool) -> Callable[[bytes], Any]:
    """Where the bytes of a file go: stderr to our stderr, anything else to stdout; or JSON lines to stdout."""
    if as_json:
        return lambda data: print_json({name: data.decode(errors="replace")}, line=True)
    stream = (sys.stderr if name == "stderr" else sys.stdout).buffer

    def write(data: bytes) -> None:
        stream.write(data)
        stream.flush()

    return write


COMMAND = Command(
    usage="mesos-py logs [-f] [--file=NAME] [--list] TASK [--master=HOST:PORT]",
    about="""
    Print what a task wrote to stdout and stderr, files that were rotated first. The task is named by its id, or by its
    name. --json prints one object a line: {"stdout": "..."}.
    """,
    options=(LogsOptions,), main=main,
)
