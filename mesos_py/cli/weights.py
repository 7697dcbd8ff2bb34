"""``mesos-py weights``: what roles weigh in fair sharing, shown or changed while the master runs."""

from __future__ import annotations

from mesos_py.cli.client import Client, ClientOptions, address_of
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.flags import WEIGHTS


async def main(line: CommandLine) -> int:
    options = line.make(ClientOptions)
    verb, words = (line.words or ("show",))[0], line.words[1:]
    if verb not in ("show", "set") or bool(words) != (verb == "set"):
        raise CommandFailed("expecting: mesos-py weights, or mesos-py weights set ROLE=WEIGHT ...", EXIT_USAGE)
    async with Client(address_of(options.master)) as master:
        if verb == "set":
            await _change(master, words)
        else:
            await _show(options, master)
    return EXIT_OK


async def _show(options: ClientOptions, master: Client) -> None:
    infos = ((await master.call("GET_WEIGHTS")).get("get_weights") or {}).get("weight_infos", [])
    if options.json:
        print_json(infos)
        return
    rows = [[info["role"], f"{info['weight']:.15g}"] for info in infos]
    print_table(("ROLE", "WEIGHT"), rows, "no role was given a weight: each has 1")


async def _change(master: Client, words: tuple[str, ...]) -> None:
    try:
        weights = WEIGHTS.parse(",".join(words))
    except ValueError as error:
        raise CommandFailed(str(error), EXIT_USAGE) from error
    infos = [{"role": role, "weight": weight} for role, weight in weights.items()]
    await master.call("UPDATE_WEIGHTS", {"weight_infos": infos})


COMMAND = Command(
    usage="mesos-py weights [show|set ROLE=WEIGHT ...] [--master=HOST:PORT] [--json]",
    about="""
    Show what roles weigh, or change it, for now and for every later master. A role that weighs twice as much as another
    gets twice as much, where both want more than there is; one that was given no weight has 1. Offers are taken back
    when the weight of a role changes that somebody is in, so that everything is shared out anew.

      mesos-py weights set eng=2 ops=0.5
    """,
    options=(ClientOptions,), main=main,
)
