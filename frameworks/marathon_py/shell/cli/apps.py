"""``marathon-py app``: services that are kept running."""

from __future__ import annotations

import shlex
from typing import Any

import attrs
from rich.text import Text

from frameworks.marathon_py.shell.cli.common import (
    AskOptions,
    ChangeOptions,
    changing,
    merged,
    one_object,
    one_word,
    pairs,
    read,
    settings,
)
from frameworks.marathon_py.shell.cli.versions import VersionsOptions, before, one_of, print_versions
from frameworks.marathon_py.shell.client import MarathonClient
from frameworks.marathon_py.shell.waiting import of_app
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table, state_text
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, INTEGER, NUMBER, REPEATED, TEXT, option

#: what an answer has and a definition has not
ANSWERED = (
    "version", "versionInfo", "tasks", "tasksStaged", "tasksRunning", "tasksHealthy", "tasksUnhealthy", "deployments",
    "lastTaskFailure", "readinessCheckResults", "taskStats",
)


@attrs.frozen(kw_only=True)
class AddOptions(ChangeOptions):
    id: str | None = option(TEXT, None, "Id of an app that is told by flags: /shop/web.")
    cmd: str | None = option(TEXT, None, "A shell command; the alternative is an exact argv after --.")
    cpus: float | None = option(NUMBER, None, "Processors for each instance.")
    mem: float | None = option(NUMBER, None, "Memory for each instance, in MiB.")
    disk: float | None = option(NUMBER, None, "Disk for each instance, in MiB.")
    gpus: int | None = option(INTEGER, None, "Graphics processors for each instance.")
    instances: int | None = option(INTEGER, None, "How many run.", short="n")
    image: str | None = option(TEXT, None, "Image of a container of Mesos.")
    docker: str | None = option(TEXT, None, "Image that a Docker daemon runs.")
    env: tuple[str, ...] = option(REPEATED, (), "NAME=VALUE; may be given again.")
    label: tuple[str, ...] = option(REPEATED, (), "NAME=VALUE; may be given again.")
    uri: tuple[str, ...] = option(REPEATED, (), "Something to fetch into the sandbox; may be given again.")
    constraint: tuple[str, ...] = option(
        REPEATED, (), "FIELD:OPERATOR or FIELD:OPERATOR:VALUE; may be given again.")
    ports: int | None = option(INTEGER, None, "So many ports, in PORT0, PORT1 ...; unset: one.")
    health: str | None = option(TEXT, None, "Path at which an instance on its first port answers when it is well.")
    user: str | None = option(TEXT, None, "Run instances as this user.")
    role: str | None = option(TEXT, None, "The role whose resources it uses.")


def app_of(line: CommandLine, options: AddOptions) -> dict[str, Any]:
    """What flags and words say of an app. Raises CommandFailed."""
    if line.rest and options.cmd:
        raise CommandFailed("--cmd or an argv after --, not both", EXIT_USAGE)
    said: dict[str, Any] = {
        "id": options.id, "cmd": options.cmd, "args": list(line.rest) or None, "cpus": options.cpus,
        "mem": options.mem, "disk": options.disk, "gpus": options.gpus, "instances": options.instances,
        "user": options.user, "role": options.role, "env": pairs(options.env, "env"),
        "labels": pairs(options.label, "label"), "fetch": [{"uri": uri} for uri in options.uri],
        "constraints": [_constraint(text) for text in options.constraint],
    }  # fmt: skip
    if options.image and options.docker:
        raise CommandFailed("--image or --docker, not both", EXIT_USAGE)
    if options.image or options.docker:
        type_ = "DOCKER" if options.docker else "MESOS"
        said["container"] = {"type": type_, "docker": {"image": options.docker or options.image}}
    if options.ports is not None:
        said["portDefinitions"] = [{"port": 0, "name": f"port{number}"} for number in range(options.ports)]
    if options.health:
        said["healthChecks"] = [{"protocol": "HTTP", "path": options.health, "portIndex": 0, "gracePeriodSeconds": 30,
                                 "intervalSeconds": 2, "timeoutSeconds": 5}]  # fmt: skip
    made = {name: value for name, value in said.items() if value not in (None, [], {})}
    if options.ports == 0:
        made["portDefinitions"] = []
    return made


def _constraint(text: str) -> list[str]:
    return text.split(":", 2)


async def add(line: CommandLine) -> int:
    options = line.make(AddOptions)
    given = app_of(line, options)
    if not line.words:
        if "id" not in given:
            raise CommandFailed("say what to run: a FILE of JSON, or --id=ID and flags", EXIT_USAGE)
        apps: Any = [given]
    elif len(line.words) > 1:
        raise CommandFailed(f"'{line.words[1]}' is too much: one FILE, or flags", EXIT_USAGE)
    else:
        found = read(line.words[0])
        apps = [{**one, **given} for one in (found if isinstance(found, list) else [found])]
    async with changing(options) as change:
        if len(apps) == 1:
            answer = await change.marathon.add_app(apps[0], force=options.force)
            return await change.done(answer["deployments"][0]["id"], [answer["id"]], answer)
        answer = await change.marathon.put_apps(apps, force=options.force)
        return await change.done(answer["deploymentId"], [str(one.get("id", "")) for one in apps], answer)


async def update(line: CommandLine) -> int:
    options = line.make(AddOptions)
    if not line.words:
        raise CommandFailed("say which app", EXIT_USAGE)
    id, *words = line.words
    files = [word for word in words if "=" not in word]
    if len(files) > 1:
        raise CommandFailed(f"'{files[1]}' is too much: one FILE", EXIT_USAGE)
    changes = app_of(line, options) | settings([word for word in words if "=" in word])
    async with changing(options) as change:
        marathon = change.marathon
        if files:
            whole = {**one_object(files[0]), **changes, "id": f"/{id.strip('/')}"}
            answer = await marathon.update_app(id, whole, force=options.force, is_whole=True)
        elif changes:
            answer = await marathon.update_app(id, await _inside(marathon, id, changes), force=options.force)
        else:
            raise CommandFailed("say what is to change: a FILE of JSON, flags, or FIELD=VALUE", EXIT_USAGE)
        return await change.done(answer["deploymentId"], [id], answer)


async def _inside(marathon: MarathonClient, id: str, changes: dict[str, Any]) -> dict[str, Any]:
    """Marathon replaces whole fields; what leads inside of one keeps the rest of it. A command of another kind takes
    the place of what there was, which a merge cannot take out."""
    nested = [name for name, value in changes.items() if isinstance(value, dict)]
    if not nested:
        return changes
    current = await marathon.app(id)
    return {**changes, **{name: merged(current.get(name, {}), changes[name]) for name in nested}}


async def scale(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    match line.words:
        case (id, number) if number.isdigit():
            pass
        case _:
            raise CommandFailed("say which app, and how many: app scale ID N", EXIT_USAGE)
    async with changing(options) as change:
        answer = await change.marathon.update_app(id, {"instances": int(number)}, force=options.force)
        return await change.done(answer["deploymentId"], [id], answer)


async def restart(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id = one_word(line, "app")
    async with changing(options) as change:
        answer = await change.marathon.restart_app(id, force=options.force)
        return await change.done(answer["deploymentId"], [id], answer)


async def rm(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id = one_word(line, "app")
    async with changing(options) as change:
        answer = await change.marathon.remove_app(id, force=options.force)
        return await change.done(answer["deploymentId"], [id], answer)


async def rollback(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id, version = one_of(line, "app")
    async with changing(options) as change:
        version = version or await before(change.marathon, id, MarathonClient.app_versions)
        answer = await change.marathon.roll_back_app(id, version, force=options.force)
        return await change.done(answer["deploymentId"], [id], answer)


@attrs.frozen(kw_only=True)
class ListOptions(AskOptions):
    label: str | None = option(TEXT, None, "Only apps that this selector of labels means: 'tier==web,!=...'.")
    id: str | None = option(TEXT, None, "Only apps with this in their ids.")
    cmd: str | None = option(TEXT, None, "Only apps with this in their commands.")


async def ls(line: CommandLine) -> int:
    options = line.make(ListOptions)
    if line.words:
        raise CommandFailed(f"'{line.words[0]}' is too much: --id says which", EXIT_USAGE)
    asked = {"label": options.label, "id": options.id, "cmd": options.cmd}
    async with options.client() as marathon:
        apps = await marathon.apps("apps.counts", **{key: value for key, value in asked.items() if value is not None})
    if options.json:
        print_json(apps)
        return EXIT_OK
    columns = ("APP", "RUNNING", "HEALTHY", "STAGED", "CPUS", "MEM", "WHAT", "DEPLOYING")
    print_table(columns, [_row(app) for app in sorted(apps, key=lambda app: str(app["id"]))], "no apps")
    return EXIT_OK


def _row(app: dict[str, Any]) -> list[Any]:
    running = f"{app['tasksRunning']}/{app['instances']}"
    is_well = app["tasksRunning"] >= app["instances"]
    unhealthy = f", {app['tasksUnhealthy']} not" if app["tasksUnhealthy"] else ""
    return [
        app["id"], Text(running, style="green" if is_well else "yellow"),
        f"{app['tasksHealthy']}{unhealthy}" if app.get("healthChecks") else "", str(app["tasksStaged"] or ""),
        f"{app['cpus']:g}", f"{app['mem']:g}", _what(app)[:60], "yes" if app["deployments"] else "",
    ]  # fmt: skip


def _what(app: dict[str, Any]) -> str:
    image = app.get("container", {}).get("docker", {}).get("image", "")
    return str(app.get("cmd") or shlex.join(app.get("args", ())) or image)


async def show(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        app = await marathon.app(one_word(line, "app"))
    if options.json:
        print_json(app)
        return EXIT_OK
    print_json({name: value for name, value in app.items() if name not in ANSWERED and value not in (None, [], {}, "")})
    print(f"\n{of_app(app)}; version {app['version']}")
    failure = app.get("lastTaskFailure")
    if failure:
        print(f"last failure: {failure['state']} on {failure['host']} at {failure['timestamp']}: {failure['message']}")
    columns = ("TASK", "STATE", "HEALTHY", "HOST", "PORTS", "STARTED", "VERSION")
    print_table(columns, [_task(task) for task in app.get("tasks", ())], "nothing of it runs")
    return EXIT_OK


def _task(task: dict[str, Any]) -> list[Any]:
    results = task.get("healthCheckResults") or []
    health = "" if not results else "yes" if all(one.get("alive") for one in results) else "no"
    return [
        task["id"], state_text(task["state"]), health, task["host"], ",".join(map(str, task.get("ports", ()))),
        (task.get("startedAt") or "")[:19], task.get("version", ""),
    ]  # fmt: skip


async def versions(line: CommandLine) -> int:
    return await print_versions(line, "app", MarathonClient.app_versions, MarathonClient.app_version)


@attrs.frozen(kw_only=True)
class KillOptions(AskOptions):
    scale: bool = option(BOOLEAN, False, "Have so many fewer instances from now on, instead of others in their place.")


async def kill(line: CommandLine) -> int:
    options = line.make(KillOptions)
    if not line.words:
        raise CommandFailed("say which tasks", EXIT_USAGE)
    async with options.client() as marathon:
        answer = await marathon.kill_tasks(line.words, scale=options.scale)
    if options.json:
        print_json(answer)
    else:
        print(answer.get("deploymentId") or "\n".join(one["id"] for one in answer["tasks"]))
    return EXIT_OK


DEFINITION = """
The definition is JSON as Marathon's documentation has it; flags and FIELD=VALUE set single fields of it: 'cpus=0.5',
'env.A=b', 'constraints=[["hostname","UNIQUE"]]'.
"""

ADD = Command(
    usage="marathon-py app add FILE|- | app add --id=ID [flags] [-- COMMAND ARGUMENT...]",
    about="Run an app; prints the deployment's id. A list of apps in the file is one deployment; those of them that "
    "there are already are changed.\n" + DEFINITION,
    options=(AddOptions,), main=add,
)  # fmt: skip
UPDATE = Command(
    usage="marathon-py app update ID [FILE] [flags] [FIELD=VALUE...]",
    about="Change an app: a FILE takes the place of the whole definition, flags and FIELD=VALUE change single fields. "
    "Instances are replaced as the app's upgradeStrategy says; a change of 'instances' alone replaces nothing.\n"
    + DEFINITION,
    options=(AddOptions,), main=update,
)  # fmt: skip
SCALE = Command(
    usage="marathon-py app scale ID N", about="Run more or fewer instances.", options=(ChangeOptions,), main=scale,
)  # fmt: skip
RESTART = Command(
    usage="marathon-py app restart ID", about="Replace all instances, as the upgradeStrategy says.",
    options=(ChangeOptions,), main=restart,
)  # fmt: skip
RM = Command(
    usage="marathon-py app rm ID", about="End an app with all its instances.", options=(ChangeOptions,), main=rm,
)  # fmt: skip
LS = Command(usage="marathon-py app ls [flags]", about="List apps.", options=(ListOptions,), main=ls)
SHOW = Command(
    usage="marathon-py app show ID", about="Everything about an app, and its tasks.", options=(AskOptions,), main=show,
)  # fmt: skip
VERSIONS = Command(
    usage="marathon-py app versions ID [--version=VERSION]", about="List an app's versions, the newest first.",
    options=(VersionsOptions,), main=versions,
)  # fmt: skip
ROLLBACK = Command(
    usage="marathon-py app rollback ID [VERSION]",
    about="Make a former version of an app the new one; unless told which, the one before.",
    options=(ChangeOptions,), main=rollback,
)  # fmt: skip
KILL = Command(
    usage="marathon-py app kill TASK... [--scale]", about="End tasks; others are started in their place.",
    options=(KillOptions,), main=kill,
)  # fmt: skip
