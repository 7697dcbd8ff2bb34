"""``mesos-batch cancel``, ``hold``, ``release``, ``retry``, ``forget``, and what is done about schedules."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from frameworks.batch.shell.client import BatchClient
from frameworks.batch.shell.submitting import BatchOptions
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine


def _teller(verb: str) -> Callable[[CommandLine], Coroutine[Any, Any, int]]:
    async def tell(line: CommandLine) -> int:
        options = line.make(BatchOptions)
        if not line.words:
            raise CommandFailed("say which jobs", EXIT_USAGE)
        async with BatchClient(options.batch) as batch:
            for name in line.words:
                if verb == "forget":
                    await batch.forget(name)
                    continue
                job = await batch.tell(name, verb)
                print_json(job, line=True) if options.json else print(f"{name} {job['state']}")
        return EXIT_OK

    return tell


def _command(verb: str, about: str) -> Command:
    return Command(usage=f"mesos-batch {verb} JOB...", about=about, options=(BatchOptions,), main=_teller(verb))


CANCEL = _command("cancel", "End jobs; what depends on their success is skipped.")
HOLD = _command("hold", "Start nothing more of jobs until they are released; what runs goes on.")
RELEASE = _command("release", "Let held jobs go on.")
RETRY = _command("retry", "Run again what of ended jobs has not succeeded, and what was skipped because of it.")
PASS = _command("pass", "Count ended jobs as succeeded; what was skipped because of them is run.")
FORGET = _command("forget", "Forget ended jobs, with those that they were submitted with.")


async def schedules(line: CommandLine) -> int:
    options = line.make(BatchOptions)
    async with BatchClient(options.batch) as batch:
        match line.words:
            case ():
                return _list(await batch.schedules(), options)
            case ("drop", name):
                await batch.drop_schedule(name)
            case ("pause" | "resume" | "run" as verb, name):
                answer = await batch.tell_schedule(name, verb)
                if options.json:
                    print_json(answer)
                elif verb == "run":
                    print("\n".join(answer["jobs"]))
            case (name,):
                print_json(await batch.schedule(name))
            case _:
                raise CommandFailed("mesos-batch schedules [[pause|resume|run|drop] NAME]", EXIT_USAGE)
    return EXIT_OK


def _list(found: list[dict[str, Any]], options: BatchOptions) -> int:
    if options.json:
        print_json(found)
        return EXIT_OK
    rows = [
        [one["name"], _when(one), "broken" if one["broken"] else
         "paused" if one["paused"] else (one["next"] or "never"), str(one["succeeded"]), str(one["failed"]),
         str(one["skipped"])]
        for one in found
    ]  # fmt: skip
    print_table(("SCHEDULE", "WHEN", "NEXT", "SUCCEEDED", "FAILED", "SKIPPED"), rows, "no schedules")
    return EXIT_OK


def _when(one: dict[str, Any]) -> str:
    if one["broken"]:
        return str(one["broken"])
    return str(one["definition"].get("cron") or one["definition"].get("interval", ""))


SCHEDULES = Command(
    usage="mesos-batch schedules [[pause|resume|run|drop] NAME]",
    about="List schedules, look at one, or pause, resume, run or drop it.", options=(BatchOptions,), main=schedules,
)  # fmt: skip
