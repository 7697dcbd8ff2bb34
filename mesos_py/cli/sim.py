"""``mesos-py sim``: many simulated runs, or one of them again.

A failure prints what was violated, the plan, and the command that shows it again with as few faults as it takes.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from collections import Counter

import attrs

from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, INTEGER, TEXT, bounded, option
from mesos_py.sim.census import listed
from mesos_py.sim.plan import Plan, draw
from mesos_py.sim.repeat import NOT_REPEATED, Repeated, digest_line
from mesos_py.sim.run import Report, run
from mesos_py.sim.shrink import replay_command, shrink
from mesos_py.sim.speed import measure

PROGRESS_EVERY_S = 5.0
_COUNT = bounded(INTEGER, least=0)


@attrs.frozen(kw_only=True)
class SimOptions:
    """What to run."""

    seeds: int = option(_COUNT, 50, "So many runs, from --first on.")
    first: int = option(_COUNT, 0, "Seed of the first run.")
    seed: int | None = option(_COUNT, None, "This one run, with its plan and figures.")
    faults: str | None = option(TEXT, None, "With --seed: only these of its faults, as '0,3,7'; 'none' for none.")
    shrink: bool = option(BOOLEAN, True, "Look for the faults that matter when a run fails.")
    keep_going: bool = option(BOOLEAN, False, "Do not stop at the first failure.")
    repeat: bool = option(
        BOOLEAN, False, "Run each seed in another process as well, with another PYTHONHASHSEED: equal, or it fails."
    )
    digests: bool = option(BOOLEAN, False, "Print nothing but the digest of each run, whether it fails or not.")
    journal: str | None = option(
        TEXT, None, "With --seed: directory for journals of its masters and agents, as 'mesos-py replay' reads."
    )
    agents: int = option(_COUNT, 0, "Instead: how fast a calm cluster of so many agents is simulated.")
    masters: int = option(
        bounded(INTEGER, least=1), 1,
        "With --agents: so many masters; more than one are elected by three servers of ZooKeeper.",
    )


async def main(line: CommandLine) -> int:
    """The runs have a loop of their own, in a thread: this one stays free for Ctrl-C."""
    options = line.make(SimOptions)
    if options.faults is not None and options.seed is None:
        raise CommandFailed("--faults needs --seed", EXIT_USAGE)
    if options.journal is not None and options.seed is None:
        raise CommandFailed("--journal needs --seed", EXIT_USAGE)
    return await asyncio.to_thread(_main, options)


def _main(options: SimOptions) -> int:
    if options.agents:
        print(measure(options.agents, masters=options.masters).text())
        return EXIT_OK
    if options.seed is not None:
        return _one(options, options.seed)
    if options.digests:
        for number in range(options.seeds):
            print(digest_line(run(draw(options.first + number))), flush=True)
        return EXIT_OK
    with Repeated(options.first, options.seeds) if options.repeat else contextlib.nullcontext() as repeated:
        return _many(options, repeated)


def _one(options: SimOptions, seed: int) -> int:
    plan = draw(seed)
    kept = _chosen(options, plan)
    if kept is not None:
        plan = plan.keeping(kept)
    report = run(plan, journal=options.journal)
    print(plan.text())
    if report.violation is None:
        print(report.text())
        print(f"{report.tasks} tasks: {report.ends}; refused: {report.refusals or 'nothing'}")
        return EXIT_OK
    _tell_failure(options, report)
    return EXIT_REFUSED


def _chosen(options: SimOptions, plan: Plan) -> tuple[int, ...] | None:
    return None if options.faults is None else _indexes(options.faults, plan)


def _indexes(text: str, plan: Plan) -> tuple[int, ...]:
    try:
        indexes = () if text == "none" else tuple(int(word) for word in text.split(","))
    except ValueError as error:
        raise CommandFailed(f"--faults: {error}", EXIT_USAGE) from error
    wrong = [index for index in indexes if not 0 <= index < len(plan.faults)]
    if wrong:
        raise CommandFailed(f"--faults: seed {plan.seed} has {len(plan.faults)} faults, not {wrong}", EXIT_USAGE)
    return indexes


def _many(options: SimOptions, repeated: Repeated | None) -> int:
    gc.freeze()  # the program itself: to look through it again and again was a twentieth of the time
    began = told = time.monotonic()
    failures: dict[str, list[int]] = {}
    events, virtual_s = 0, 0.0
    faults, happened = Counter[str](), Counter[str]()
    for number in range(options.seeds):
        report = run(draw(options.first + number))
        if repeated is not None:
            report = repeated.judge(report)
        faults.update(report.faults)
        happened.update(report.happened)
        events += report.events
        virtual_s += report.virtual_s
        if report.violation is not None:
            seeds = failures.setdefault(report.signature, [])
            seeds.append(report.plan.seed)
            if len(seeds) == 1:
                _tell_failure(options, report)
            else:
                print(f"seed {report.plan.seed}: {report.signature}", flush=True)
            if not options.keep_going:
                return EXIT_REFUSED
        if time.monotonic() - told > PROGRESS_EVERY_S:
            told = time.monotonic()
            failed = sum(map(len, failures.values()))
            say(f"{number + 1} of {options.seeds} seeds, {failed} failed, {(number + 1) / (told - began):.1f} a second")
    took = time.monotonic() - began
    failed = sum(map(len, failures.values()))
    print(
        f"{options.seeds - failed} of {options.seeds} seeds well, {virtual_s / 3600:.1f} virtual hours,"
        f" {events} events in {took:.1f} s"
    )
    print(f"  faults: {listed(faults)}\n  of which came: {listed(happened)}")
    for signature, seeds in failures.items():
        print(f"  {signature}: {len(seeds)} seeds, such as {', '.join(map(str, seeds[:8]))}")
    return EXIT_REFUSED if failures else EXIT_OK


def _tell_failure(options: SimOptions, report: Report) -> None:
    print(report.text())
    plan = report.plan
    if report.signature == NOT_REPEATED:
        print(f"again: mesos-py sim --first={plan.seed} --seeds=1 --repeat")
        return  # each of them by itself is well, or has failed for another reason
    print(f"again: {replay_command(plan.seed, _chosen(options, plan))}")
    if options.shrink and options.faults is None and plan.faults:
        found = shrink(report)
        print(f"with {len(found.kept)} of its {len(plan.faults)} faults: {replay_command(plan.seed, found.kept)}")
        if found.report.signature != report.signature:
            print(f"  which shows itself as {found.report.signature}")


COMMAND = Command(
    usage=(
        "mesos-py sim [--seeds=N [--first=S] [--keep-going] [--repeat]] | [--seed=S [--faults=I,J] [--journal=DIR]] |"
        " [--agents=N [--masters=N]]"
    ),
    about=(
        "Simulate clusters with faults. Each seed draws a cluster, schedulers that misbehave and faults, runs the real"
        " master and agents on virtual time, and checks that nothing is lost, doubled or left over."
    ),
    options=(SimOptions,), main=main,
)
