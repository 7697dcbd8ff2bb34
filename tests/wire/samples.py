"""Every message class there is, and random messages of each, drawn from a seed.

Values lean to the edges: limits of ints, empty and long texts, infinities, messages with everything set and with
nothing.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
import random
from collections.abc import Iterator
from typing import Any

import mesos_py.wire
from mesos_py.wire.codec.compiler import INT_RANGES
from mesos_py.wire.schema import Field, fields, is_message

TEXTS = ("", "x", "cpus", "eng/web", "é\u2028\U0001f600", 'q"\\/\n\x00\x7f', "long " * 30, "longer " * 700)
DOUBLES = (0.0, -0.0, 1.0, 0.1, 1e300, 5e-324, -2.5, 15.0, 123456789012345.67, math.inf, -math.inf)
MAX_LEVEL = 7


def _classes() -> Iterator[type]:
    for info in pkgutil.iter_modules(mesos_py.wire.__path__):
        if info.name == "codec":
            continue
        module = importlib.import_module(f"mesos_py.wire.{info.name}")
        for value in vars(module).values():
            if is_message(value) and value.__module__ == module.__name__:
                yield from _nested(value)


def _nested(cls: type) -> Iterator[type]:
    yield cls
    for value in vars(cls).values():
        if is_message(value):
            yield from _nested(value)


ALL = tuple(dict.fromkeys(_classes()))


def name_of(cls: type) -> str:
    """A name that is unique among all messages."""
    return f"{cls.__module__.rpartition('.')[2]}.{cls.__qualname__}"


def sample(cls: Any, seed: int) -> Any:
    """A message of the class; the same one for the same seed."""
    rng = random.Random(seed)
    return _message(cls, rng, rng.choice((0.0, 0.15, 0.5, 1.0)), 0)


def _message(cls: Any, rng: random.Random, density: float, level: int) -> Any:
    values: dict[str, Any] = {}
    taken: set[str] = set()
    for field in fields(cls):
        too_deep = level >= MAX_LEVEL or (field.type is cls and rng.random() < 0.5)
        if field.label != "req" and (too_deep or rng.random() >= density or field.oneof in taken):
            continue
        if field.oneof is not None:
            taken.add(field.oneof)
        values[field.name] = _value(field, rng, density / 2, level + 1)
    return cls(**values)


def _value(field: Field, rng: random.Random, density: float, level: int) -> Any:
    if field.label == "rep":
        return tuple(_single(field, rng, density, level) for _ in range(rng.choice((1, 1, 2, 3))))
    if field.label == "map":
        return {rng.choice(TEXTS): _single(field, rng, density, level) for _ in range(rng.choice((1, 2)))}
    return _single(field, rng, density, level)


def _single(field: Field, rng: random.Random, density: float, level: int) -> Any:
    kind = field.kind
    if kind == "message":
        return _message(field.type, rng, density, level)
    if kind == "enum":
        return rng.choice(list(field.type))
    if kind in ("string", "id"):
        return rng.choice(TEXTS)
    if kind == "bytes":
        return rng.choice((b"", b"\x00\xff", rng.randbytes(16), rng.randbytes(300)))
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "double":
        return rng.choice(DOUBLES)
    low, high = INT_RANGES[kind]
    return rng.choice((low, high, 0, 1, 127, 128, rng.randint(low, high)))
