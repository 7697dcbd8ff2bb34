"""``marathon-py group``: trees of apps that are changed together, in the order of their dependencies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from frameworks.marathon_py.shell.cli.common import AskOptions, ChangeOptions, changing, one_object, one_word
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, option


async def add(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    group = one_object(one_word(line, "file"))
    async with changing(options) as change:
        answer = await change.marathon.add_group(group, force=options.force)
        return await change.done(answer["deploymentId"], [], answer)


@attrs.frozen(kw_only=True)
class UpdateOptions(ChangeOptions):
    dry_run: bool = option(BOOLEAN, False, "Only print the steps that it would take.", short="d")


async def update(line: CommandLine) -> int:
    options = line.make(UpdateOptions)
    match line.words:
        case (id, file):
            group = one_object(file)
        case _:
            raise CommandFailed("say which group, and the file: group update ID FILE", EXIT_USAGE)
    return await _put(options, id, group)


async def scale(line: CommandLine) -> int:
    options = line.make(UpdateOptions)
    try:
        id, factor = line.words[0], float(line.words[1])
    except (IndexError, ValueError):
        raise CommandFailed("say which group, and by how much: group scale ID 1.5", EXIT_USAGE) from None
    return await _put(options, id, {"scaleBy": factor})


async def rollback(line: CommandLine) -> int:
    options = line.make(UpdateOptions)
    match line.words:
        case (id, version):
            return await _put(options, id, {"version": version})
        case _:
            raise CommandFailed("say which group, and the version: group rollback ID VERSION", EXIT_USAGE)


async def _put(options: UpdateOptions, id: str, group: dict[str, Any]) -> int:
    if options.dry_run:
        async with options.client() as marathon:
            answer = await marathon.put_group(id, group, dry_run=True)
        if options.json:
            print_json(answer)
            return EXIT_OK
        rows = [
            (str(number), action["action"], action.get("app") or action.get("pod", ""))
            for number, step in enumerate(answer["steps"], 1) for action in step["actions"]
        ]  # fmt: skip
        print_table(("STEP", "ACTION", "OF"), rows, "nothing would change")
        return EXIT_OK
    async with changing(options) as change:
        answer = await change.marathon.put_group(id, group, force=options.force)
        return await change.done(answer["deploymentId"], [], answer)


async def rm(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id = one_word(line, "group")
    if id == "/":
        raise CommandFailed("that would end everything: name its groups one by one", EXIT_USAGE)
    async with changing(options) as change:
        answer = await change.marathon.remove_group(id, force=options.force)
        return await change.done(answer["deploymentId"], [], answer)


async def ls(line: CommandLine) -> int:
    options = line.make(AskOptions)
    if len(line.words) > 1:
        raise CommandFailed(f"'{line.words[1]}' is too much: one group", EXIT_USAGE)
    async with options.client() as marathon:
        root = await marathon.group(*line.words)
    if options.json:
        print_json(root)
        return EXIT_OK
    rows = [
        (one["id"], str(len(one["apps"])), str(len(one["pods"])), str(sum(app["instances"] for app in one["apps"])),
         ", ".join(one.get("dependencies", ())), one["version"])
        for one in _all(root)
    ]  # fmt: skip
    print_table(("GROUP", "APPS", "PODS", "INSTANCES", "DEPENDS ON", "VERSION"), rows, "no groups")
    return EXIT_OK


def _all(group: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield group
    for child in sorted(group["groups"], key=lambda child: str(child["id"])):
        yield from _all(child)


async def show(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        print_json(await marathon.group(one_word(line, "group")))
    return EXIT_OK


async def versions(line: CommandLine) -> int:
    options = line.make(AskOptions)
    if len(line.words) > 1:
        raise CommandFailed(f"'{line.words[1]}' is too much: one group", EXIT_USAGE)
    async with options.client() as marathon:
        found = sorted(await marathon.group_versions(*line.words), reverse=True)
    print_json(found) if options.json else print("\n".join(found))
    return EXIT_OK


ADD = Command(
    usage="marathon-py group add FILE|-", about="Run everything in a new group.", options=(ChangeOptions,), main=add,
)  # fmt: skip
UPDATE = Command(
    usage="marathon-py group update ID FILE|- [--dry_run]",
    about="Make a group what the file says: apps that are not in it end, those in it are created or changed.",
    options=(UpdateOptions,), main=update,
)  # fmt: skip
SCALE = Command(
    usage="marathon-py group scale ID FACTOR [--dry_run]", about="Multiply the instances of every app in a group.",
    options=(UpdateOptions,), main=scale,
)  # fmt: skip
RM = Command(
    usage="marathon-py group rm ID", about="End a group with everything in it.", options=(ChangeOptions,), main=rm,
)  # fmt: skip
LS = Command(
    usage="marathon-py group ls [ID]", about="List groups, those inside of each other, too.",
    options=(AskOptions,), main=ls,
)  # fmt: skip
SHOW = Command(
    usage="marathon-py group show ID", about="Print a group with everything in it.", options=(AskOptions,), main=show,
)  # fmt: skip
VERSIONS = Command(
    usage="marathon-py group versions [ID]", about="List a group's versions, the newest first.",
    options=(AskOptions,), main=versions,
)  # fmt: skip
ROLLBACK = Command(
    usage="marathon-py group rollback ID VERSION [--dry_run]", about="Make a group what it was at a version.",
    options=(UpdateOptions,), main=rollback,
)  # fmt: skip
