"""``mesos-py certify module:Scheduler``: a framework of anybody's through the fault scenarios, and what it promises."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, Command, CommandFailed
from mesos_py.cli.render import print_json
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, INTEGER, TEXT, bounded, option
from mesos_py.sdk.scheduler import Scheduler
from mesos_py.sdk.testing.certify import SCENARIOS, Scenario, Trial, trial
from mesos_py.sdk.testing.promises import PROMISES, Breach
from mesos_py.sim.observe import Violation


@attrs.frozen(kw_only=True)
class CertifyOptions:
    """How thoroughly."""

    seeds: int = option(bounded(INTEGER, least=1), 3, "Each scenario with so many seeds, from --first on.")
    first: int = option(bounded(INTEGER, least=0), 0, "The first seed.")
    scenario: str | None = option(TEXT, None, "Only these, by name, as 'calm,F01'.")
    json: bool = option(BOOLEAN, False, "Print JSON instead of a table.")


def load(name: str) -> type[Scheduler]:
    """The class ``module:Class`` or ``path/to/file.py:Class``. Raises CommandFailed."""
    where, colon, what = name.partition(":")
    if not colon or not what:
        raise CommandFailed(f"'{name}': expecting MODULE:CLASS or FILE.py:CLASS", EXIT_USAGE)
    try:
        module = _from_file(where) if where.endswith(".py") else importlib.import_module(where)
    except (ImportError, OSError, SyntaxError) as error:
        raise CommandFailed(f"{where} cannot be imported: {error}", EXIT_USAGE) from error
    found = getattr(module, what, None)
    if not (isinstance(found, type) and issubclass(found, Scheduler)):
        raise CommandFailed(f"{where} has no Scheduler '{what}'", EXIT_USAGE)
    return found


def _from_file(path: str) -> Any:
    spec = importlib.util.spec_from_file_location(Path(path).stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


async def main(line: CommandLine) -> int:
    """Trials have loops of their own, in a thread: this one stays free for Ctrl-C."""
    options = line.make(CertifyOptions)
    if len(line.words) != 1:
        raise CommandFailed("say which framework: mesos-py certify MODULE:CLASS", EXIT_USAGE)
    sys.path.insert(0, "")
    make = load(line.words[0])
    return await asyncio.to_thread(_certify, line.words[0], make, options)


def _certify(name: str, make: type[Scheduler], options: CertifyOptions) -> int:
    trials: list[Trial] = []
    for scenario in _chosen(options.scenario):
        for seed in range(options.first, options.first + options.seeds):
            try:
                made = trial(make, scenario, seed)
            except Violation as bug:
                raise CommandFailed(f"masters or agents have failed in {scenario.name}, seed {seed}: {bug}") from bug
            trials.append(made)
            if not options.json:
                print(_line(made), flush=True)
    if options.json:
        print_json([_value(one) for one in trials])
    else:
        print(_verdict(name, trials))
    return EXIT_REFUSED if any(one.breaches for one in trials) else EXIT_OK


def _chosen(text: str | None) -> Sequence[Scenario]:
    known = {one.name.lower(): one for one in SCENARIOS}
    if text is None:
        return SCENARIOS
    wrong = [word for word in text.split(",") if word.strip().lower() not in known]
    if wrong:
        names = ", ".join(one.name for one in SCENARIOS)
        raise CommandFailed(f"--scenario: no '{wrong[0]}'; there are {names}", EXIT_USAGE)
    return [known[word.strip().lower()] for word in text.split(",")]


def _line(made: Trial) -> str:
    broken = ", ".join(breach.promise for breach in made.breaches)
    came = "done" if made.has_ended else "goes on"
    told = f"BROKEN {broken}" if broken else "well"
    name, about = made.scenario.name, made.scenario.about
    return f"{name:<5} seed {made.seed:<4} {made.tasks:>4} tasks, {came:<8} {told:<12} {about}"


def _verdict(name: str, trials: Sequence[Trial]) -> str:
    first: dict[str, tuple[Trial, Breach]] = {}
    for made in trials:
        for breach in made.breaches:
            first.setdefault(breach.promise, (made, breach))
    lines = [""]
    for promise in PROMISES:
        if promise not in first:
            lines.append(f"  kept    {promise}")
            continue
        made, breach = first[promise]
        scenario = made.scenario
        lines += [
            f"  BROKEN  {promise}: {breach.text}",
            f"          in {scenario.name} ({scenario.about}), after {breach.at_s:.1f} virtual seconds; again:",
            f"          mesos-py certify {name} --scenario={scenario.name} --first={made.seed} --seeds=1",
        ]
    if not any(made.tasks for made in trials):
        lines += ["", "It has launched no task, so that little of this means anything: give it something to do."]
    return "\n".join([*lines, "", f"{name} keeps {len(PROMISES) - len(first)} of {len(PROMISES)} promises"])


def _value(made: Trial) -> dict[str, Any]:
    breaches = [{"promise": one.promise, "at_s": one.at_s, "text": one.text} for one in made.breaches]
    return {
        "scenario": made.scenario.name, "about": made.scenario.about, "seed": made.seed, "tasks": made.tasks,
        "has_ended": made.has_ended, "breaches": breaches, "digest": made.digest,
    }  # fmt: skip


COMMAND = Command(
    usage="mesos-py certify [flags] MODULE:CLASS | FILE.py:CLASS",
    about="""
    Run a framework of the SDK through fault scenarios on simulated clusters, and say which of its promises it breaks:
    that it acknowledges updates, answers offers, heeds rescinds, uses what it is offered and no more, launches once
    and makes up for what is lost, keeps its id, reconciles, notices silence, backs off, makes sense, does not fail, and
    that all is well once nothing breaks any more. Exit code 1 if any is broken.

      mesos-py certify examples/hello.py:Hello
      mesos-py certify mine:Scheduler --scenario=F01,F17 --seeds=100
    """,
    options=(CertifyOptions,), main=main,
)
