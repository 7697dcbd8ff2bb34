"""``mesos-py replay``: a master or an agent as it was, from its journal."""

from __future__ import annotations

import sys
from pathlib import Path

import attrs

from mesos_py.algebra.durations import format_size
from mesos_py.cli.command import EXIT_OK, EXIT_REFUSED, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import print_json, print_table
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, TEXT, option
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.files import bytes_below
from mesos_py.journal.records import read
from mesos_py.journal.replay import Replay, Run, Until, check, find_runs
from mesos_py.journal.show import show
from mesos_py.journal.text import kind_text, time_text, told_event, told_frame


@attrs.frozen(kw_only=True)
class ReplayOptions:
    until: str | None = option(
        TEXT, None, "Up to this event (by its number) or this time (2024-05-01T12:00:00, in UTC); unset: all.")
    path: str = option(TEXT, "/state", "What is shown, as this path of the program would have shown it.")
    check: bool = option(BOOLEAN, False, "Show nothing, but say whether every event does again what it did then.")
    list: bool = option(BOOLEAN, False, "Show nothing, but say which runs are there, and what of them is kept.")


async def main(line: CommandLine) -> int:
    options = line.make(ReplayOptions)
    if len(line.words) != 1:
        raise CommandFailed("expecting one directory", EXIT_USAGE)
    try:
        until = None if options.until is None else Until.parse(options.until)
    except ValueError as error:
        raise CommandFailed(f"--until: {error}", EXIT_USAGE) from error
    try:
        runs = find_runs(Path(line.words[0]))
        if options.list:
            _list(runs)
            return EXIT_OK
        run = _only(runs, until)
        if options.check:
            return _check(run, until)
        return await _show(run, until, options.path)
    except (Unreadable, OSError) as error:
        raise CommandFailed(str(error)) from error


async def _show(run: Run, until: Until | None, path: str) -> int:
    replay = Replay(run, until)
    try:
        answer = await show(replay, path)
    except LookupError as error:
        raise CommandFailed(str(error), EXIT_USAGE) from error
    finally:
        _say(replay.notes)
    say(f"{run.name}: event {replay.number}, {time_text(replay.now)}")
    sys.stdout.buffer.write(answer + b"\n")
    sys.stdout.buffer.flush()
    return EXIT_OK


def _check(run: Run, until: Until | None) -> int:
    verdict = check(run, until)
    _say(verdict.notes)
    step = verdict.different
    if step is None:
        say(f"{run.name}: {verdict.count} events up to {verdict.number}, all as recorded")
        return EXIT_OK
    event = step.record.event
    what = f"event {step.number} ({kind_text(event)}, {time_text(step.record.now)})"
    then = "does something else than it did then" if step.record.digest else "is one on which the program failed then"
    say(f"{run.name}: after {verdict.count} events as recorded, {what} {then}; now it does:")
    frame = {"error": repr(step.error)} if step.frame is None else told_frame(step.frame)
    print_json({"number": step.number, "event": told_event(event), "frame": frame})
    return EXIT_REFUSED


def _list(runs: list[Run]) -> None:
    rows = []
    for run in runs:
        first, last, at_ns, notes = run.head.before + 1, run.head.before, run.head.at_ns, list(run.notes)
        for segment in run.segments:
            if segment.head.before > last:
                notes.append(f"{segment.head.before - last} events missing")
            last, payload = segment.head.before, b""
            for payload in segment.records():  # noqa: B007 - the last one counts
                last += 1
            at_ns = read(payload).now if payload else at_ns
            notes += [segment.torn] if segment.torn else []
        size = format_size(bytes_below(str(run.path)))
        rows.append([
            run.name, f"{first}-{last}", time_text(run.head.at_ns), time_text(at_ns), size, "; ".join(notes)
        ])  # fmt: skip
    print_table(("RUN", "EVENTS", "FROM", "TO", "SIZE", "NOTES"), rows, "no runs")


def _only(runs: list[Run], until: Until | None) -> Run:
    """The one to replay: of several of one program the last one that had begun by then."""
    programs = {(run.path.parent, run.head.program) for run in runs}
    if len(programs) > 1:
        places = ", ".join(sorted({str(run.path) for run in runs}))
        raise CommandFailed(f"there are journals of several programs; say which: {places}", EXIT_USAGE)
    at_ns = None if until is None else until.at_ns
    begun = [run for run in runs if at_ns is None or run.head.at_ns <= at_ns]
    if not begun:
        raise CommandFailed(f"nothing is known of that time: the journal begins at {time_text(runs[0].head.at_ns)}")
    return begun[-1]


def _say(notes: list[str]) -> None:
    for note in notes:
        say(f"note: {note}")


COMMAND = Command(
    usage="mesos-py replay DIR [--until=TIME|NUMBER] [--path=/state] | --check | --list",
    about="""
    Make a master or an agent again from the journal it has written below DIR (its --journal), and show it as its
    /state was, or another of its paths: /slaves, /frameworks, /tasks, /roles, /state-summary.

    Nothing is contacted and nothing is changed. Of several runs the last one that had begun by TIME is taken; a run's
    own directory may be given instead. Numbers of events begin with 1 in each run.
    """,
    options=(ReplayOptions,), main=main,
)
