"""``mesos-py framework list|run NAME``: frameworks that other distributions have installed beside us.

One is an entry point of the group ``mesos_py.frameworks``: a ``Scheduler`` of the SDK, or a coroutine function that is
given what stands behind ``--`` and returns an exit code::

    [options.entry_points]
    mesos_py.frameworks =
        hello = hello.scheduler:Hello
        batch = batch.server:main
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import attrs

from mesos_py.cli.client import unknown
from mesos_py.cli.command import EXIT_NOT_RUN, EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.coordination import StoreFailed
from mesos_py.coordination.address import AddressError
from mesos_py.flags import BOOLEAN, SECONDS, TEXT, URL, option
from mesos_py.sdk.errors import SdkError
from mesos_py.sdk.scheduler import Scheduler

GROUP = "mesos_py.frameworks"


@attrs.frozen(kw_only=True)
class FrameworkOptions:
    """Settings of a scheduler that override its own."""

    master: str | None = option(URL, None, "The master: HOST:PORT, or zk://host:port/path; unset: the framework's.")
    store: str | None = option(
        TEXT, None, "Where its id and tasks are kept: memory, sqlite:PATH, zk://host:port/path; unset: its own place.")
    role: str | None = option(TEXT, None, "Role to be offered resources in; unset: the framework's.")
    user: str | None = option(TEXT, None, "Run tasks as this user; unset: the framework's.")
    failover_timeout: float | None = option(
        SECONDS, None, "How long its tasks go on without it; unset: the framework's.")
    json: bool = option(BOOLEAN, False, "Print JSON instead of a table.")


async def main(line: CommandLine) -> int:
    options = line.make(FrameworkOptions)
    match line.words:
        case ("list",):
            return _list(options)
        case ("run", name):
            return await _run(name, options, line.rest)
    raise CommandFailed("say what to do: mesos-py framework list, or mesos-py framework run NAME", EXIT_USAGE)


def installed() -> dict[str, EntryPoint]:
    """By name; of several of one name the last one counts, as everywhere in Python."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda one: (one.name, one.value))}


def _list(options: FrameworkOptions) -> int:
    found = [
        {"name": name, "from": point.value, "distribution": point.dist.name if point.dist else "",
         "version": point.dist.version if point.dist else ""}
        for name, point in installed().items()
    ]  # fmt: skip
    if options.json:
        print_json(found)
    else:
        rows = [tuple(one.values()) for one in found]
        print_table(("NAME", "FROM", "DISTRIBUTION", "VERSION"), rows, f"no framework is installed (group {GROUP})")
    return EXIT_OK


async def _run(name: str, options: FrameworkOptions, arguments: tuple[str, ...]) -> int:
    known = installed()
    if name not in known:
        raise unknown("framework", name, known)
    try:
        found: Any = known[name].load()
    except (ImportError, AttributeError) as error:
        raise CommandFailed(f"{known[name].value} cannot be loaded: {error}", EXIT_NOT_RUN) from error
    settings = _settings(options)
    if isinstance(found, type) and issubclass(found, Scheduler):
        if arguments:
            raise CommandFailed(f"{name} takes no arguments behind --", EXIT_USAGE)
        return await _schedule(found(**settings))
    if not inspect.iscoroutinefunction(found):
        raise CommandFailed(f"{known[name].value} is neither a Scheduler nor a coroutine function", EXIT_NOT_RUN)
    if settings:
        raise CommandFailed(f"{name} has flags of its own: put them behind --", EXIT_USAGE)
    code = await found(arguments)
    return EXIT_OK if code is None else int(code)


def _settings(options: FrameworkOptions) -> Mapping[str, object]:
    given = {
        "master": options.master, "store": options.store, "user": options.user,
        "roles": (options.role,) if options.role else None, "failover_timeout_s": options.failover_timeout,
    }  # fmt: skip
    return {name: value for name, value in given.items() if value is not None}


async def _schedule(scheduler: Scheduler) -> int:
    try:
        await scheduler.run()
    except (SdkError, StoreFailed, AddressError) as error:
        raise CommandFailed(f"{type(error).__name__}: {error}", EXIT_NOT_RUN) from error
    return EXIT_OK


COMMAND = Command(
    usage="mesos-py framework list | run NAME [flags] [-- ARGUMENT...]",
    about="""
    List the frameworks that are installed, or run one until it is done. A framework is an entry point of the group
    mesos_py.frameworks in any installed distribution; see docs/sdk.md.

      mesos-py framework run hello --master=zk://host:2181/mesos --store=sqlite:/var/lib/hello
    """,
    options=(FrameworkOptions,), main=main,
)
