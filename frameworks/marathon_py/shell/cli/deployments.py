"""``marathon-py deployment``: changes that are being carried out."""

from __future__ import annotations

from typing import Any

from frameworks.marathon_py.shell.cli.common import AskOptions, ChangeOptions, changing, one_word
from frameworks.marathon_py.shell.cli.progress import show
from frameworks.marathon_py.shell.waiting import Waiting
from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, Command, CommandFailed, say
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine


async def ls(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        found = await marathon.deployments(with_held=True)
    if options.json:
        print_json(found)
        return EXIT_OK
    rows = [
        (one["id"], f"{one['currentStep']}/{one['totalSteps']}", _actions(one),
         ", ".join([*one["affectedApps"], *one.get("affectedPods", ())])[:80], one["version"])
        for one in found
    ]  # fmt: skip
    print_table(("DEPLOYMENT", "STEP", "DOES", "TOUCHES", "VERSION"), rows, "no deployments")
    return EXIT_OK


def _actions(deployment: dict[str, Any]) -> str:
    actions = dict.fromkeys(one["action"] for one in deployment["currentActions"])
    held = deployment.get("held", ())
    return ", ".join([*actions, *(f"{path} waits after its canaries" for path in held)])


async def watch(line: CommandLine) -> int:
    """Of the only one, if there is but one."""
    options = line.make(AskOptions)
    async with options.client() as marathon, Waiting(marathon) as waiting:
        found = {str(one["id"]) for one in await marathon.deployments()}
        if not line.words and len(found) == 1:
            (id,) = found
        else:
            id = one_word(line, "deployment: 'marathon-py deployment ls' has them")
        if id not in found and not waiting.has_ended(id):
            raise CommandFailed(f"there is no deployment '{id}', any more")
        with show() as look:
            is_well = await waiting.for_end(id, [], look)
    say(f"deployment {id} {'is done' if is_well else 'has failed, or was cancelled'}")
    return EXIT_OK if is_well else EXIT_REFUSED


async def cancel(line: CommandLine) -> int:
    options = line.make(ChangeOptions)
    id = one_word(line, "deployment")
    async with changing(options) as change:
        answer = await change.marathon.cancel_deployment(id, force=options.force)
        return await change.done("" if answer is None else answer["deploymentId"], [], answer or {})


async def go_on(line: CommandLine) -> int:
    options = line.make(AskOptions)
    async with options.client() as marathon:
        await marathon.continue_deployment(one_word(line, "deployment"))
    if options.json:
        print_json({})
    return EXIT_OK


LS = Command(
    usage="marathon-py deployment ls", about="List deployments that go on.", options=(AskOptions,), main=ls,
)  # fmt: skip
WATCH = Command(
    usage="marathon-py deployment watch [ID]",
    about="Show how far a deployment is until it has ended; exit with 1 unless it ends well.",
    options=(AskOptions,), main=watch,
)  # fmt: skip
CANCEL = Command(
    usage="marathon-py deployment cancel ID [--force]",
    about="Change back what a deployment has changed, in a new one. With --force it only stops where it is.",
    options=(ChangeOptions,), main=cancel,
)  # fmt: skip
CONTINUE = Command(
    usage="marathon-py deployment continue ID", about="Let one go on that waits after its canaries.",
    options=(AskOptions,), main=go_on,
)  # fmt: skip
