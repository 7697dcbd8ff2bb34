"""``mesos-py exec`` and ``mesos-py attach``: run something where a task runs; see and type what its terminal does.

``exec`` is a session of the task's container: it ends with us, and exits as the command did. ``attach`` is one client
of many, and the task goes on without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator
from typing import Any

import attrs

from mesos_py.cli import cluster, lines, terminal
from mesos_py.cli.client import Client, ClientOptions, Refused, Unreachable, address_of
from mesos_py.cli.command import EXIT_NOT_RUN, EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, TEXT, option

END_TIMEOUT_S = 10.0  # between the last word of a command and its exit status


@attrs.frozen(kw_only=True)
class AttachOptions(ClientOptions):
    framework: str | None = option(TEXT, None, "The framework whose task it is (its id).")


@attrs.frozen(kw_only=True)
class ExecOptions(AttachOptions):
    interactive: bool = option(BOOLEAN, False, "Pass stdin on to the command.", short="i")
    tty: bool = option(BOOLEAN, False, "Give the command a terminal.", short="t")
    user: str | None = option(TEXT, None, "Run it as this user instead of the task's.")


async def execute(line: CommandLine) -> int:
    options = line.make(ExecOptions)
    if len(line.words) != 1 or not line.rest:
        raise CommandFailed("say where and what: mesos-py exec [-i] [-t] TASK -- CMD ARGS", EXIT_USAGE)
    async with contextlib.AsyncExitStack() as stack:
        place, agent = await _find(stack, options, line.words[0])
        container_id = {"value": str(uuid.uuid4()), "parent": _container(place)}
        wanted: dict[str, Any] = {"container_id": container_id, "command": _command(line.rest, options)}
        if options.tty:
            wanted["container"] = {"type": "MESOS", "tty_info": lines.window(*(terminal.size() or (24, 80)))}
        call = {"type": "LAUNCH_NESTED_CONTAINER_SESSION", "launch_nested_container_session": wanted}
        try:
            pieces = await stack.enter_async_context(lines.output(agent, call))
        except Refused as refused:
            raise CommandFailed(str(refused), EXIT_NOT_RUN) from refused
        typed = terminal.typed() if options.interactive else terminal.nothing()
        with terminal.raw(wanted=options.tty and options.interactive):
            await _both(lines.copy(pieces), _type_command(agent, container_id, typed, is_terminal=options.tty))
        return await _exit_code(agent, container_id)


async def attach(line: CommandLine) -> int:
    options = line.make(AttachOptions)
    if len(line.words) != 1:
        raise CommandFailed("say which task: mesos-py attach TASK", EXIT_USAGE)
    async with contextlib.AsyncExitStack() as stack:
        place, agent = await _find(stack, options, line.words[0])
        container_id = _container(place)
        call = {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {"container_id": container_id}}
        try:
            pieces = await stack.enter_async_context(lines.output(agent, call))
        except Refused as refused:
            if refused.status == 500:
                raise CommandFailed(f"'{place.task_id}' has no terminal (tty_info): {refused}") from refused
            raise
        waiting = asyncio.create_task(_status(agent, container_id), name="wait for the task")
        try:
            with terminal.raw():
                await _both(lines.copy(pieces), _type(agent, container_id))
            return await _ended(waiting) or EXIT_OK
        except lines.Detached:
            say(f"'{place.task_id}' is left to itself")
            return EXIT_OK
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)


async def _find(
    stack: contextlib.AsyncExitStack, options: AttachOptions, name: str
) -> tuple[cluster.TaskPlace, Client]:
    """The task, which is under way, and its agent."""
    async with Client(address_of(options.master)) as master:
        place = await cluster.find_task(master, name, options.framework)
    if place.is_terminal:
        raise CommandFailed(f"'{place.task_id}' has ended already: {place.task['state']}")
    if place.agent is None:
        raise CommandFailed(f"'{place.task_id}' is on agent {place.task['agent_id']['value']}, which is not there")
    return place, await stack.enter_async_context(Client(place.agent, "agent"))


def _container(place: cluster.TaskPlace) -> dict[str, Any]:
    """The chain of ids of the task's container, as its last status knows it."""
    for status in reversed(place.task.get("statuses", ())):
        found: dict[str, Any] | None = status.get("container_status", {}).get("container_id")
        if found is not None:
            return found
    raise CommandFailed(f"'{place.task_id}' does not run yet: {place.task['state']}")


def _command(words: tuple[str, ...], options: ExecOptions) -> dict[str, Any]:
    command: dict[str, Any] = {"shell": False, "value": words[0], "arguments": list(words)}
    if options.user is not None:
        command["user"] = options.user
    if options.tty:
        value = os.environ.get("TERM", "dumb")
        command["environment"] = {"variables": [{"name": "TERM", "type": "VALUE", "value": value}]}
    return command


async def _type_command(
    agent: Client, container_id: dict[str, Any], typed: AsyncIterator[bytes], *, is_terminal: bool
) -> None:
    """A command may end before it could be typed to; what it said and how it ended is told anyway."""
    try:
        await lines.type_into(agent, container_id, typed, is_terminal=is_terminal)
    except Refused as refused:
        if refused.status not in (404, 500):
            raise


async def _type(agent: Client, container_id: dict[str, Any]) -> None:
    """Somebody else may type already: then we only watch."""
    try:
        await lines.type_into(agent, container_id, terminal.typed(), is_terminal=True, detachable=True)
    except Refused as refused:
        if refused.status != 409:
            raise
        say("somebody else types: you only watch")


async def _both(copying: Any, typing: Any) -> None:
    """Until everything is copied, or whoever types leaves; what is wrong with either is raised."""
    output = asyncio.create_task(copying, name="copy what is said")
    tasks = [output, asyncio.create_task(typing, name="type")]
    try:
        while not output.done():
            done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            tasks = list(pending)
    finally:
        for task in (output, *tasks):
            task.cancel()
        await asyncio.gather(output, *tasks, return_exceptions=True)


async def _exit_code(agent: Client, container_id: dict[str, Any]) -> int:
    """As a shell would say it; the agent may forget it then."""
    code = await _ended(asyncio.create_task(_status(agent, container_id), name="wait for the command"))
    with contextlib.suppress(Refused, Unreachable):
        await agent.call("REMOVE_CONTAINER", {"container_id": container_id})
    if code is None:
        raise CommandFailed("how the command ended is not known", EXIT_NOT_RUN)
    return code


async def _ended(waiting: asyncio.Task[int | None]) -> int | None:
    with contextlib.suppress(Refused, Unreachable, TimeoutError):
        return await asyncio.wait_for(waiting, END_TIMEOUT_S)
    return None


async def _status(agent: Client, container_id: dict[str, Any]) -> int | None:
    """The exit code of a container, once it has ended."""
    answer = await agent.wait("WAIT_CONTAINER", {"container_id": container_id})
    status = answer["wait_container"].get("exit_status")
    if status is None:
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


EXEC = Command(
    usage="mesos-py exec [-i] [-t] [--user=NAME] TASK -- CMD ARGS... [--master=HOST:PORT]",
    about="""
    Run a command where a task runs: in its sandbox, with its environment, namespaces and limits, as its user. Exits as
    the command did, with 128 + signal, or with 125 if it could not be run. It ends when this process does. TASK is an
    id, a name, or the beginning of an id.

      mesos-py exec web-1 -- ls -l
      mesos-py exec -it web-1 -- bash
      tar c files | mesos-py exec -i web-1 -- tar x
    """,
    options=(ExecOptions,),
    main=execute,
)

ATTACH = Command(
    usage="mesos-py attach TASK [--master=HOST:PORT]",
    about="""
    Show what the terminal of a task shows from now on, and type into it, if nobody else does. Exits as the task does;
    Ctrl-P Ctrl-Q leaves the task to itself. Only tasks that have asked for a terminal (tty_info) can be attached to.
    """,
    options=(AttachOptions,),
    main=attach,
)
