"""``mesos-py quota``: what roles are guaranteed, what they may not exceed, and how far they are from either.

The calls replace all that a role has; ``set`` asks for it first, and keeps what it is not told to change.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import attrs
from rich.text import Text

from mesos_py.algebra.quantities import Milli, from_milli
from mesos_py.cli.client import Client, ClientOptions, address_of, unknown
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import BAD_STATE_STYLE, amount_text, print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.flags import AMOUNTS, BOOLEAN, option

Amounts = Mapping[str, Milli]


@attrs.frozen(kw_only=True)
class QuotaOptions(ClientOptions):
    guarantee: Amounts | None = option(
        AMOUNTS, None, "What is kept free for the role; empty: nothing. Unset: as it is.", group="Set"
    )
    limit: Amounts | None = option(
        AMOUNTS, None, "What the role may not exceed; a resource that is not named has no limit. Unset: as it is.",
        group="Set",
    )
    force: bool = option(
        BOOLEAN, False, "Also a limit below what the role uses (its tasks go on), or more than the cluster has.",
        group="Set",
    )


async def main(line: CommandLine) -> int:
    options = line.make(QuotaOptions)
    verb, roles = (line.words or ("show",))[0], line.words[1:]
    if verb not in VERBS:
        raise CommandFailed(f"say what to do: mesos-py quota {'|'.join(VERBS)}", EXIT_USAGE)
    if verb != "set" and (options.guarantee is not None or options.limit is not None or options.force):
        raise CommandFailed("--guarantee, --limit and --force are for 'set'", EXIT_USAGE)
    async with Client(address_of(options.master)) as master:
        await VERBS[verb](options, master, roles)
    return EXIT_OK


async def show(options: QuotaOptions, master: Client, roles: tuple[str, ...]) -> None:
    found = {role["name"]: role for role in (await master.get("/roles"))["roles"]}
    for name in roles:
        if name not in found:
            raise unknown("role", name, found)
    wanted = [found[name] for name in roles] or [
        role for role in found.values() if role["quota"]["guarantee"] or role["quota"]["limit"]
    ]
    if options.json:
        print_json([role["quota"] | {"offered": role["offered"]} for role in wanted])
        return
    rows = [row for role in wanted for row in _rows(role)]
    print_table(("ROLE", "RESOURCE", "GUARANTEE", "LIMIT", "CONSUMED", "OFFERED", ""), rows, "no role has quota")


def _rows(role: dict[str, Any]) -> list[list[str | Text]]:
    """One for each resource that is guaranteed or limited."""
    quota = role["quota"]
    guarantee, limit, consumed = quota["guarantee"], quota["limit"], quota["consumed"]
    return [
        [
            role["name"], name, _shown(guarantee.get(name)), _shown(limit.get(name)),
            amount_text(consumed.get(name, 0.0)), amount_text(role["offered"].get(name, 0.0)),
            _standing(guarantee.get(name, 0.0), limit.get(name), consumed.get(name, 0.0)),
        ]
        for name in sorted({*guarantee, *limit})
    ]


def _shown(amount: float | None) -> str:
    return "-" if amount is None else amount_text(amount)


def _standing(guarantee: float, limit: float | None, consumed: float) -> str | Text:
    """What it means for who waits for offers: of the role at its limit, of others below a guarantee."""
    if limit is not None and consumed > limit:
        return Text("above its limit", style=BAD_STATE_STYLE)
    if limit is not None and consumed == limit:
        return "at its limit"
    return f"{amount_text(guarantee - consumed)} kept free for it" if consumed < guarantee else ""


async def change(options: QuotaOptions, master: Client, roles: tuple[str, ...]) -> None:
    if len(roles) != 1 or (options.guarantee is None and options.limit is None):
        raise CommandFailed("expecting: mesos-py quota set ROLE --guarantee=... or --limit=...", EXIT_USAGE)
    status = (await master.call("GET_QUOTA"))["get_quota"]["status"]
    known: dict[str, dict[str, Any]] = {each["role"]: each for each in status.get("configs", ())}
    config = known.get(roles[0], {"role": roles[0]})
    for name, amounts in (("guarantees", options.guarantee), ("limits", options.limit)):
        if amounts is not None:
            config[name] = {resource: {"value": from_milli(amount)} for resource, amount in amounts.items()}
    await master.call("UPDATE_QUOTA", {"quota_configs": [config], "force": options.force})
    _tell(options, f"role '{roles[0]}': guaranteed {_text(config, 'guarantees')}; limited to {_text(config, 'limits')}")


async def remove(options: QuotaOptions, master: Client, roles: tuple[str, ...]) -> None:
    if not roles:
        raise CommandFailed("expecting: mesos-py quota remove ROLE ...", EXIT_USAGE)
    status = (await master.call("GET_QUOTA"))["get_quota"]["status"]
    known = [each["role"] for each in status.get("configs", ())]
    for role in roles:
        if role not in known:
            raise unknown("quota of a role", role, known)
    await master.call("UPDATE_QUOTA", {"quota_configs": [{"role": role} for role in roles]})
    _tell(options, f"no quota any more: {', '.join(roles)}")


def _text(config: dict[str, Any], name: str) -> str:
    amounts = config.get(name, {})
    text = ", ".join(f"{key}:{amount_text(scalar['value'])}" for key, scalar in amounts.items())
    return text or ("nothing" if name == "guarantees" else "whatever there is")


def _tell(options: QuotaOptions, text: str) -> None:
    if not options.json:
        say(text)


VERBS: dict[str, Callable[[QuotaOptions, Client, tuple[str, ...]], Coroutine[Any, Any, None]]] = {
    "show": show,
    "set": change,
    "remove": remove,
}

COMMAND = Command(
    usage="mesos-py quota [show [ROLE ...]]|set ROLE --guarantee=... --limit=... [--force]|remove ROLE ... [--json]",
    about="""
    Show what roles are guaranteed, what they may not exceed, and how much of it they have; or change it, for now and
    for every later master. Only top-level roles have quota. What the roles below have counts as theirs, but does not
    wait for it: frameworks in a role below are offered more even if that exceeds the limit, as in Mesos.

    A role at its limit is offered nothing more of that resource: raise the limit, or let tasks end. What is kept free
    for a role below its guarantee is not offered to others, even while nobody in the role wants it.

      mesos-py quota set eng --guarantee='cpus:4;mem:4096' --limit='cpus:16'
      mesos-py quota set eng --limit=
      mesos-py quota remove eng
    """,
    options=(QuotaOptions,), main=main,
)
