"""An event of every kind there is, with a body drawn from a seed."""

from __future__ import annotations

import enum
import random
import types
import typing
from collections import deque
from collections.abc import Iterator
from typing import Any

import attrs

from mesos_py.agent.core import ROWS as AGENT_ROWS
from mesos_py.machine.frame import Disconnected, Event, Tick
from mesos_py.master.core import ROWS as MASTER_ROWS
from mesos_py.master.registry import AdmitAgent, Registry
from mesos_py.wire import executor_api
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.schema import is_message
from tests import builders
from tests.wire import samples

KINDS = (*dict.fromkeys((*MASTER_ROWS, *AGENT_ROWS)), Tick)
EXECUTOR_CALLS = (executor_api.Call.Subscribe, executor_api.Call.Update, executor_api.Call.Message)


def kind_id(kind: Any) -> str:
    return str(getattr(kind, "name", None) or kind.__qualname__)


def sample(kind: Any, seed: int) -> Event:
    """As a shell would make it."""
    rng = random.Random(seed)
    return Event(
        kind, _body(kind, seed), rng.choice((None, "peer-1", "é\udcff")), rng.choice((None, "ops")), rng.randrange(99)
    )


def _body(kind: Any, seed: int) -> Any:
    if kind in (Tick, Disconnected):
        return None
    if isinstance(kind, Call.Type):
        return samples.sample(Call, seed)
    if kind in EXECUTOR_CALLS:
        return samples.sample(executor_api.Call, seed)
    return value_of(kind, random.Random(seed))


def value_of(hint: Any, rng: random.Random) -> Any:
    """Something of this type."""
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return value_of(rng.choice(arguments), rng)
    if origin is tuple and arguments[-1] is ...:
        return tuple(value_of(arguments[0], rng) for _ in range(rng.randrange(3)))
    if origin is tuple:
        return tuple(value_of(one, rng) for one in arguments)
    if origin is deque:
        return deque(value_of(arguments[0], rng) for _ in range(rng.randrange(3)))
    if hint is Registry:
        registry = Registry()
        for number in range(3):
            registry.apply(AdmitAgent(builders.agent_info(agent_id=f"S{number}")))
        return registry
    if hint in (str, bytes, int, float, bool, type(None)):
        return {str: "x", bytes: b"\xff", int: 2**40, float: 0.5, bool: True, type(None): None}[hint]
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return rng.choice(list(hint))
    if is_message(hint):
        return samples.sample(hint, rng.randrange(1000))
    assert attrs.has(hint), f"nobody has said how to make a {hint}"
    hints = typing.get_type_hints(hint)
    return hint(**{field.alias: value_of(hints[field.name], rng) for field in attrs.fields(hint)})


def all_events(seeds: range) -> Iterator[Event]:
    for kind in KINDS:
        for seed in seeds:
            yield sample(kind, seed)
