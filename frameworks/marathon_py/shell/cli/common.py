"""What the commands of ``marathon-py`` share: flags, definitions from files and words, waiting for a deployment."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import orjson

from frameworks.marathon_py.shell.cli.progress import show
from frameworks.marathon_py.shell.client import DEFAULT_URL, MarathonClient
from frameworks.marathon_py.shell.waiting import Waiting
from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, CommandFailed, say
from mesos_py.cli.render import print_json
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, SECRET, URL, option

TEXTS = ("env", "environment", "labels")
"""Fields whose members are texts, whatever they look like."""


@attrs.frozen(kw_only=True)
class AskOptions:
    """Flags of every command that asks Marathon."""

    url: str = option(URL, DEFAULT_URL, "Marathon, or several of one, with commas between.", group="Common")
    credentials: str = option(SECRET, "", "USER:PASSWORD, or a file with it.", group="Common")
    insecure: bool = option(BOOLEAN, False, "Do not look at certificates of https.", group="Common")
    json: bool = option(BOOLEAN, False, "Print JSON.", group="Common")

    def client(self) -> MarathonClient:
        return MarathonClient(self.url, self.credentials, is_verified=not self.insecure)


@attrs.frozen(kw_only=True)
class ChangeOptions(AskOptions):
    """Flags of every command that starts a deployment."""

    force: bool = option(BOOLEAN, False, "Cancel deployments that are in the way.", short="f", group="Deployment")
    wait: bool = option(
        BOOLEAN, False, "Show the deployment until it has ended; exit with 1 unless it ends well.", short="w",
        group="Deployment")


class Change:
    """``async with changing(options) as change: ... return await change.done(id, [app])``."""

    def __init__(self, options: ChangeOptions, marathon: MarathonClient, waiting: Waiting | None) -> None:
        self.marathon, self._options, self._waiting = marathon, options, waiting

    async def done(self, deployment: str, touched: Sequence[str], answer: Any = None) -> int:
        """The exit code; says what has begun, and with ``--wait`` what has come of it."""
        if self._options.json:
            print_json(answer)
        elif self._waiting is None:
            print(deployment)
        if self._waiting is None or not deployment:
            return EXIT_OK
        with show() as look:
            is_well = await self._waiting.for_end(deployment, [f"/{id.strip('/')}" for id in touched], look)
        say(f"deployment {deployment} {'is done' if is_well else 'has failed, or was cancelled'}")
        return EXIT_OK if is_well else EXIT_REFUSED


@contextlib.asynccontextmanager
async def changing(options: ChangeOptions) -> AsyncIterator[Change]:
    """Whoever is to wait listens before anything is asked for."""
    async with options.client() as marathon:
        if not options.wait:
            yield Change(options, marathon, None)
            return
        async with Waiting(marathon) as waiting:
            yield Change(options, marathon, waiting)


# ---- definitions


def read(place: str) -> Any:
    """JSON of a file, or of standard input (``-``). Raises CommandFailed."""
    try:
        return orjson.loads(sys.stdin.buffer.read() if place == "-" else Path(place).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CommandFailed(f"{place}: {error}", EXIT_USAGE) from error


def one_object(place: str) -> dict[str, Any]:
    found = read(place)
    if not isinstance(found, dict):
        raise CommandFailed(f"{place}: expecting one object of JSON", EXIT_USAGE)
    return found


def settings(words: Sequence[str]) -> dict[str, Any]:
    """``cpus=0.5 env.A=1 'constraints=[["hostname","UNIQUE"]]'``: what is no JSON is text, and so are variables and
    labels; a dot leads inside."""
    made: dict[str, Any] = {}
    for word in words:
        path, equals, text = word.partition("=")
        if not equals or not path:
            raise CommandFailed(f"'{word}': expecting FIELD=VALUE", EXIT_USAGE)
        *outer, last = path.split(".")
        inside = made
        for name in outer:
            inside = inside.setdefault(name, {})
            if not isinstance(inside, dict):
                raise CommandFailed(f"'{word}': {name} has a value already", EXIT_USAGE)
        inside[last] = text if outer and outer[-1] in TEXTS else _value(text)
    return made


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def merged(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that ``changes`` leads into keep what it does not name; null takes a member out. Marathon replaces fields
    as a whole."""
    made = dict(current)
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        elif isinstance(value, dict) and isinstance(made.get(name), dict):
            made[name] = merged(made[name], value)
        else:
            made[name] = value
    return made


def pairs(texts: Sequence[str], flag: str) -> dict[str, str]:
    made = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandFailed(f"--{flag}={text}: expecting NAME=VALUE", EXIT_USAGE)
        made[name] = value
    return made


def one_word(line: CommandLine, what: str) -> str:
    if len(line.words) != 1:
        raise CommandFailed(f"say which {what}", EXIT_USAGE)
    return line.words[0]
