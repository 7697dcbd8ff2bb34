"""``marathon-py pod``: several containers that run together, on one host."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from frameworks.marathon_py.shell.cli.common import AskOptions, ChangeOptions, changing, one_object, one_word
from frameworks.marathon_py.shell.cli.versions import VersionsOptions, before, one_of, print_versions
from frameworks.marathon_py.shell.client import MarathonClient
from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine

STYLES = {"STABLE": "green", "STAGING": "cyan", "PENDING": "cyan", "DEGRADED": "red", "TERMINAL": "dim"}


async def add(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    pod = one_object(one_word(line, "file"))
    async with changing(options) as change:
        answer, deployment = await change.marathon.add_pod(pod, force=options.force)
        return await change.done(deployment, [answer["id"]], answer)


async def update(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    match line.words:
        case (id, file):
            pod = one_object(file)
        case _:
            raise CommandFailed("say which pod, and the file: pod update ID FILE", EXIT_USAGE)
    return await _put(options, id, {**pod, "id": f"/{id.strip('/')}"})


async def scale(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    match line.words:
        case (id, number) if number.isdigit():
            pass
        case _:
            raise CommandFailed("say which pod, and how many: pod scale ID N", EXIT_USAGE)
    async with options.client() as marathon:
        pod = await marathon.pod(id)
    return await _put(options, id, {**pod, "scaling": {"kind": "fixed", "instances": int(number)}})


async def rollback(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id, version = one_of(line, "pod")
    async with options.client() as marathon:
        version = version or await before(marathon, id, MarathonClient.pod_versions)
        pod = await marathon.pod_version(id, version)
    return await _put(options, id, pod)


async def _put(options: ChangeOptions, id: str, pod: dict[str, Any]) -> int:
    async with changing(options) as change:
        definition = {name: value for name, value in pod.items() if name != "version"}
        answer, deployment = await change.marathon.put_pod(id, definition, force=options.force)
        return await change.done(deployment, [id], answer)


async def rm(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id = one_word(line, "pod")
    async with changing(options) as change:
        deployment = await change.marathon.remove_pod(id, force=options.force)
        return await change.done(deployment, [id], {"deploymentId": deployment})


async def ls(line: CommandLine) -> int:
    options = line.make(AskOptions)
    if line.words:
        raise CommandFailed(f"'{line.words[0]}' is too much", EXIT_USAGE)
    async with options.client() as marathon:
        pods = await marathon.pods()
    if options.json:
        print_json(pods)
        return EXIT_OK
    rows = [
        [pod["id"], Text(pod["status"], style=STYLES.get(pod["status"], "")),
         f"{sum(one['status'] == 'STABLE' for one in pod['instances'])}/{pod['spec']['scaling']['instances']}",
         ", ".join(one["name"] for one in pod["spec"]["containers"]), (pod.get("statusSince") or "")[:19]]
        for pod in sorted(pods, key=lambda pod: str(pod["id"]))
    ]  # fmt: skip
    print_table(("POD", "STATUS", "STABLE", "CONTAINERS", "SINCE"), rows, "no pods")
    return EXIT_OK


async def show(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        status = await marathon.pod_status(one_word(line, "pod"))
    if options.json:
        print_json(status)
        return EXIT_OK
    print_json({name: value for name, value in status["spec"].items() if value not in (None, [], {}, "")})
    print()
    rows = [
        [one["id"], Text(one["status"], style=STYLES.get(one["status"], "")), one.get("agentHostname") or "",
         ", ".join(f"{container['name']} {container['status'].removeprefix('TASK_').lower()}"
                   for container in one["containers"]),
         one.get("message") or ""]
        for one in status["instances"]
    ]  # fmt: skip
    print_table(("INSTANCE", "STATUS", "HOST", "CONTAINERS", "MESSAGE"), rows, "nothing of it runs")
    for ended in status.get("terminationHistory", ()):
        print(f"{ended['instanceID']} ended at {ended['terminatedAt']}: {ended.get('message') or ''}")
    return EXIT_OK


async def versions(line: CommandLine) -> int:
    return await print_versions(line, "pod", MarathonClient.pod_versions, MarathonClient.pod_version)


ADD = Command(usage="marathon-py pod add FILE|-", about="Run a pod.", options=(ChangeOptions,), main=add)
UPDATE = Command(
    usage="marathon-py pod update ID FILE|-", about="Make a pod what the file says.",
    options=(ChangeOptions,), main=update,
)  # fmt: skip
SCALE = Command(
    usage="marathon-py pod scale ID N", about="Run more or fewer instances.", options=(ChangeOptions,), main=scale,
)  # fmt: skip
RM = Command(usage="marathon-py pod rm ID", about="End a pod.", options=(ChangeOptions,), main=rm)
LS = Command(usage="marathon-py pod ls", about="List pods.", options=(AskOptions,), main=ls)
SHOW = Command(
    usage="marathon-py pod show ID", about="Everything about a pod, and its instances.",
    options=(AskOptions,), main=show,
)  # fmt: skip
VERSIONS = Command(
    usage="marathon-py pod versions ID [--version=VERSION]", about="List a pod's versions, the newest first.",
    options=(VersionsOptions,), main=versions,
)  # fmt: skip
ROLLBACK = Command(
    usage="marathon-py pod rollback ID [VERSION]",
    about="Make a former version of a pod the new one; unless told which, the one before.",
    options=(ChangeOptions,), main=rollback,
)  # fmt: skip
