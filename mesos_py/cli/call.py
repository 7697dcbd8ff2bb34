"""``mesos-py call``: any operator call, on a master or on an agent.

The list of calls is the wire's own enum, so that a call which exists can be made.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import orjson

from mesos_py.cli import cluster
from mesos_py.cli.client import ANSWER_TIMEOUT_S, Client, ClientOptions, address_of, unknown
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json
from mesos_py.config import CommandLine
from mesos_py.flags import TEXT, option
from mesos_py.wire import agent_api, master_api
from mesos_py.wire.recordio import Decoder

STREAMS = frozenset({"SUBSCRIBE", "LAUNCH_NESTED_CONTAINER_SESSION", "ATTACH_CONTAINER_OUTPUT"})


@attrs.frozen(kw_only=True)
class CallOptions(ClientOptions):
    agent: str | None = option(TEXT, None, "Ask this agent instead of the master: HOST:PORT, or its id.")


async def main(line: CommandLine) -> int:
    options = line.make(CallOptions)
    kind = agent_api.Call.Type if options.agent else master_api.Call.Type
    names = [member.name for member in kind if member.name != "UNKNOWN"]
    if not line.words:
        print_json(names) if options.json else print("\n".join(names))
        return EXIT_OK
    if len(line.words) > 2:
        raise CommandFailed("expecting one call and one body: mesos-py call TYPE [JSON|@FILE|-]", EXIT_USAGE)
    name = line.words[0].upper().replace("-", "_")
    if name not in names:
        close = difflib.get_close_matches(name, names, n=3)
        raise CommandFailed(
            f"no call '{name}'" + (f"; did you mean {' or '.join(close)}?" if close else "")
            + "; 'mesos-py call' lists them", EXIT_USAGE)
    message = message_of(name, line.words[1] if len(line.words) == 2 else None, names)
    async with await _client(options) as client:
        if name in STREAMS:
            async for record in _stream(client, message):
                print_json(orjson.loads(record), line=True)
            return EXIT_OK
        patience_s = None if name.startswith("WAIT_") else ANSWER_TIMEOUT_S
        text = await client.post("/api/v1", message, timeout_s=patience_s)
    if text:
        print_json(orjson.loads(text), line=options.json)
    return EXIT_OK


def message_of(name: str, body: str | None, names: Collection[str]) -> dict[str, Any]:
    """The call ``name``, one of ``names``; ``body`` may be its sub-message or the whole of it, with a type or without.

    Raises CommandFailed when it is neither.
    """
    if body is None:
        return {"type": name}
    if body == "-":
        body = sys.stdin.read()
    elif body.startswith("@"):
        try:
            body = Path(body[1:]).read_text(encoding="utf-8")
        except OSError as error:
            raise CommandFailed(f"cannot read {body[1:]}: {error}", EXIT_USAGE) from error
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise CommandFailed(f"the body is not JSON: {error}", EXIT_USAGE) from error
    if not isinstance(parsed, dict):
        raise CommandFailed("the body must be a JSON object", EXIT_USAGE)
    said = parsed.get("type", name)
    if said != name and said in names:  # of a sub-message's own types none is the name of a call
        raise CommandFailed(f"the body is a whole call, {said}, and not {name}", EXIT_USAGE)
    is_whole = parsed.get("type") == name or name.lower() in parsed
    return {**parsed, "type": name} if is_whole else {"type": name, name.lower(): parsed}


async def _client(options: CallOptions) -> Client:
    if options.agent is None:
        return Client(address_of(options.master))
    if ":" in options.agent:
        return Client(address_of(options.agent), "agent")
    async with Client(address_of(options.master)) as master:
        agents = await cluster.agents(master)
    if options.agent not in agents:
        raise unknown("agent", options.agent, agents)
    return Client(cluster.agent_address(agents[options.agent]), "agent")


async def _stream(client: Client, message: dict[str, Any]) -> AsyncIterator[bytes]:
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    decoder = Decoder()
    try:
        async with client.session.post(
            f"http://{client.address}/api/v1", data=orjson.dumps(message), headers=headers
        ) as answer:
            if answer.status != 200:
                raise client.refusal(answer.status, await answer.text())
            async for piece in answer.content.iter_any():
                for record in decoder.feed(piece):
                    yield record
    except (aiohttp.ClientError, OSError) as error:
        raise client.unreachable(error) from error


COMMAND = Command(
    usage="mesos-py call [TYPE] [JSON|@FILE|-] [--agent=HOST:PORT|ID] [--master=HOST:PORT] [--json]",
    about="""
    Make an operator call and print its answer as JSON; without TYPE, list the calls there are. The body is the
    call's own message ({"framework_id": {"value": "..."}} for TEARDOWN), or a whole call; @FILE reads it from a
    file, - from standard input. What answers with a stream (SUBSCRIBE) prints one record a line until interrupted.
    --json prints the answer on one line.

      mesos-py call get-version
      mesos-py call teardown '{"framework_id": {"value": "..."}}'
      mesos-py call --agent=127.0.0.1:5051 get-containers
    """,
    options=(CallOptions,), main=main,
)
