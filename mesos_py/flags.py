"""How an option is declared: one field is one flag, one environment variable and one sentence of help.

    @attrs.frozen(kw_only=True)
    class Options:
        port: int = option(INTEGER, 5050, "Port to listen on; 0 picks a free one.", group="Addresses")
        offer_timeout_s: float | None = option(SECONDS, None, "An offer is taken back after so long; unset: never.")
        work_dir: str = option(TEXT, help="Root of everything that survives a restart.")          # required

The field's name is the flag's, less a unit at its end (``offer_timeout_s`` is ``--offer_timeout=10secs`` and
``MESOS_OFFER_TIMEOUT``); ``flag=`` says otherwise. A **kind** turns text into the field's value and back:

===========  =============================  ===========================================
kind         value of the field             text
===========  =============================  ===========================================
TEXT         str                            as it is
URL          str                            as it is, shown without a password
SECRET       str                            ``/path`` or ``file:///path`` of it, never shown
INTEGER      int                            ``5050``
NUMBER       float                          ``0.1``
BOOLEAN      bool                           ``--name``, ``--no-name``, ``--name=true``
SECONDS      float, seconds                 ``10secs``, ``1500ms``
NANOS        int, nanoseconds               ``10secs``
SIZE         int, bytes                     ``2GB``
RATE         Rate                           ``2/10mins``
PERCENT      float                          ``50%``
NAMES        tuple of str                   ``a,b``
INDICES      tuple of int                   ``0,1``
ROLES        tuple of str                   ``a,b/c``
WEIGHTS      dict of str to float           ``eng=2,ops=1``
STRINGS      dict of str to str             ``{"A":"1"}``, a JSON object
AMOUNTS      dict of str to Milli           ``cpus:0.01;mem:32``
MINIMA       tuple of Quantities            ``cpus:0.01|mem:32``
message(M)   a message of class M           ``{"a":1}``, JSON
REPEATED     tuple of str                   the flag given again and again
===========  =============================  ===========================================

``bounded(SECONDS, least=600)`` and ``one_of("drf", "random")`` make stricter kinds; they bind who types a flag, not
who constructs the class.

The classes stay ordinary attrs classes: ``Options(port=0)`` works without any text. Reading command lines and
environments is ``config.py``'s work; nothing here touches the outside, so that cores may import it.
Mesos: 3rdparty/stout/include/stout/flags.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from mesos_py.algebra.durations import format_duration, format_size, parse_duration, parse_size
from mesos_py.algebra.quantities import Milli, Quantities, milli_text, to_milli
from mesos_py.algebra.roles import invalid_role
from mesos_py.wire.codec.json import decode, encode

_KEY = "mesos_py.flag"
_UNITS = ("_s", "_ns")
REQUIRED: Final = attrs.NOTHING


@attrs.frozen
class Kind:
    """What the texts of a flag mean: ``parse`` raises ValueError, ``show`` is its inverse."""

    metavar: str
    parse: Callable[[str], Any]
    show: Callable[[Any], str] = str
    #: given again, it adds to a tuple instead of replacing what was said before
    repeated: bool = False
    #: ``file:///path`` means itself, not the text in that file
    literal: bool = False
    #: ``/path`` means the text in that file, too
    names_file: bool = False


@attrs.frozen
class Rate:
    """So many in so long."""

    count: int
    per_s: float


@attrs.frozen(kw_only=True)
class Flag:
    """One option as a command line sees it."""

    #: of the attrs field
    field: str
    #: after ``--`` and, in capitals, after the prefix of variables
    name: str
    kind: Kind
    #: REQUIRED: there is none
    default: Any
    help: str
    group: str
    #: one letter after a single dash; "": none
    short: str

    @property
    def is_boolean(self) -> bool:
        return self.kind is BOOLEAN

    def variable(self, prefix: str) -> str:
        """Its name in the environment."""
        return f"{prefix}{self.name.upper()}"


def option(
    kind: Kind, default: Any = REQUIRED, help: str = "", *, group: str = "", flag: str = "", short: str = ""
) -> Any:
    """An attrs field that is also a flag; ``help`` gives meaning, unit and source in one sentence or two."""
    return attrs.field(default=default, metadata={_KEY: (kind, help, group, flag, short)})


def flags_of(cls: type[Any]) -> Iterator[Flag]:
    """In the order of declaration, those of the class itself first; fields that are no option are left out."""
    for field in sorted(attrs.fields(cls), key=lambda field: field.inherited):
        if _KEY in field.metadata:
            kind, help, group, name, short = field.metadata[_KEY]
            default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore[arg-type]
            yield Flag(
                field=field.name, name=name or _without_unit(field.name), kind=kind, default=default, help=help,
                group=group, short=short,
            )


def shown(options: Any) -> dict[str, str]:
    """Name and text of every flag that is set, by name, as /flags shows them."""
    texts = {}
    for flag in flags_of(type(options)):
        value = getattr(options, flag.field)
        if value is not None:
            texts[flag.name] = flag.kind.show(value)
    return dict(sorted(texts.items()))


def declares(cls: type[Any]) -> bool:
    """Whether the attrs class has options among its fields."""
    return any(_KEY in field.metadata for field in attrs.fields(cls))


def secretless(field: attrs.Attribute[Any], value: Any) -> Any:
    """The value of an option as anybody may see it: None for a secret, a URL without its password."""
    kind = field.metadata[_KEY][0] if _KEY in field.metadata else None
    if kind is SECRET:
        return None
    return URL.show(value) if kind is URL and value is not None else value


def _without_unit(name: str) -> str:
    for unit in _UNITS:
        name = name.removesuffix(unit)
    return name


# ---------------------------------------------------------------------------------------------------- kinds


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"expecting a whole number, found '{text}'") from None


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"expecting a number, found '{text}'") from None
    if not math.isfinite(number):
        raise ValueError(f"expecting a finite number, found '{text}'")
    return number


def _boolean(text: str) -> bool:
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError(f"expecting true or false, found '{text}'")


def _nanos(text: str) -> int:
    nanos = parse_duration(text)
    if nanos < 0:
        raise ValueError(f"expecting a duration that is not negative, found '{text}'")
    return nanos


def _rate(text: str) -> Rate:
    """Mesos: src/master/main.cpp, agent_removal_rate_limit."""
    count, slash, duration = text.partition("/")
    if not slash:
        raise ValueError(f"expecting <Number of agents>/<Duration>, found '{text}'")
    rate = Rate(_integer(count.strip()), _nanos(duration.strip()) / 1e9)
    if rate.count < 1 or rate.per_s <= 0:
        raise ValueError(f"expecting a positive number in a positive time, found '{text}'")
    return rate


def _percent(text: str) -> float:
    percent = _number(text.removesuffix("%"))
    if not 0 <= percent <= 100:
        raise ValueError(f"expecting 0% to 100%, found '{text}'")
    return percent


def _names(text: str) -> tuple[str, ...]:
    return tuple([name.strip() for name in text.split(",") if name.strip()])


def _indices(text: str) -> tuple[int, ...]:
    found = _names(text)
    if not all(one.isascii() and one.isdigit() for one in found):
        raise ValueError(f"expecting numbers with commas between, found '{text}'")
    return tuple([int(one) for one in found])


def _roles(text: str) -> tuple[str, ...]:
    roles = _names(text)
    for role in roles:
        if (why := invalid_role(role)) is not None:
            raise ValueError(why)
    return roles


def _weights(text: str) -> dict[str, float]:
    weights = {}
    for entry in _names(text):
        role, equals, weight = entry.partition("=")
        if not equals:
            raise ValueError(f"expecting ROLE=WEIGHT, found '{entry}'")
        _roles(role)
        weights[role] = _number(weight)
        if weights[role] <= 0:
            raise ValueError(f"weights must be positive, found '{entry}'")
    return weights


def _strings(text: str) -> dict[str, str]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ValueError(f"expecting a JSON object: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise ValueError("expecting a JSON object whose values are strings")
    return found


def _amounts(text: str) -> dict[str, Milli]:
    amounts = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, colon, amount = entry.partition(":")
        if not colon:
            raise ValueError(f"expecting NAME:AMOUNT, found '{entry}'")
        amounts[name.strip()] = to_milli(_number(amount.strip()))
    return amounts


def _amounts_text(amounts: Mapping[str, Milli] | Quantities) -> str:
    return ";".join(f"{name}:{milli_text(amount)}" for name, amount in amounts.items())


def _minima(text: str) -> tuple[Quantities, ...]:
    return tuple(Quantities(_amounts(part)) for part in text.split("|") if part.strip())


def _minima_text(minima: tuple[Quantities, ...]) -> str:
    return "|".join(map(_amounts_text, minima))


def _boolean_text(value: bool) -> str:
    return "true" if value else "false"


def _weights_text(weights: Mapping[str, float]) -> str:
    return ",".join(f"{role}={weight:g}" for role, weight in weights.items())


TEXT = Kind("TEXT", str)
#: a URL whose password is not shown
URL = Kind("URL", str, lambda value: re.sub(r"//([^/@:]*):[^/]*@", r"//\1:***@", value))
#: what must not be read in /flags, nor in the list of this machine's processes
SECRET = Kind("FILE", str, lambda value: "***", names_file=True)
INTEGER = Kind("N", _integer)
NUMBER = Kind("X", _number, lambda value: f"{value:.15g}")
BOOLEAN = Kind("", _boolean, _boolean_text)
SECONDS = Kind("DURATION", lambda text: _nanos(text) / 1e9, lambda value: format_duration(round(value * 1e9)))
NANOS = Kind("DURATION", _nanos, format_duration)
SIZE = Kind("SIZE", parse_size, format_size)
RATE = Kind("N/DURATION", _rate, lambda rate: f"{rate.count}/{format_duration(round(rate.per_s * 1e9))}")
PERCENT = Kind("PERCENT", _percent, lambda value: f"{value:.15g}%")
NAMES = Kind("NAME,...", _names, ",".join)
INDICES = Kind("N,...", _indices, lambda value: ",".join([str(one) for one in value]))
ROLES = Kind("ROLE,...", _roles, ",".join)
WEIGHTS = Kind("ROLE=WEIGHT,...", _weights, _weights_text)
STRINGS = Kind("JSON", _strings, lambda value: json.dumps(value, separators=(",", ":")))
AMOUNTS = Kind("NAME:AMOUNT;...", _amounts, _amounts_text)
MINIMA = Kind("NAME:AMOUNT;...|...", _minima, _minima_text)
REPEATED = Kind("TEXT", str, ",".join, repeated=True, literal=True)


def bounded(kind: Kind, *, least: float | None = None, most: float | None = None) -> Kind:
    """``kind``, refusing values outside of the bounds (in the field's unit, inclusive)."""

    def parse(text: str) -> Any:
        value = kind.parse(text)
        if least is not None and value < least:
            raise ValueError(f"expecting at least {kind.show(least)}, found '{text}'")
        if most is not None and value > most:
            raise ValueError(f"expecting at most {kind.show(most)}, found '{text}'")
        return value

    return attrs.evolve(kind, parse=parse)


def checked(kind: Kind, check: Callable[[Any], object]) -> Kind:
    """``kind``, refusing values for which ``check`` raises ValueError."""

    def parse(text: str) -> Any:
        value = kind.parse(text)
        check(value)
        return value

    return attrs.evolve(kind, parse=parse)


def message(cls: type[Any]) -> Kind:
    """A message of this class, as JSON."""
    return Kind("JSON", lambda text: decode(cls, text), lambda value: encode(value).decode())


def one_of(*texts: str) -> Kind:
    """One of these texts."""

    def parse(text: str) -> str:
        if text not in texts:
            raise ValueError(f"expecting one of {', '.join(texts)}, found '{text}'")
        return text

    return Kind("|".join(texts), parse)


#: a TCP port; 0 picks a free one
PORT = bounded(attrs.evolve(INTEGER, metavar="PORT"), least=0, most=65535)
