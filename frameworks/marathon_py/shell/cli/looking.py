"""``marathon-py queue``, ``why``, ``events``, ``leader``, ``info``."""

from __future__ import annotations

from typing import Any

import attrs

from frameworks.marathon_py.shell.cli.common import AskOptions, one_word
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.flags import TEXT, option


async def queue(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        match line.words:
            case ("reset", id):
                await marathon.clear_delay(id)
                return EXIT_OK
            case ():
                found = await marathon.queue()
            case _:
                raise CommandFailed("marathon-py queue [reset ID]", EXIT_USAGE)
    if options.json:
        print_json(found)
        return EXIT_OK
    rows = [
        ((one.get("app") or one.get("pod", {})).get("id", ""), str(one["count"]), (one.get("since") or "")[:19],
         "" if one["delay"]["overdue"] else f"{one['delay']['timeLeftSeconds']} s", _unused(one), _reason(one))
        for one in found
    ]  # fmt: skip
    print_table(("APP", "WAITING", "SINCE", "DELAYED", "OFFERS UNUSED", "MOSTLY BECAUSE OF"), rows, "nobody waits")
    return EXIT_OK


def _unused(item: dict[str, Any]) -> str:
    summary = item["processedOffersSummary"]
    return f"{summary['unusedOffersCount']} of {summary['processedOffersCount']}"


def _reason(item: dict[str, Any]) -> str:
    """What turns most of the agents' last offers down."""
    reasons = item["processedOffersSummary"].get("rejectSummaryLastOffers", ())
    worst = max(reasons, key=lambda one: int(one["declined"]), default=None)
    return "" if worst is None or not worst["declined"] else f"{worst['reason']} ({worst['declined']})"


async def why(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        found = await marathon.why(one_word(line, "app or pod"))
    if options.json:
        print_json(found)
        return EXIT_OK
    for sentence in found["reasons"]:
        print(sentence)
    return EXIT_OK


async def events(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon, marathon.events(*line.words) as stream:
        async for event in stream:
            print_json(event, line=True)
    return EXIT_OK


@attrs.frozen(kw_only=True)
class LeaderOptions(AskOptions):
    backup: str = option(TEXT, "", "Of abdicate: the next leader keeps its state at this file:// address first.")
    restore: str = option(TEXT, "", "Of abdicate: the next leader begins with the state of this file:// address.")


async def leader(line: CommandLine) -> int:
    options = line.make(LeaderOptions)
    async with options.client() as marathon:
        match line.words:
            case ():
                found = await marathon.leader()
                print_json({"leader": found}) if options.json else print(found)
            case ("abdicate",):
                said = await marathon.abdicate(backup=options.backup, restore=options.restore)
                print_json({"message": said}) if options.json else print(said)
            case _:
                raise CommandFailed("marathon-py leader [abdicate]", EXIT_USAGE)
    return EXIT_OK


async def info(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        print_json(await marathon.info())
    return EXIT_OK


QUEUE = Command(
    usage="marathon-py queue [reset ID]",
    about="List what waits to be launched, since when and why; with 'reset' an app need not wait for its back-off.",
    options=(AskOptions,), main=queue,
)  # fmt: skip
WHY = Command(
    usage="marathon-py why ID", about="Tell why instances of an app or a pod wait, and what would help.",
    options=(AskOptions,), main=why,
)  # fmt: skip
EVENTS = Command(
    usage="marathon-py events [TYPE...]", about="Print what happens from now on, an object of JSON a line.",
    options=(AskOptions,), main=events,
)  # fmt: skip
LEADER = Command(
    usage="marathon-py leader [abdicate [--backup=URI] [--restore=URI]]",
    about="Tell who leads; with 'abdicate' it ends, and another one leads.", options=(LeaderOptions,), main=leader,
)  # fmt: skip
INFO = Command(
    usage="marathon-py info", about="Print Marathon's settings, and what it is.", options=(AskOptions,), main=info
)
