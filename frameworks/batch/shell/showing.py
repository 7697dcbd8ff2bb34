"""``mesos-batch ps``, ``show``, ``why``, ``logs``, ``wait``, ``events``."""

from __future__ import annotations

from typing import Any

import attrs
from rich.text import Text

from frameworks.batch.shell.client import BatchClient
from frameworks.batch.shell.progress import wait_for
from frameworks.batch.shell.submitting import BatchOptions
from mesos_py.cli import logs as task_logs
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, INTEGER, TEXT, URL, option

UNKNOWN = "?"
STYLES = {"running": "green", "succeeded": "dim", "queued": "cyan", "pending": "cyan", "held": "yellow",
          "skipped": "dim", "stopping": "yellow"}  # fmt: skip


@attrs.frozen(kw_only=True)
class PsOptions(BatchOptions):
    all: bool = option(BOOLEAN, False, "Ended jobs, too.", short="a")
    state: str | None = option(TEXT, None, "Only jobs in this state.")
    owner: str | None = option(TEXT, None, "Only jobs of this owner.")
    schedule: str | None = option(TEXT, None, "Only runs of this schedule.")
    label: str | None = option(TEXT, None, "Only jobs with this NAME=VALUE.")
    limit: int = option(INTEGER, 100, "So many, the newest ones.")


async def ps(line: CommandLine) -> int:
    options = line.make(PsOptions)
    state = options.state or (None if options.all or options.schedule else "open")
    asked = {"state": state, "user": options.owner, "schedule": options.schedule, "label": options.label}
    query = {key: value for key, value in asked.items() if value is not None} | {"limit": str(options.limit)}
    async with BatchClient(options.batch) as batch:
        jobs = await batch.jobs(**query)
    if options.json:
        print_json(jobs)
        return EXIT_OK
    hint = "no jobs" if state is None else "no such jobs under way; --all shows ended ones"
    print_table(("JOB", "STATE", "TASKS", "RUNNING", "FAILED", "PRIORITY", "OWNER", "SUBMITTED"), map(_row, jobs), hint)
    for job in jobs:
        if job["broken"]:
            say(f"{job['name']}: {job['broken']}")
    return EXIT_OK


def _row(job: dict[str, Any]) -> list[Any]:
    tasks = job["tasks"]
    return [
        job["name"], Text(job["state"], style=STYLES.get(job["state"], "red")),
        f"{tasks['succeeded'] + tasks['failed']}/{tasks['total']}", str(tasks["running"]), str(tasks["failed"]),
        str(job["priority"]), job["user"], (job["submitted"] or "")[:19],
    ]  # fmt: skip


async def show(line: CommandLine) -> int:
    options = line.make(BatchOptions)
    name = _one(line)
    async with BatchClient(options.batch) as batch:
        job = await batch.job(name)
        tasks = await batch.tasks(name)
    if options.json:
        print_json({**job, "attempts": tasks})
        return EXIT_OK
    print_json({key: value for key, value in job.items() if value not in (None, [], "", False)})
    rows = [
        [str(task["index"]), str(one["attempt"]), one["outcome"], _exit(one), _seconds(one["seconds"]),
         _seconds(one["cpu_seconds"]), _memory(one["memory_mb"]), one["hostname"] or "", one["task_id"], one["message"]]
        for task in tasks for one in task["attempts"]
    ]  # fmt: skip
    rows += [
        [str(task["index"]), str(task["running"]["attempt"]), task["state"], *[""] * 4,
         task["running"]["hostname"] or "", task["running"]["task_id"], ""]
        for task in tasks if task["running"]
    ]  # fmt: skip
    columns = ("INDEX", "ATTEMPT", "OUTCOME", "EXIT", "SECONDS", "CPU", "MEMORY", "HOST", "TASK", "MESSAGE")
    print_table(columns, rows, "nothing of it was started yet")
    return EXIT_OK


def _exit(attempt: dict[str, Any]) -> str:
    return attempt["signal"] or ("" if attempt["exit_code"] is None else str(attempt["exit_code"]))


def _seconds(amount: float | None) -> str:
    return UNKNOWN if amount is None else f"{amount:.1f}"


def _memory(megabytes: float | None) -> str:
    return UNKNOWN if megabytes is None else f"{megabytes:.0f}M"


async def why(line: CommandLine) -> int:
    options = line.make(BatchOptions)
    async with BatchClient(options.batch) as batch:
        found = await batch.why(_one(line))
    if options.json:
        print_json(found)
        return EXIT_OK
    where = "" if found["position"] is None else f", number {found['position']} in line"
    print(f"{found['job']} is {found['state']}{where}")
    for reason in found["reasons"]:
        print(f"  {reason}")
    if found["offers"]:
        print(f"  offers: {found['offers']}")
    return EXIT_OK


@attrs.frozen(kw_only=True)
class LogsOptions(BatchOptions):
    index: int | None = option(INTEGER, None, "Which task of an array or gang.")
    attempt: int | None = option(INTEGER, None, "Which attempt; unset: the last one.")
    follow: bool = option(BOOLEAN, False, "Go on until the task has ended.", short="f")
    master: str = option(URL, "127.0.0.1:5050", "The master: HOST:PORT, or zk://host:port/path.")


async def logs(line: CommandLine) -> int:
    options = line.make(LogsOptions)
    name = _one(line)
    async with BatchClient(options.batch) as batch:
        tasks = [one for one in await batch.tasks(name) if options.index in (None, one["index"])]
    if not tasks:
        raise CommandFailed(f"nothing of '{name}' was started yet")
    if len(tasks) > 1:
        raise CommandFailed(f"'{name}' has {len(tasks)} tasks that were started: --index says which", EXIT_USAGE)
    attempts = [*tasks[0]["attempts"], *([tasks[0]["running"]] if tasks[0]["running"] else [])]
    found = [one for one in attempts if options.attempt in (None, one["attempt"])]
    if not found:
        raise CommandFailed(f"there is no attempt {options.attempt}")
    given = {key: line.given[key] for key in ("master", "follow", "json") if key in line.given}
    return await task_logs.main(CommandLine(given=given, words=(found[-1]["task_id"],), rest=()))


async def wait(line: CommandLine) -> int:
    options = line.make(BatchOptions)
    if not line.words:
        raise CommandFailed("say for which jobs", EXIT_USAGE)
    async with BatchClient(options.batch) as batch:
        return await wait_for(batch, line.words)


async def events(line: CommandLine) -> int:
    options = line.make(BatchOptions)
    async with BatchClient(options.batch) as batch:
        async for name, fields in batch.events():
            print_json({"event": name, **fields}, line=True)
    return EXIT_OK


def _one(line: CommandLine) -> str:
    if len(line.words) != 1:
        raise CommandFailed("say which job", EXIT_USAGE)
    return line.words[0]


PS = Command(
    usage="mesos-batch ps [--all] [flags]", about="List jobs, the newest first.", options=(PsOptions,), main=ps
)
SHOW = Command(
    usage="mesos-batch show JOB", about="Everything about a job, and its attempts.", options=(BatchOptions,), main=show
)
WHY = Command(
    usage="mesos-batch why JOB", about="Tell where a job stands in the line, what it waits for, and what would fit.",
    options=(BatchOptions,), main=why,
)  # fmt: skip
LOGS = Command(
    usage="mesos-batch logs [-f] JOB [--index=N] [--attempt=N]", about="Print what a task of a job wrote.",
    options=(LogsOptions,), main=logs,
)  # fmt: skip
WAIT = Command(
    usage="mesos-batch wait JOB...", about="Wait for jobs, and show how far they are; exit with 1 unless all succeed.",
    options=(BatchOptions,), main=wait,
)  # fmt: skip
EVENTS = Command(
    usage="mesos-batch events", about="Print what happens from now on, an object of JSON a line.",
    options=(BatchOptions,), main=events,
)  # fmt: skip
