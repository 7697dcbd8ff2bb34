"""``mesos-py registry restore``: a backup is put in the place of a registry, sound or damaged.

It is told first what that means: which agents would be forgotten, awaited, allowed again or shut down, and, if a
master leads and says it, which tasks they run; and which roles would have another quota or weight. Then the registry is
taken over in an epoch of its own and replaced as a whole. A master that led is refused its next write, or finds out
within seconds, and ends; the next one leads with what was restored.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from mesos_py.cli import cluster
from mesos_py.cli.client import Client
from mesos_py.cli.command import CommandFailed, say
from mesos_py.cli.registry_place import Place, PlaceOptions, open_place
from mesos_py.cli.render import age_text, print_json, print_table
from mesos_py.coordination import Corrupt, DetectionFailed, Key, NothingKept
from mesos_py.coordination.backup import Backup, BadBackup, state_hash
from mesos_py.flags import BOOLEAN, option
from mesos_py.machine.values import SECOND
from mesos_py.master.registry import Registry
from mesos_py.master.registry.effects import Effect, RoleEffect, effects, other_changes, role_effects
from mesos_py.master.registry.store import to_message

#: by agent id, as the leading master tells them; None: nobody tells
Tasks = Mapping[str, list[dict[str, Any]]] | None


@attrs.frozen(kw_only=True)
class RegistryOptions(PlaceOptions):
    dry_run: bool = option(BOOLEAN, False, "Only tell what a restore would mean, and for whom.", group="Restore")
    force: bool = option(BOOLEAN, False, "Restore even though a master leads: it ends then.", group="Restore")
    json: bool = option(BOOLEAN, False, "Print JSON instead of tables.", group="Common")


async def restore(options: RegistryOptions, file: str) -> None:
    wanted = _read(file)
    async with open_place(options, to_write=not options.dry_run) as place:
        standing = await _standing(place)
        now = standing or {}
        before, after = Registry.of(to_message(now)), Registry.of(to_message(wanted.records))
        found, roles = list(effects(before, after)), list(role_effects(before, after))
        leader = await _leader(place)
        _tell(options, place, leader, wanted, now, found, roles, await _tasks(leader, found))
        if options.dry_run:
            return
        if standing is not None and state_hash(standing) == state_hash(wanted.records):
            say("the registry says so already: nothing is changed")
            return
        if leader is not None and not options.force:
            where = f" at {leader}" if leader else ""
            raise CommandFailed(
                f"a master leads{where}: stop the masters first, or say --force: then that one ends, and the next one"
                " leads with the restored registry"
            )
        _confirm(place, wanted)
        await place.archive.replace(wanted.records)
        await _verify(place, wanted)
    say(f"{place.name} is restored from {file}")
    if leader is not None:
        say("the master that led ends within seconds; the next one to lead has the restored registry")


def _read(file: str) -> Backup:
    try:
        found = Backup.decode(Path(file).read_bytes())
        to_message(found.records)
    except OSError as error:
        raise CommandFailed(f"the backup cannot be read: {error.strerror}: {file}") from error
    except (BadBackup, Corrupt) as error:
        raise CommandFailed(f"{file} is not restored: {error}") from error
    return found


async def _standing(place: Place) -> Mapping[Key, bytes] | None:
    """The records that stand there; None, and it is told, when there are none that can be read."""
    try:
        records = (await place.archive.read()).records
        to_message(records)
    except NothingKept as error:
        say(str(error))
        return None
    except Corrupt as error:
        say(f"what stands there cannot be read, so nobody can tell what would be lost: {error}")
        return None
    return records


async def _leader(place: Place) -> str | None:
    """As ``Place.leader``; that nobody can tell is taken to mean that one leads."""
    try:
        return await place.leader()
    except DetectionFailed as error:
        say(f"nobody can tell who leads: {error}")
        return ""


async def _tasks(leader: str | None, found: list[Effect]) -> Tasks:
    """What is under way on each of the agents, as the leading master tells it."""
    tasks: dict[str, list[dict[str, Any]]] = {effect.agent_id: [] for effect in found}
    if not found:
        return tasks
    if not leader:
        say("no master tells which tasks run on these agents")
        return None
    try:
        async with Client(leader) as master:
            everything = await cluster.tasks(master, ended=False)
            frameworks = await cluster.frameworks(master)
    except CommandFailed as error:
        say(f"which tasks run on these agents is not known: {error}")
        return None
    for task in everything:
        framework_id = task["framework_id"]["value"]
        info = frameworks.get(framework_id, {}).get("framework_info", {})
        tasks.get(task["agent_id"]["value"], []).append({
            "task_id": task["task_id"]["value"], "state": task["state"],
            "framework_id": framework_id, "framework": info.get("name", ""),
        })
    return tasks


def _tell(
    options: RegistryOptions,
    place: Place,
    leader: str | None,
    wanted: Backup,
    now: Mapping[Key, bytes],
    found: list[Effect],
    roles: list[RoleEffect],
    tasks: Tasks,
) -> None:
    others = other_changes(now, wanted.records)
    if options.json:
        print_json({
            "registry": place.name, "leader": leader, "state_hash": state_hash(now),
            "backup": {
                "source": wanted.source, "made_s": wanted.made_ns / SECOND, "epoch": wanted.epoch,
                "state_hash": state_hash(wanted.records), "records": len(wanted.records),
            },
            "agents": [
                {
                    "agent_id": each.agent_id, "hostname": each.hostname, "now": each.now.value,
                    "then": each.then.value, "effect": each.fate.agent, "effect_on_tasks": each.fate.tasks,
                    "ends_tasks": each.fate.ends_tasks, "tasks": None if tasks is None else tasks[each.agent_id],
                }
                for each in found
            ],
            "roles": [{"role": each.role, "now": each.now, "then": each.then} for each in roles],
            "other_records": others,
        })
        return
    age = age_text(wanted.made_ns / SECOND)
    say(f"the backup    {len(wanted.records)} records of {wanted.source}, {age} old; {state_hash(wanted.records)}")
    say(f"the registry  {len(now)} records in {place.name}; {state_hash(now)}")
    print_table(
        ("AGENT", "HOST", "NOW", "THEN", "TASKS", "EFFECT"),
        [
            [
                each.agent_id, each.hostname, each.now.value, each.then.value,
                "?" if tasks is None else str(len(tasks[each.agent_id])), each.fate.agent,
            ]
            for each in found
        ],
        "no agent would be affected",
    )
    rows = [
        [task["task_id"], task["state"], task["framework"], task["framework_id"], each.agent_id, each.fate.tasks]
        for each in found for task in (tasks or {}).get(each.agent_id, ())
    ]
    if rows:
        print()
        print_table(("TASK", "STATE", "NAME", "FRAMEWORK", "AGENT", "EFFECT"), rows, "")
    if roles:
        print()
        print_table(("ROLE", "NOW", "THEN"), [[each.role, each.now, each.then] for each in roles], "")
    for kind, count in others.items():
        say(f"{count} records of {kind} would be others")


def _confirm(place: Place, wanted: Backup) -> None:
    """Whoever sits at a terminal has said yes. Raises CommandFailed."""
    if not sys.stdin.isatty():
        return
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # nothing else waits: Ctrl-C ends it at once
    try:
        question = f"Replace {place.name} by these {len(wanted.records)} records? [y/N] "
        print(question, end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
    finally:
        signal.signal(signal.SIGINT, handler)
    if answer.strip().lower() not in ("y", "yes"):
        raise CommandFailed("nothing was changed")


async def _verify(place: Place, wanted: Backup) -> None:
    """What stands there is the backup, unless somebody has led with it already. Raises CommandFailed."""
    found = state_hash((await place.archive.read()).records)
    if found == state_hash(wanted.records):
        return
    if not await place.archive.is_owner():
        say("a master leads with the restored registry already")
        return
    raise CommandFailed(f"what stands in {place.name} now is not the backup: state hash {found}")
