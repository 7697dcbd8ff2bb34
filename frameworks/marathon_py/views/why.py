"""Why instances wait, in sentences, and the smallest change with which one of them would run at once; and what else an
app or a pod waits for (``deployments.standstill``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.timestamps import timestamp
from frameworks.marathon_py.deployments import standstill
from frameworks.marathon_py.deployments.standstill import in_seconds, things
from frameworks.marathon_py.launching import backoff, reasons
from frameworks.marathon_py.launching.attempts import Judging, Unused, spec_in
from frameworks.marathon_py.launching.backoff import config_of
from frameworks.marathon_py.launching.request import GPU_BEHAVIOR, hindrance
from mesos_py.machine.values import Nanos
from mesos_py.sdk.matching import Refusal
from mesos_py.sdk.matching import filters as sdk
from mesos_py.sdk.matching.refusals import distance
from mesos_py.sdk.matching.take import PORTS, RESOURCES

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon


def why(m: Marathon, spec_id: PathId, now: Nanos) -> tuple[str, ...] | None:
    """One sentence after the other; None: there is no such app and no such pod."""
    if spec_id not in m.specs and spec_id not in m.of_spec:
        return None
    found: list[str] = []
    for role in m.queue.get(spec_id, ()):
        spec = spec_in(m, spec_id, role)
        if spec is not None:
            found += _of_role(m, spec, role, now)
    found += standstill.sentences(m, spec_id, now)
    return tuple(found) or (_nothing_waits(m, spec_id),)


def _nothing_waits(m: Marathon, spec_id: PathId) -> str:
    spec, instances = m.specs.get(spec_id), m.of_spec.get(spec_id, {})
    running = sum(one.is_active for one in instances.values())
    if spec is None:
        return f"Nothing waits: {spec_id} is not defined any more, and {things(running, 'instance')} must end yet."
    return f"Nothing waits: of {things(spec.instances, 'instance')}, {running} were launched."


def _of_role(m: Marathon, spec: App | Pod, role: str, now: Nanos) -> Iterator[str]:
    entry = m.queue[PathId(spec.id)][role]
    waiting = [m.instances[name] for name in entry.launching if m.instances[name].wants_offer]
    asked_for = len(entry.launching) - len(waiting)
    if asked_for:
        were = "was" if asked_for == 1 else "were"
        yield f"{things(asked_for, 'instance')} {were} asked for, and nothing has been heard of that yet."
    if not waiting:
        return
    wait = "waits" if len(waiting) == 1 else "wait"
    yield f"{things(len(waiting), 'instance')} {wait} for offers in role '{role}', since {timestamp(entry.since)}."
    text = hindrance(m, spec)
    if text is not None:
        yield f"No offer can do: {text}."
        return
    yield from _delay(m, spec, now)
    if m.tokens <= 0:
        due = m.timers.pending().get("tokens", now)
        yield (
            f"As many launches are under way as there may be ({m.habits.launch_tokens}); others follow when some of "
            f"these run, or in {in_seconds(due - now)}."
        )
    yield from _offers(m, spec, role, entry.since, now)


def _delay(m: Marathon, spec: App | Pod, now: Nanos) -> Iterator[str]:
    due = backoff.until(m, config_of(spec), now)
    if due is None:
        return
    failure = m.failures.get(PathId(spec.id))
    last = f" The last was {failure.state} on {failure.hostname}: {failure.message or 'no message'}." if failure else ""
    yield f"It has failed before, so the next launch waits for another {in_seconds(due - now)}.{last}"


def _offers(m: Marathon, spec: App | Pod, role: str, since: Nanos, now: Nanos) -> Iterator[str]:
    found = Judging(m, now).of(spec, since)
    if not found:
        if role in m.waiting:  # else nothing is wanted yet
            yield f"No agent has offered anything in role '{role}' since then."
            yield "'mesos-py quota' tells whether the role is at its limit, and what is kept free for others."
        return
    refused = [one for one in found if one.refusals]
    if len(refused) < len(found):
        names = ", ".join(sorted(one.host.hostname for one in found if not one.refusals)[:3])
        yield f"The last offers of {len(found) - len(refused)} of {things(len(found), 'agent')} would do: {names}."
        return
    counts = dict.fromkeys(reasons.FUNNEL, 0)
    for one in refused:
        name = reasons.first(one.reasons)
        if name is not None:
            counts[name] += 1
    counted = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    yield f"None of the last offers of {things(len(found), 'agent')} is enough: {counted or 'they are elsewhere'}."
    yield _nearest(min(refused, key=lambda one: distance(one.refusals)))


def _nearest(unused: Unused) -> str:
    """With which changes, all of them together, one instance would run on that agent."""
    hostname = unused.host.hostname
    of_role = [refusal for refusal in unused.refusals if refusal.filter == "role"]  # what else is missing follows
    changes = [_change(refusal, hostname) for refusal in of_role or unused.refusals]
    return f"{hostname} comes nearest: one instance would run there {_joined(changes)}."


def _change(refusal: Refusal, hostname: str) -> str:
    name, wanted, found = refusal.name, refusal.wanted, refusal.found
    match refusal.filter:
        case sdk.GROUP if wanted == "UNIQUE" and found:
            return f"without the constraint {name} UNIQUE ('{found}' has one already)"
        case "attributes" | sdk.GROUP:
            return f"without the constraint {name} {wanted} (it has {_quoted(found)})"
        case "role":
            return f"if it accepted resources of {_quoted(found)}, not of {wanted}"
        case "region":
            return f"with a constraint on @region, since {hostname} is in '{found}' and the master in '{wanted}'"
        case reasons.PLUG_IN:
            return "if a plug-in let it"
        case "maintenance":
            return "if its maintenance were over"
        case "gpus":
            return f"with the label {GPU_BEHAVIOR}=unrestricted, since it has GPUs that others may want"
        case _ if refusal.filter == RESOURCES:
            return f"with {found if found != '0' else 'no'} {name} instead of {wanted}"
        case _ if refusal.filter == PORTS and not refusal.missing:
            return f"if port {wanted.strip('[]').partition('-')[0]} were free"
        case _ if refusal.filter == PORTS:
            return f"with {found} ports instead of {wanted.removeprefix('any ')}"
    return f"but for {refusal.text}"


def _quoted(text: str) -> str:
    return f"'{text}'" if text else "nothing"


def _joined(parts: Iterable[str]) -> str:
    *parts, last = parts
    return f"{', '.join(parts)} and {last}" if parts else last
