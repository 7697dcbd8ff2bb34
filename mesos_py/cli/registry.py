"""``mesos-py registry``: what masters must not forget, looked at, copied, and put back.

``show`` and ``backup`` disturb nobody: a master may lead meanwhile. For ``restore`` see ``registry_restore``.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.registry_place import open_place
from mesos_py.cli.registry_restore import RegistryOptions, restore
from mesos_py.cli.render import age_text, print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.coordination import StoreFailed
from mesos_py.coordination.backup import MAGIC, Backup, state_hash
from mesos_py.machine.values import SECOND
from mesos_py.master.registry import Registry
from mesos_py.master.registry.effects import hostname, said_of, standing
from mesos_py.master.registry.store import KINDS, to_message
from mesos_py.wire.quota import QuotaConfig

FILE_MODE = 0o600  # what agents say of themselves may be nobody else's business


async def main(line: CommandLine) -> int:
    options = line.make(RegistryOptions)
    verb, words = (line.words or ("",))[0], line.words[1:]
    if verb not in VERBS:
        raise CommandFailed(f"say what to do: mesos-py registry {'|'.join(VERBS)}", EXIT_USAGE)
    work, wanted = VERBS[verb]
    if len(words) != len(wanted):
        raise CommandFailed(f"expecting: mesos-py registry {' '.join((verb, *wanted))}", EXIT_USAGE)
    if (options.dry_run or options.force) and verb != "restore":
        raise CommandFailed("--dry_run and --force are for 'restore'", EXIT_USAGE)
    try:
        await work(options, *words)
    except StoreFailed as error:
        raise CommandFailed(str(error)) from error
    return EXIT_OK


# ---- show


async def show(options: RegistryOptions) -> None:
    async with open_place(options) as place:
        snapshot = await place.archive.read()
    message = to_message(snapshot.records)
    registry = Registry.of(message)
    agents = [_agent(registry, each) for each in sorted({*registry.agents, *registry.unreachable, *registry.gone})]
    facts: dict[str, Any] = {
        "registry": place.name, "epoch": snapshot.epoch, "owner": snapshot.owner, "serial": snapshot.serial,
        "last_master": None if message.master is None else message.master.info.pid,
        "state_hash": state_hash(snapshot.records),
    }
    counts = {kind: sum(key[0] == kind for key in snapshot.records) for kind in KINDS}
    roles = sorted({*registry.quotas, *registry.weights})
    if options.json:
        print_json(facts | {"counts": counts, "agents": agents, "roles": [_role(registry, role) for role in roles]})
        return
    shown = facts | {kind: count for kind, count in counts.items() if count and kind != "master"}
    for name, fact in shown.items():
        print(f"{name.replace('_', ' '):<12} {fact}")
    print(flush=True)
    rows = [[each["agent_id"], each["hostname"], _standing(each), age_text(each["since_s"])] for each in agents]
    print_table(("AGENT", "HOST", "STANDING", "SINCE"), rows, "no agents")
    if roles:
        print(flush=True)
        print_table(("ROLE", "QUOTA AND WEIGHT"), [[role, said_of(registry, role)] for role in roles], "")


def _agent(registry: Registry, agent_id: Any) -> dict[str, Any]:
    lost, found = registry.unreachable.get(agent_id), registry.agents.get(agent_id)
    since_ns = registry.gone.get(agent_id) if lost is None else lost.since_ns
    return {
        "agent_id": agent_id,
        "hostname": hostname(registry, agent_id),
        "standing": standing(registry, agent_id).value,
        "deactivated": any(each is not None and each.deactivated for each in (found, lost)),
        "since_s": None if since_ns is None else since_ns / SECOND,
    }


def _role(registry: Registry, role: str) -> dict[str, Any]:
    config = registry.quotas.get(role, QuotaConfig(role=role))
    both = (("guarantees", config.guarantees), ("limits", config.limits))
    amounts = {what: {name: scalar.value for name, scalar in amounts.items()} for what, amounts in both}
    return {"role": role, **amounts, "weight": registry.weights.get(role)}


def _standing(agent: dict[str, Any]) -> str:
    return f"{agent['standing']}, deactivated" if agent["deactivated"] else str(agent["standing"])


# ---- backup


async def backup(options: RegistryOptions, file: str) -> None:
    path = Path(file)
    _check_target(path)
    async with open_place(options) as place:
        snapshot = await place.archive.read()
    to_message(snapshot.records)  # raises Corrupt: what cannot be understood is not worth keeping
    data = Backup.of(snapshot, place.name, time.time_ns()).encode()
    try:
        _write(path, data)
    except OSError as error:
        raise CommandFailed(f"the backup cannot be written: {error.strerror}: {path}") from error
    told = {
        "file": file, "bytes": len(data), "records": len(snapshot.records), "epoch": snapshot.epoch,
        "serial": snapshot.serial, "state_hash": state_hash(snapshot.records),
    }
    if options.json:
        print_json(told)
        return
    say(f"{len(snapshot.records)} records of {place.name} are in {file}; their state hash:")
    print(told["state_hash"])


def _check_target(path: Path) -> None:
    """What is there may be overwritten. Raises CommandFailed."""
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would have us wait for somebody to write
        raise CommandFailed(f"{path} is no ordinary file: no backup can be written there")
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) not in (MAGIC, b""):
                raise CommandFailed(f"{path} is there already and no backup: it is not overwritten")
    except FileNotFoundError:
        return
    except OSError as error:
        raise CommandFailed(f"the backup cannot be written: {error.strerror}: {path}") from error


def _write(path: Path, data: bytes) -> None:
    """``path`` has ``data``, on disk, or is as it was. Raises OSError."""
    made = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


#: what each verb does, and the words it wants
VERBS: dict[str, tuple[Callable[..., Coroutine[Any, Any, None]], tuple[str, ...]]] = {
    "show": (show, ()),
    "backup": (backup, ("FILE",)),
    "restore": (restore, ("FILE",)),
}

COMMAND = Command(
    usage="mesos-py registry show|backup FILE|restore FILE [--dry_run] [--force] --work_dir=DIR|--zk=zk://... [--json]",
    about="""
    Look at what masters must not forget (agents admitted, unreachable, gone; quota and weights of roles), copy it into
    a file, or put such a file in its place. Masters may run meanwhile: 'show' and 'backup' do not disturb them. A
    cluster of 'mesos-py local --work_dir=DIR' has its registry in DIR/master.

    'restore' tells first what it means for each agent, its tasks, and each role; --dry_run leaves it at that. It takes
    the registry over, so a master that leads ends then (--force is needed), and the next one leads with what was
    restored. Tasks go on, but for those of agents that the backup has marked gone. It is the way out of a damaged
    registry, too.

      mesos-py registry backup /var/backups/mesos --zk=zk://host1,host2,host3/mesos
      mesos-py registry restore /var/backups/mesos --dry_run --zk=zk://host1,host2,host3/mesos
    """,
    options=(RegistryOptions,), main=main,
)
