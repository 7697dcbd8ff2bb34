"""``mesos-py story``: what happened to a task, a framework, an agent, an offer or an executor, and why."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console
from rich.text import Text

from mesos_py.cli.command import EXIT_OK, EXIT_USAGE, Command, CommandFailed, say
from mesos_py.cli.render import BAD_STATE_STYLE, PLAIN_WIDTH, STATE_STYLES, print_json
from mesos_py.config import CommandLine
from mesos_py.flags import BOOLEAN, REPEATED, option
from mesos_py.journal.classes import Unreadable
from mesos_py.journal.story import Entry, Where, story
from mesos_py.journal.text import time_text

#: what is worth a place on a line, of all that a message may hold; in this order
SHOWN = (
    "state", "previous", "reason", "message", "what", "why", "kind", "text", "end", "cause", "again", "returning",
    "signum", "status", "pid", "task_id", "offer_id", "offer_ids", "executor_id", "container_id", "agent_id",
    "framework_id",
)  # fmt: skip
#: of these, what nearly every line of a story would say again: it is said when it changes
CONTEXT = frozenset({"executor_id", "container_id", "agent_id", "framework_id"})
NUMBERS = frozenset({"signum", "status", "pid"})
LONG = 200  # characters of one value
INDENT = " " * 8
UUID = re.compile(r"\b([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")


@attrs.frozen(kw_only=True)
class StoryOptions:
    journal: tuple[str, ...] = option(
        REPEATED, (), "A directory with journals; given again, the journals of all of them are told as one story.")
    json: bool = option(BOOLEAN, False, "For programs: a JSON array.")


async def main(line: CommandLine) -> int:
    options = line.make(StoryOptions)
    if not line.words:
        raise CommandFailed("say of what: mesos-py story TASK", EXIT_USAGE)
    if not options.journal:
        raise CommandFailed("say where journals are: --journal=DIR, or MESOS_JOURNAL", EXIT_USAGE)
    try:
        told = story([Path(directory) for directory in options.journal], line.words)
    except (Unreadable, OSError) as error:
        raise CommandFailed(str(error)) from error
    for note in told.notes:
        say(f"note: {note}")
    if not told.entries:
        raise CommandFailed(f"nothing in {told.events} events has to do with {' or '.join(line.words)}")
    if options.json:
        print_json([_object(entry) for entry in told.entries])
        return EXIT_OK
    width = max(len(_place(entry.where)) for entry in told.entries)
    printer = _Printer(width, frozenset(line.words), at_terminal=sys.stdout.isatty())
    for entry in told.entries:
        printer.print(entry)
    return EXIT_OK


def _object(entry: Entry) -> dict[str, Any]:
    told = {
        "at": time_text(entry.at_ns), "at_ns": entry.at_ns, **attrs.asdict(entry.where), "who": entry.who,
        "cause": None if entry.cause is None else attrs.asdict(entry.cause),
        "event": entry.event, "timers": entry.due, "writes": entry.writes, "changes": entry.changes,
        "sends": [{"to": to, "message": message} for to, message in entry.sends],
        "reply": entry.reply, "error": entry.error,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value not in (None, [])}


# ---- for people


def _place(where: Where) -> str:
    return f"{where.process} #{where.number}"


class _Printer:
    """A few lines an event. At a terminal ids are shortened; elsewhere a line is as long as it needs to be."""

    def __init__(self, width: int, wanted: frozenset[str], *, at_terminal: bool) -> None:
        self._width, self._at_terminal = width, at_terminal
        self._console = Console(width=None if at_terminal else PLAIN_WIDTH, highlight=False)
        self._wanted = wanted
        #: what was last said of each context
        self._said: dict[str, str] = {}
        #: the run of each process that was told of last
        self._runs: dict[str, str] = {}

    def print(self, entry: Entry) -> None:
        """The event, where it comes from, and what followed."""
        where = entry.where
        if self._runs.setdefault(where.process, where.run) != where.run:
            self._runs[where.process] = where.run
            self._line(Text(f"-- {where.process} has been started again ({where.run})", style="bold"))
        head = Text(f"{time_text(entry.at_ns)}  ", style="dim")
        head.append(f"{_place(where):<{self._width}}  ", style="not dim")
        head.append(where.kind, style="not dim bold")
        head.append_text(self._details(entry.event.get("body")))
        if entry.who is not None:
            head.append(f"  from {entry.who}", style="not dim")
        self._line(head)
        if entry.cause is not None:
            self._line(Text(f"{INDENT}because of {_place(entry.cause)} ({entry.cause.kind})", style="dim"))
        for due in entry.due:
            self._tell("it was time: ", due)
        for change in entry.changes:
            self._tell("", change)
        for fact in entry.writes:
            self._tell("kept: ", fact)
        for to, message in entry.sends:
            self._tell(f"-> {to}: ", message)
        if isinstance(entry.reply, dict):
            self._tell("refused: ", entry.reply)
        if entry.error is not None:
            self._line(Text(f"{INDENT}the core failed: {entry.error}", style=BAD_STATE_STYLE))

    def _tell(self, how: str, told: Any) -> None:
        self._line(Text(f"{INDENT}{how}{_name(told)}").append_text(self._details(told)))

    def _line(self, text: Text) -> None:
        if self._at_terminal:
            for match in reversed(list(UUID.finditer(text.plain))):
                text = text[: match.start() + 8] + Text("..") + text[match.end() :]
        self._console.print(text, soft_wrap=True)

    def _details(self, told: Any) -> Text:
        """``  key=value`` for everything that is worth it."""
        found: dict[str, str] = {}
        _collect(told, found)
        text = Text()
        for key in SHOWN:
            value = found.get(key)
            if value is None or value in self._wanted or (key in CONTEXT and self._said.get(key) == value):
                continue
            if key in CONTEXT:
                self._said[key] = value
            text.append(f"  {key}=", style="dim")
            style = STATE_STYLES.get(value, BAD_STATE_STYLE) if key == "state" and value.startswith("TASK_") else ""
            text.append(value if len(value) <= LONG else value[:LONG] + "...", style=f"not dim {style}")
        return text


def _name(told: Any) -> str:
    """``TaskUpdated`` is "task updated"; a call or an event of the API is called as its type."""
    if not isinstance(told, dict):
        return str(told)
    if told.get("is") in ("Call", "Event") and "type" in told:
        return str(told["type"])
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in str(told.get("is", "")))
    return words.strip()


def _collect(told: Any, found: dict[str, str]) -> None:
    """Texts and ids by their keys, outer ones before inner ones."""
    inner: list[Any] = []
    for key, value in told.items() if isinstance(told, dict) else ():
        values = value if isinstance(value, list) else [value]
        texts = [one.get("value") if isinstance(one, dict) and one.keys() == {"value"} else one for one in values]
        if key in SHOWN and texts and all(_is_shown(key, one) for one in texts):
            found.setdefault(key, ",".join(map(str, texts)))
        else:
            inner += values
    for value in inner:
        _collect(value, found)


def _is_shown(key: str, value: Any) -> bool:
    return isinstance(value, str | bool) or (key in NUMBERS and isinstance(value, int))


COMMAND = Command(
    usage="mesos-py story ID... --journal=DIR [--journal=DIR] [--json]",
    about="""
    Tell everything that happened to a task, framework, agent, offer, executor or container, from the journals below
    DIR (the --journal of masters and agents): each event that has to do with it, who said it, what it was a consequence
    of, and what followed. Journals of a master and of its agents are told in one story, in the order of time.
    """,
    options=(StoryOptions,), main=main,
)
