"""Versions of apps and of pods from a shell: listed, printed, and which one to go back to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from frameworks.marathon_py.shell.cli.common import AskOptions, one_word
from frameworks.marathon_py.shell.client import MarathonClient
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, CommandFailed
from mesos_py.cli.render import print_json
from mesos_py.config import CommandLine
from mesos_py.flags import TEXT, option

Known = Callable[[MarathonClient, str], Awaitable[list[str]]]
Definition = Callable[[MarathonClient, str, str], Awaitable[dict[str, Any]]]


@attrs.frozen(kw_only=True)
class VersionsOptions(AskOptions):
    version: str | None = option(TEXT, None, "Print the definition of that version.")


async def print_versions(line: CommandLine, noun: str, known: Known, definition: Definition) -> int:
    """Of the ``noun`` that is named: those that are ``known``, the newest first, or the ``definition`` at one."""
    options = line.make(VersionsOptions)
    id = one_word(line, noun)
    async with options.client() as marathon:
        if options.version is not None:
            print_json(await definition(marathon, id, options.version))
            return EXIT_OK
        found = sorted(await known(marathon, id), reverse=True)
    print_json(found) if options.json else print("\n".join(found))
    return EXIT_OK


def one_of(line: CommandLine, noun: str) -> tuple[str, str | None]:
    """``ID [VERSION]``. Raises CommandFailed."""
    match line.words:
        case (id,):
            return id, None
        case (id, version):
            return id, version
    raise CommandFailed(f"say which {noun}: {noun} rollback ID [VERSION]", EXIT_USAGE)


async def before(marathon: MarathonClient, id: str, known: Known) -> str:
    """The version before the present one. Raises CommandFailed."""
    _, *former = sorted(await known(marathon, id), reverse=True) or [""]
    if not former:
        raise CommandFailed(f"'{id}' has no former version")
    return former[0]
