"""``mesos-batch submit``, ``array``, ``dag``, ``cron``: jobs from a command line, or from a file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import orjson

from frameworks.batch.shell.client import DEFAULT_ADDRESS, BatchClient
from frameworks.batch.shell.progress import wait_for
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import print_json
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, INTEGER, NUMBER, REPEATED, SECONDS, TEXT, URL, option


@attrs.frozen(kw_only=True)
class BatchOptions:
    """Flags of every command that asks the framework."""

    batch: str = option(
        URL, DEFAULT_ADDRESS, "The batch framework: HOST:PORT, or several of its instances.", group="Common")
    json: bool = option(BOOLEAN, False, "Print JSON.", group="Common")


@attrs.frozen(kw_only=True)
class TaskOptions(BatchOptions):
    """What a job is, whenever it is run."""

    name: str | None = option(TEXT, None, "Name of the job; unset: the command's, and a number.")
    command: str | None = option(TEXT, None, "A shell command; the alternative is an exact argv after --.")
    cpus: float = option(NUMBER, 1.0, "Processors for each task.")
    mem: float = option(NUMBER, 128.0, "Memory for each task, in MB.")
    disk: float = option(NUMBER, 0.0, "Disk space for each task, in MB.")
    gpus: float = option(NUMBER, 0.0, "Graphics processors for each task.")
    image: str = option(TEXT, "", "Image of the container.")
    env: tuple[str, ...] = option(REPEATED, (), "NAME=VALUE; may be given again.")
    uri: tuple[str, ...] = option(REPEATED, (), "Something to fetch into the sandbox; may be given again.")
    gang: int = option(INTEGER, 0, "So many tasks that start together.")
    retries: int = option(INTEGER, 0, "How often a failed task is run again.")
    retry_delay_s: float | None = option(SECONDS, None, "How long it waits before; after each failure twice as long.")
    retry_on: tuple[str, ...] = option(
        REPEATED, (), "Only after such an end: exit:3, exit:10-20, signal:SIGKILL, resources ...; may be given again.")
    time_limit_s: float | None = option(SECONDS, None, "End a task after so long.")
    deadline_s: float | None = option(SECONDS, None, "The job has failed if it has not ended after so long.")
    priority: int = option(INTEGER, 0, "The higher the sooner.")
    owner: str = option(TEXT, "", "Whose the job is: owners share alike.")
    run_as: str = option(TEXT, "", "The hosts' user that tasks run as; unset: the framework's.")
    queue: str = option(TEXT, "*", "The role whose resources it uses.")
    label: tuple[str, ...] = option(REPEATED, (), "NAME=VALUE; may be given again.")
    wait_for_hosts: bool = option(
        BOOLEAN, False, "Take the job though no host that is known could ever run it.")


@attrs.frozen(kw_only=True)
class JobOptions(TaskOptions):
    after: tuple[str, ...] = option(
        REPEATED, (), "JOB, JOB:failure or JOB:completion: a job that must have ended so before; may be given again.")
    wait: bool = option(BOOLEAN, False, "Wait for its end, and exit with 1 unless it has succeeded.", short="w")


def job_of(line: CommandLine, options: TaskOptions) -> dict[str, Any]:
    """The definition, without what was not said. Raises CommandFailed."""
    if bool(line.rest) == bool(options.command):
        raise CommandFailed("say what to run: --command='...', or an argv after --", EXIT_USAGE)
    said: dict[str, Any] = {"name": options.name or _name_of(line.rest, options.command or "")}
    said |= {"arguments": list(line.rest)} if line.rest else {"command": options.command}
    said["resources"] = {"cpus": options.cpus, "mem": options.mem, "disk": options.disk, "gpus": options.gpus}
    said |= {
        "image": options.image, "env": _pairs(options.env, "env"), "labels": _pairs(options.label, "label"),
        "files": [{"uri": uri} for uri in options.uri], "gang": options.gang, "priority": options.priority,
        "user": options.owner, "queue": options.queue, "time_limit_s": options.time_limit_s,
        "deadline_s": options.deadline_s, "run_as": options.run_as, "wait_for_hosts": options.wait_for_hosts or None,
        "retry": _said({
            "max": options.retries or None, "delay_s": options.retry_delay_s, "on": list(options.retry_on),
        }),
    }  # fmt: skip
    return _said(said)


def _said(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value not in ("", None, [], {})}


def _name_of(argv: tuple[str, ...], command: str) -> str:
    word = argv[0] if argv else next(iter(shlex.split(command)), "job")
    base = "".join(letter for letter in Path(word).name if letter.isascii() and letter.isalnum()) or "job"
    return f"{base}-{Path('/proc/sys/kernel/random/uuid').read_text()[:6]}"


def _pairs(texts: tuple[str, ...], flag: str) -> dict[str, str]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise CommandFailed(f"--{flag}={text}: expecting NAME=VALUE", EXIT_USAGE)
        pairs[name] = value
    return pairs


def _dependency(text: str) -> dict[str, str]:
    name, _, on = text.partition(":")
    return {"job": name, "on": on or "success"}


async def submit(line: CommandLine) -> int:
    options = line.make(JobOptions)
    _no_words(line)
    return await _submit(options, job_of(line, options))


async def array(line: CommandLine) -> int:
    options = line.make(JobOptions)
    if len(line.words) != 1:
        raise CommandFailed("say for which indexes: mesos-batch array 1-100%10 -- COMMAND", EXIT_USAGE)
    return await _submit(options, job_of(line, options) | {"array": line.words[0]})


async def _submit(options: JobOptions, job: Mapping[str, Any]) -> int:
    async with BatchClient(options.batch) as batch:
        taken = await batch.submit({**job, "depends": [_dependency(text) for text in options.after]})
        for warning in taken["warnings"]:
            say(f"warning: {warning}")
        if options.json:
            print_json(taken)
        else:
            print("\n".join(taken["jobs"]))
        return await wait_for(batch, taken["jobs"]) if options.wait else EXIT_OK


@attrs.frozen(kw_only=True)
class DagOptions(BatchOptions):
    wait_for_hosts: bool = option(
        BOOLEAN, False, "Take the job though no host that is known could ever run it.")
    wait: bool = option(BOOLEAN, False, "Wait for the end of all, and exit with 1 unless they succeed.", short="w")


async def dag(line: CommandLine) -> int:
    options = line.make(DagOptions)
    value = _read(line)
    if options.wait_for_hosts:
        value = patient(value)
    async with BatchClient(options.batch) as batch:
        taken = await batch.submit_as_it_is(value)
        for warning in taken["warnings"]:
            say(f"warning: {warning}")
        print_json(taken) if options.json else print("\n".join(taken["jobs"]))
        return await wait_for(batch, taken["jobs"]) if options.wait else EXIT_OK


def patient(value: Any) -> Any:
    """The same jobs, which wait for hosts; what is no job is for the framework to refuse."""
    if not isinstance(value, dict):
        return value
    if "jobs" not in value:
        return {**value, "wait_for_hosts": True}
    return {**value, "jobs": [patient(one) for one in value["jobs"]]} if isinstance(value["jobs"], list) else value


def _read(line: CommandLine) -> Any:
    if len(line.words) != 1:
        raise CommandFailed("say which file of JSON has the jobs", EXIT_USAGE)
    try:
        return orjson.loads(Path(line.words[0]).read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CommandFailed(f"{line.words[0]}: {error}", EXIT_USAGE) from error


@attrs.frozen(kw_only=True)
class CronOptions(TaskOptions):
    time_zone: str = option(TEXT, "UTC", "In which the line is meant.")
    missed: str = option(TEXT, "skip", "What is done about times at which nobody was there: skip, last, all.")
    overlap: str = option(TEXT, "forbid", "While the run before goes on: allow, forbid, replace, queue.")


async def cron(line: CommandLine) -> int:
    options = line.make(CronOptions)
    if len(line.words) != 1 or not options.name:
        raise CommandFailed("say when, and what it is called: cron --name=NAME '30 2 * * *' -- COMMAND", EXIT_USAGE)
    when = line.words[0]
    kind = "interval" if when.startswith("R") else "cron"
    job = job_of(line, options) | {"name": "run"}
    async with BatchClient(options.batch) as batch:
        schedule = await batch.put_schedule(
            options.name, jobs=[job], time_zone=options.time_zone, missed=options.missed, overlap=options.overlap,
            **{kind: when},
        )  # fmt: skip
    if options.json:
        print_json(schedule)
    else:
        print(f"{options.name}  next at {schedule['next'] or 'no time'}")
    return EXIT_OK


def _no_words(line: CommandLine) -> None:
    if line.words:
        raise CommandFailed(f"'{line.words[0]}' is too much: a command comes after --", EXIT_USAGE)


SUBMIT = Command(
    usage="mesos-batch submit [flags] -- COMMAND [ARGUMENT...]",
    about="Run a command as a job; prints its name.", options=(JobOptions,), main=submit,
)
ARRAY = Command(
    usage="mesos-batch array INDEXES [flags] -- COMMAND [ARGUMENT...]",
    about="""
    Run a command once for each index, which it finds in TASK_INDEX; prints the job's name.

      mesos-batch array 1-10000%200 --command='./sweep $TASK_INDEX'
    """,
    options=(JobOptions,), main=array,
)
DAG = Command(
    usage="mesos-batch dag FILE [--wait]",
    about="""
    Take jobs that depend on each other from a file of JSON, all of them or none; prints their names.

      {"jobs": [{"name": "a", "command": "make"}, {"name": "b", "command": "make test", "depends": [{"job": "a"}]}]}
    """,
    options=(DagOptions,), main=dag,
)
CRON = Command(
    usage="mesos-batch cron --name=NAME 'LINE' [flags] -- COMMAND [ARGUMENT...]",
    about="""
    Run a command by a line of a crontab, or by an interval of ISO 8601 (R/2030-01-01T02:00Z/P1D). Called again with the
    same name it changes the schedule.
    """,
    options=(CronOptions,), main=cron,
)
