"""What happened to one entity, told from the journals of masters and agents, in the order of time.

Clocks of hosts differ. How much is seen from words that went both ways, and the order allows for it; what is shown are
the times as each process had them.

Every run is replayed. An event belongs to the story if it names the entity, or if anything that came of it does: a
word, a change, a fact. Of a large event or frame only those parts are kept that name it.

Causes: a timer is told with what it was for; a message that one process heard and another one of the journals had said
leads to the event it was said in; what a containerizer reports leads to the event that asked for the container. What
schedulers, executors and operators say comes from outside: who they are is its cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from mesos_py.agent import words
from mesos_py.agent.core import Agent
from mesos_py.journal import events
from mesos_py.journal.replay import Replay, Run, Step, find_runs
from mesos_py.journal.text import kind_text, told_event, told_value
from mesos_py.machine.frame import Close, Event, Frame, PeerID, Send
from mesos_py.machine.values import Nanos
from mesos_py.master.core import Master
from mesos_py.master.entities import Framework
from mesos_py.wire.codec.msgpack import encode
from mesos_py.wire.schema import is_message

Told = Any
"""A value as JSON has it (``text.told_value``)."""


Ways = dict[tuple[str, str], Nanos]
"""From one run to another: how long words take, by the clocks of both."""


@attrs.frozen
class Where:
    """An event among all those of the journals."""

    #: as the story calls it: "master", "agent-1"
    process: str
    run: str
    number: int
    kind: str


@attrs.define(kw_only=True, eq=False)
class Entry:
    """One event of the story, and what followed from it."""

    at_ns: Nanos
    where: Where
    #: who it came from; None: the process itself
    who: str | None
    event: dict[str, Told]
    #: timers it was about
    due: list[Told]
    writes: list[Told]
    changes: list[Told]
    #: (to whom, what)
    sends: list[tuple[str, Told]]
    reply: Told
    #: what the core failed with
    error: str | None
    #: the event of which this one is a consequence, if the journals have it
    cause: Where | None = None
    #: what links it to other entries: the message it is, those it says, containers it asks for or is about
    heard: bytes | None = None
    said: list[bytes] = attrs.Factory(list)
    asked: list[str] = attrs.Factory(list)
    about: str | None = None


@attrs.frozen
class Story:
    entries: list[Entry]
    #: events that were replayed for it
    events: int
    #: what could not be read, by run
    notes: list[str]


def story(directories: Iterable[Path], ids: Sequence[str]) -> Story:
    """All that the journals below ``directories`` know of what has one of ``ids``. Raises Unreadable and OSError."""
    wanted = frozenset(ids)
    entries: list[Entry] = []
    count, notes = 0, []
    runs = {run.path.resolve(): run for directory in directories for run in find_runs(directory)}
    for run, label in zip(runs.values(), _labels(runs.values()), strict=True):
        teller = _Teller(run, label, wanted)
        entries += teller.entries()
        count += teller.count
        notes += [f"{run.name}: {note}" for note in teller.replay.notes]
    return Story(_in_order(entries), count, notes)


def _labels(runs: Iterable[Run]) -> list[str]:
    """Short names: of the program if there is one of it, else of the directory it writes to."""
    places: dict[str, set[Path]] = {}
    for run in runs:
        places.setdefault(run.head.program, set()).add(run.path.parent)
    labels = []
    for run in runs:
        program, name = run.head.program, run.path.parent.name
        is_clear = len(places[program]) == 1 and not name.startswith(program)
        labels.append(program if is_clear else name if name.startswith(program) else f"{name}/{program}")
    return labels


# ---- one run


class _Teller:
    def __init__(self, run: Run, label: str, wanted: frozenset[str]) -> None:
        self._run, self._label, self._wanted = run, label, wanted
        self._needles = [one.encode("utf-8", "surrogatepass") for one in sorted(wanted)]
        self.replay = Replay(run, from_start=True)
        self.count = 0

    def entries(self) -> Iterator[Entry]:
        for step in self.replay.steps():
            self.count += 1
            if self._is_mentioned(step):
                entry = self._entry(step)
                if entry is not None:
                    yield entry

    def _is_mentioned(self, step: Step) -> bool:
        """A quick look: the text of an id may also be a part of another one."""
        packed = b"" if step.frame is None else events.packed(step.frame)
        return any(needle in step.record.data or needle in packed for needle in self._needles)

    def _entry(self, step: Step) -> Entry | None:
        event, frame = step.record.event, step.frame
        told = told_event(event)
        body = _part(told.get("body"), self._wanted)
        out = frame if frame is not None else Frame(step.record.now)
        core = self.replay.core
        entry = Entry(
            at_ns=step.record.now,
            where=Where(self._label, self._run.name, step.number, kind_text(event)),
            who=_sender(core, event),
            event=told if body is None else told | {"body": body},
            due=_parts(out.due, self._wanted),
            writes=_parts(out.writes, self._wanted),
            changes=_parts(out.changes, self._wanted),
            sends=[
                (_name_of(core, word.peer), part)
                for word in out.sends
                if not isinstance(word, Close) and (part := self._word(core, word)) is not None
            ],
            reply=told_value(out.reply),
            error=None if step.error is None else repr(step.error),
        )
        if body is None and not (entry.writes or entry.changes or entry.sends or entry.error):
            return None  # pings and heartbeats: they are due, and nothing follows
        if is_message(type(event.body)):
            entry.heard = encode(event.body)
        entry.about = getattr(event.body, "container_id", None)
        for word in out.sends:
            if not isinstance(word, Close):
                if is_message(type(word.message)):
                    entry.said.append(encode(word.message))
                elif word.peer == words.CONTAINERS:
                    spec = getattr(word.message, "spec", word.message)
                    entry.asked.append(spec.container_id)
        return entry


    def _word(self, core: Any, word: Send) -> Told:
        """What of it belongs to the story: all that is said to the entity itself, but for heartbeats."""
        told = told_value(word.message)
        if not word.volatile and _id_of(core, word.peer) in self._wanted:
            return told
        return _part(told, self._wanted)


def _parts(values: Iterable[Any], wanted: frozenset[str]) -> list[Told]:
    return [part for value in values if (part := _part(told_value(value), wanted)) is not None]


def _part(told: Told, wanted: frozenset[str]) -> Told:
    """The value, its lists shortened to what names one of ``wanted``; None when nothing in it does."""
    if isinstance(told, str):
        return told if told in wanted else None
    if isinstance(told, dict):
        parts = {name: _part(value, wanted) for name, value in told.items()}
        if all(part is None for part in parts.values()) and not wanted & told.keys():
            return None
        return {name: value if parts[name] is None else parts[name] for name, value in told.items()}
    if isinstance(told, list):
        return [part for value in told if (part := _part(value, wanted)) is not None] or None
    return None


# ---- who


def _sender(core: Any, event: Event) -> str | None:
    """Whoever is at the other end of the event's connection, as the core knows it by now."""
    who = None if event.peer is None else _name_of(core, event.peer)
    if isinstance(core, Master) and who == event.peer:  # gone, or nobody: it speaks for a framework all the same
        framework_id: Any = getattr(event.body, "framework_id", None)
        known = core.state.frameworks.get(framework_id) or core.state.completed_frameworks.get(framework_id)
        if known is not None:
            who = f"{who or 'somebody'}, for {_framework_text(known)}"
    if event.principal is not None:
        who = f"{who or 'somebody'}, principal {event.principal}"
    return who


def _name_of(core: Any, peer: PeerID) -> str:
    """A peer's entity; the peer itself when the core does not know it (any more)."""
    if isinstance(core, Master):
        framework, agent = core.state.framework_of(peer), core.state.agent_of(peer)
        if framework is not None:
            return _framework_text(framework)
        if agent is not None:
            return f"agent {agent.id} ({agent.hostname})"
    if isinstance(core, Agent):
        if peer == core.registration.peer:
            return "the master"
        executor = core.state.peers.get(peer)
        if executor is not None:
            return f"executor {executor.id}"
        if peer == words.CONTAINERS:
            return "the containerizer"
        if peer.startswith(":"):
            return f"the {peer[1:]}"
    return peer


def _id_of(core: Any, peer: PeerID) -> str | None:
    entity = core.state.peers.get(peer)
    return None if entity is None else entity.id


def _framework_text(framework: Framework) -> str:
    return f"framework {framework.id} ({framework.info.name})"


# ---- why


def _in_order(entries: Sequence[Entry]) -> list[Entry]:
    """With their causes, and none before its cause because a clock is wrong."""
    by_clocks = sorted(entries, key=lambda entry: entry.at_ns)  # stable: events of one process keep their order
    ways = _find_causes(by_clocks)
    runs = sorted({entry.where.run for entry in by_clocks}, key=lambda run: (not run.startswith("master"), run))
    ahead = _ahead(runs, ways)  # by the clocks of masters, if they tell something
    return sorted(by_clocks, key=lambda entry: entry.at_ns - ahead[entry.where.run])


def _find_causes(entries: Sequence[Entry]) -> Ways:
    """What was said somewhere and heard somewhere else; what was asked of a containerizer and reported by it.

    Of equal words (two masters welcome an agent alike) the last one counts that can have been heard by then: those
    before it may have been lost.
    """
    said: dict[bytes, list[Entry]] = {}
    asked: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        for message in entry.said:
            said.setdefault(message, []).append(entry)
    ways = _ways(entries, said)
    for entry in entries:
        if entry.heard is not None:
            saying = [one for one in said.get(entry.heard, ()) if one.where.run != entry.where.run]
            if saying:
                sooner = [one for one in saying if one.at_ns + ways.get(_way(one, entry), 0) <= entry.at_ns]
                by_whom = sooner[-1] if sooner else saying[0]
                entry.cause = by_whom.where
                said[entry.heard].remove(by_whom)
        elif entry.about is not None and (by := asked.get((entry.where.run, entry.about))) is not None:
            entry.cause = by.where
        for container_id in entry.asked:
            asked[entry.where.run, container_id] = entry
    return ways


def _way(saying: Entry, hearing: Entry) -> tuple[str, str]:
    return saying.where.run, hearing.where.run


def _ways(entries: Sequence[Entry], said: Mapping[bytes, Sequence[Entry]]) -> Ways:
    """How long words take from one run to another, by the clocks of both, which need not agree: the least that is seen
    of words that were said once."""
    ways: Ways = {}
    for entry in entries:
        saying = said.get(entry.heard, ()) if entry.heard is not None else ()
        if len(saying) == 1 and saying[0].where.run != entry.where.run:
            way, took = _way(saying[0], entry), entry.at_ns - saying[0].at_ns
            ways[way] = min(took, ways.get(way, took))
    return ways


def _ahead(runs: Iterable[str], ways: Ways) -> dict[str, Nanos]:
    """How far the clock of each run is ahead of the first one's that it has to do with, directly or by others.

    Where words went both ways, half of the difference; where they went one way, the least that they took.
    """
    near: dict[str, dict[str, None]] = {}
    for one, other in ways:
        near.setdefault(one, {})[other] = near.setdefault(other, {})[one] = None
    ahead: dict[str, Nanos] = {}
    for first in runs:
        if first in ahead:
            continue
        ahead[first], known = 0, [first]
        for one in known:
            for other in [name for name in near.get(one, ()) if name not in ahead]:
                there, back = ways.get((one, other)), ways.get((other, one))
                if there is None or back is None:  # something has to be left for the way
                    ahead[other] = ahead[one] + (there - 1 if there is not None else 1 - (back or 0))
                else:
                    ahead[other] = ahead[one] + (there - back) // 2
                known.append(other)
    return ahead
