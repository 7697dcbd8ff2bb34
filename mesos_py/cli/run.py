"""``mesos-py run``: one command as a task, with its output here, its status as ours, and Ctrl-C to kill it.

The process is a framework of its own for as long as the task lives: it takes the first offer that is large enough,
launches the task, declines everything else, and leaves with it. The task cannot outlive it: when this process is
killed, the master sees the stream end and shuts the task down (failover_timeout 0). With ``zk://`` it goes from one
leading master to the next; what it does not know about its task then, it asks.

The framework carries a label that says which process on which host it is, so that ``mesos-py kill`` can ask that
process: nobody but a task's own framework can kill it. Mesos: src/cli/execute.cpp.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import re
import signal
import socket
import uuid
from typing import Any

import attrs

from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.cli import cluster, sandbox
from mesos_py.cli.client import Client, ClientOptions, Refused, Unreachable, address_of
from mesos_py.cli.command import EXIT_NOT_RUN, EXIT_OK, EXIT_UNREACHABLE, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.logs import lost, writer
from mesos_py.cli.render import print_json
from mesos_py.cli.session import Session
from mesos_py.config import CommandLine
from mesos_py.coordination import DetectionFailed
from mesos_py.coordination.address import parse_address
from mesos_py.coordination.locator import Locator
from mesos_py.flags import REPEATED, SECONDS, TEXT, message, option
from mesos_py.wire.codec import json
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.health import CheckInfo, HealthCheck
from mesos_py.wire.resource import Resource

#: label of the framework: HOST:PID of the process behind it
RUN_LABEL = "mesos-py.run"
DECLINE_S = 3600.0  # what is not needed is not wanted again
TOO_SMALL_S = 2.0  # an agent may have more later
PATIENCE_S = 5.0  # then the user learns that nothing fits
OUTPUT_TIMEOUT_S = 10.0  # for the last pieces of output
RESUBSCRIBE_S = 0.2  # pause before the next attempt
RECONCILE_S = 1.0  # pause before the next question; a master that waits for the agent does not answer
LEAVE_TIMEOUT_S = 10.0  # for a master to be told that the task has ended
AGENT_PORT = 5051  # of offers without an url; Mesos: src/slave/constants.hpp

_UNFIT = re.compile(r"[^\w.-]")  # for a task id
_EXITED = re.compile(r"exited with status (\d+)")
_SIGNALLED = re.compile(r"terminated with signal (.+?)(?:\s*\(core dumped\))?(?::|$)")


@attrs.frozen(kw_only=True)
class RunOptions(ClientOptions):
    name: str | None = option(TEXT, None, "Name and id of the task; unset: the command's name and a number.")
    command: str | None = option(TEXT, None, "A shell command; the alternative is an exact argv after --.")
    resources: str = option(TEXT, "cpus:0.1;mem:32", "What the task needs.")
    env: tuple[str, ...] = option(REPEATED, (), "NAME=VALUE for the task's environment; may be given again.")
    uri: tuple[str, ...] = option(REPEATED, (), "Something to fetch into the sandbox; may be given again.")
    user: str | None = option(TEXT, None, "Run as this user; unset: who runs this.")
    health_check: HealthCheck | None = option(
        message(HealthCheck), None, "Kill the task when this says that it is not healthy.")
    check: CheckInfo | None = option(message(CheckInfo), None, "Report with every update what this finds.")
    role: str = option(TEXT, "*", "Role to be offered resources in.")
    container: ContainerInfo | None = option(
        message(ContainerInfo), None, "Its image, volumes and networks; unset: it runs as any process of the host.")
    kill_grace_s: float | None = option(SECONDS, None, "Between SIGTERM and SIGKILL; unset: the agent's 3secs.")
    offer_wait_s: float | None = option(SECONDS, None, "Give up when nothing fits for so long; unset: wait.")


class _Run:
    """One task from the subscription to its end."""

    def __init__(self, master: Client, options: RunOptions, argv: tuple[str, ...]) -> None:
        self._master = master
        self._options = options
        self._argv = argv
        self._session = Session(master)
        self._wanted = Resources.of(parse_resources(options.resources))
        word = argv[0] if argv else (options.command or "").split()[0]
        self._task_id = options.name or f"{_UNFIT.sub('', os.path.basename(word)) or 'run'}-{uuid.uuid4().hex[:6]}"
        #: the agent it was launched on; None before
        self._agent: Client | None = None
        self._agent_id: dict[str, str] = {}
        self._ended = asyncio.Event()
        #: the exit code, once the task has ended
        self._code: int | None = None
        #: some update has come: it was launched
        self._is_launched = False
        #: the master that we are subscribed to has said how the task is
        self._is_known = False
        self._is_killing = False
        #: nobody leads, and the user knows
        self._is_waiting = False
        self._copies: asyncio.Task[None] | None = None
        self._locator: Locator | None = None
        if options.master.startswith("zk://"):
            self._locator = Locator(parse_address(options.master), self._moved)
        self._subscription: asyncio.Task[None] | None = None
        self._stack = contextlib.AsyncExitStack()

    async def main(self) -> int:
        """The exit code, from whichever comes first: the task's end, Ctrl-C, lost patience."""
        killed = asyncio.Event()
        for signum in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signum, killed.set)
        async with self._stack:
            ways = [
                asyncio.create_task(self._follow(), name="events"),
                asyncio.create_task(self._kill_when(killed), name="kill"),
                asyncio.create_task(self._patience(), name="patience"),
            ]
            if self._locator is not None:
                ways.append(asyncio.create_task(self._locate(self._locator), name="locator"))
            try:
                done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                return done.pop().result()
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
                if self._session.framework_id and self._code is None:
                    with contextlib.suppress(CommandFailed):  # the master may be gone, then so are we to it
                        await self._session.call("TEARDOWN")

    def _framework_info(self) -> dict[str, Any]:
        user = self._options.user or getpass.getuser()
        return {
            "name": f"mesos-py run {self._task_id}", "user": user, "roles": [self._options.role],
            "hostname": socket.gethostname(), "failover_timeout": 0.0, "checkpoint": True,
            "capabilities": [{"type": kind} for kind in ("MULTI_ROLE", "PARTITION_AWARE", "TASK_KILLING_STATE")],
            "labels": {"labels": [{"key": RUN_LABEL, "value": f"{socket.gethostname()}:{os.getpid()}"}]},
        }

    # ------------------------------------------------------------------------------------------------ masters

    async def _follow(self) -> int:
        """Subscribed to whichever master leads, until the task has ended and that one knows that we know."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as self._leaving:
                while True:
                    if self._locator is not None:
                        self._master.address = await self._locator.locate()
                    if await self._has_left():
                        break
                    await asyncio.sleep(RESUBSCRIBE_S)
        assert self._code is not None
        await self._finish_output()
        return self._code

    async def _has_left(self) -> bool:
        """One subscription; False: it was broken off, and there may be another master."""
        subscription = self._subscription = asyncio.create_task(self._subscribed(), name="subscription")
        try:
            await asyncio.wait((subscription,))
            if not subscription.cancelled():
                subscription.result()
                return True
        except Unreachable as gone:
            if self._locator is None and self._code is None:
                raise CommandFailed(str(gone), EXIT_NOT_RUN if self._session.framework_id else gone.code) from gone
            if self._locator is None:
                return True  # there is nobody else to tell
        finally:
            subscription.cancel()
        if not self._is_waiting:
            say(f"the master at {self._master.address} is gone; waiting for the one that leads next")
            self._is_waiting = True
        return False

    def _moved(self) -> None:
        if self._subscription is not None:
            self._subscription.cancel()

    async def _locate(self, locator: Locator) -> int:
        try:
            await locator.run()
        except DetectionFailed as error:
            raise CommandFailed(f"nobody can tell who leads: {error}", EXIT_UNREACHABLE) from error
        return EXIT_NOT_RUN

    async def _subscribed(self) -> None:
        """Until the task has ended and we have taken our leave."""
        async with contextlib.AsyncExitStack() as stack:
            async for event in self._session.events(self._framework_info()):
                kind = event["type"]
                self._is_waiting = False
                if kind == "SUBSCRIBED" and self._agent is not None and self._code is None:
                    asking = asyncio.create_task(self._ask(), name="reconciliation")
                    stack.callback(asking.cancel)
                elif kind == "OFFERS":
                    await self._offers(event["offers"]["offers"])
                elif kind == "UPDATE":
                    await self._update(event["update"]["status"])
                elif kind == "FAILURE" and event["failure"].get("agent_id") == self._agent_id:
                    say(f"agent {self._agent_id['value']} has failed")
                elif kind == "ERROR":
                    raise CommandFailed(f"the master ends this: {event['error']['message']}", EXIT_NOT_RUN)
                if self._code is not None:
                    await self._session.call("TEARDOWN")
                    return

    async def _ask(self) -> None:
        """The master says how the task is, and has it killed if that was wanted: an earlier one may have died of it."""
        task = {"task_id": {"value": self._task_id}, "agent_id": self._agent_id}
        self._is_known = False
        with contextlib.suppress(CommandFailed):  # the stream will end, too
            while not self._is_known:
                await self._session.call("RECONCILE", {"tasks": [task]})
                await asyncio.sleep(RECONCILE_S)
            if self._is_killing:
                await self._session.call("KILL", task)

    # ------------------------------------------------------------------------------------------------ launch

    async def _offers(self, offers: list[dict[str, Any]]) -> None:
        for offer in offers:
            picked = None
            if self._agent is None:
                pool = Resources.of(json.from_value(Resource, resource) for resource in offer["resources"])
                picked = pool.pick(self._wanted)
            if picked is None:
                refuse_s = TOO_SMALL_S if self._agent is None else DECLINE_S
                await self._session.call(
                    "DECLINE", {"offer_ids": [offer["id"]], "filters": {"refuse_seconds": refuse_s}})
                continue
            self._agent_id = offer["agent_id"]
            self._agent = await self._stack.enter_async_context(Client(_offer_address(offer), "agent"))
            launch = {"type": "LAUNCH", "launch": {"task_infos": [self._task_info(picked)]}}
            await self._session.call("ACCEPT", {
                "offer_ids": [offer["id"]], "operations": [launch], "filters": {"refuse_seconds": DECLINE_S}})
            await self._session.call("SUPPRESS")

    def _task_info(self, picked: Resources) -> dict[str, Any]:
        options = self._options
        command: dict[str, Any] = {"shell": not self._argv}
        if self._argv:
            command |= {"value": self._argv[0], "arguments": list(self._argv)}
        else:
            command["value"] = options.command
        if options.env:
            pairs = [pair.partition("=") for pair in options.env]
            command["environment"] = {"variables": [{"name": name, "value": value} for name, _, value in pairs]}
        if options.uri:
            command["uris"] = [{"value": uri} for uri in options.uri]
        if options.user:
            command["user"] = options.user
        info: dict[str, Any] = {
            "name": self._task_id, "task_id": {"value": self._task_id}, "agent_id": self._agent_id,
            "resources": [json.to_value(resource) for resource in picked.messages()], "command": command,
        }
        if options.kill_grace_s is not None:
            info["kill_policy"] = {"grace_period": {"nanoseconds": round(options.kill_grace_s * 1e9)}}
        for name in ("health_check", "check", "container"):
            if getattr(options, name) is not None:
                info[name] = json.to_value(getattr(options, name))
        return info

    async def _patience(self) -> int:
        """Tell whoever waits why; give up if they said when."""
        limit_s = self._options.offer_wait_s
        await asyncio.sleep(PATIENCE_S if limit_s is None else min(PATIENCE_S, limit_s))
        if self._agent is None and (limit_s is None or limit_s > PATIENCE_S):
            say(f"still waiting for an offer with {self._options.resources}")
        if limit_s is not None:
            await asyncio.sleep(max(0.0, limit_s - PATIENCE_S))
            if self._agent is None:
                raise CommandFailed(f"no offer had {self._options.resources} in time", EXIT_NOT_RUN)
        await asyncio.Event().wait()
        return EXIT_NOT_RUN

    # ------------------------------------------------------------------------------------------------ watch

    async def _update(self, status: dict[str, Any]) -> None:
        """``_code`` is known once the task has ended."""
        self._is_known = True
        if not self._is_launched and status["state"] == "TASK_GONE" and status.get("reason") == "REASON_RECONCILIATION":
            self._agent, self._agent_id = None, {}  # the master before died of our launch, or with it
            await self._session.call("REVIVE")
            return
        self._is_launched = True
        if self._options.json:
            print_json({"update": status}, line=True)
        has_ended = status["state"] in cluster.TERMINAL_STATES
        has_run = status["state"] == "TASK_RUNNING" or (has_ended and status.get("source") != "SOURCE_MASTER")
        if self._copies is None and has_run:
            self._copies = asyncio.create_task(self._copy_output(), name="output")
        if has_ended and self._code is None:
            self._code = exit_code(status)
            if status.get("healthy") is False:
                say(f"'{self._task_id}' was not healthy")
            self._ended.set()
            self._leaving.reschedule(asyncio.get_running_loop().time() + LEAVE_TIMEOUT_S)
        if "uuid" in status:
            await self._session.call("ACKNOWLEDGE", {
                "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"]})

    async def _finish_output(self) -> None:
        if self._copies is not None:
            try:
                async with asyncio.timeout(OUTPUT_TIMEOUT_S):
                    await self._copies
            except TimeoutError:
                say("the agent does not give the rest of the output")
            except CommandFailed as failed:
                say(f"the rest of the output is lost: {failed}")

    async def _copy_output(self) -> None:
        assert self._agent is not None
        directory = cluster.sandbox_path(self._session.framework_id, self._task_id)
        await asyncio.gather(*[
            sandbox.copy(
                self._agent, f"{directory}/{name}", writer(name, as_json=self._options.json), self._ended, missed=lost
            )
            for name in ("stdout", "stderr")
        ])

    async def _kill_when(self, asked: asyncio.Event) -> int:
        """The first Ctrl-C kills the task, and leaves if there is none; the second one leaves anyway."""
        await asked.wait()
        if self._agent is not None:
            asked.clear()
            self._is_killing = True
            say(f"killing '{self._task_id}'; once more leaves at once")
            with contextlib.suppress(Refused, Unreachable):  # it ended in the meantime, or the next master will be told
                await self._session.call("KILL", {"task_id": {"value": self._task_id}, "agent_id": self._agent_id})
            await asked.wait()
        return 128 + signal.SIGINT


def exit_code(status: dict[str, Any]) -> int:
    """What a shell would have said: the command's status, 128 + signal, or EXIT_NOT_RUN with the reason told.

    The status of a command is only in the text of its last update; Mesos: src/launcher/executor.cpp.
    """
    state, message = status["state"], status.get("message", "")
    if state == "TASK_FINISHED":
        return EXIT_OK
    if exited := _EXITED.search(message):
        return int(exited[1])
    if signalled := _SIGNALLED.search(message):
        return 128 + _signal_number(signalled[1])
    say(f"{state}: {message or status.get('reason', 'no reason given')}")
    return 128 + signal.SIGTERM if state == "TASK_KILLED" else EXIT_NOT_RUN


def _signal_number(name: str) -> int:
    """Of ``Terminated``, as strsignal says, of ``SIGTERM``, or of ``15``."""
    if name.isdigit():
        return int(name)
    for member in signal.Signals:
        if name in (member.name, signal.strsignal(member)):
            return int(member)
    return 0


def _offer_address(offer: dict[str, Any]) -> str:
    if "url" in offer:
        address = offer["url"]["address"]
        return f"{address.get('ip') or address['hostname']}:{address['port']}"
    return f"{offer['hostname']}:{AGENT_PORT}"


async def main(line: CommandLine) -> int:
    options = line.make(RunOptions)
    if line.words:
        raise CommandFailed(f"put the command behind --, as in: mesos-py run -- {' '.join(line.words)}", EXIT_USAGE)
    if bool(options.command) == bool(line.rest):
        raise CommandFailed("say what to run: --command='...' or -- PROGRAM ARGUMENT...", EXIT_USAGE)
    wrong = [pair for pair in options.env if "=" not in pair or pair.startswith("=")]
    if wrong:
        raise CommandFailed(f"--env={wrong[0]}: expecting NAME=VALUE", EXIT_USAGE)
    try:
        parse_resources(options.resources)
    except ValueError as error:
        raise CommandFailed(f"--resources: {error}", EXIT_USAGE) from error
    async with Client(address_of(options.master)) as master:
        return await _Run(master, options, line.rest).main()


COMMAND = Command(
    usage="mesos-py run [flags] --command='...'  |  mesos-py run [flags] -- PROGRAM ARGUMENT...",
    about="""
    Run one command as a task: its output appears here as it is written, and its exit status becomes ours (128 +
    signal when a signal ended it, 125 when it could not be run to an end). Ctrl-C kills the task. --json prints
    updates and output as JSON, one object a line.

      mesos-py run -- sh -c 'echo hello; exit 3'; echo $?
      mesos-py run --resources='cpus:1;mem:512' --env=N=10 --command='seq $N'
      mesos-py run --health_check='{"type":"TCP","tcp":{"port":8000}}' -- python3 -m http.server
    """,
    options=(RunOptions,), main=main,
)
