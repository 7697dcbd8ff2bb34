"""Marathon's flags by their names, with their defaults and units: what is read from a command line and an environment.

::

    --name value   --name=value   --name, --disable_name (toggles)   MARATHON_NAME=value, or empty for a toggle

The environment is read as if it stood before the command line, which thus wins. ``MARATHON_APP_...`` is what Marathon
tells its own tasks. Unknown flags stop the start; those that we know and that change nothing here are warned of, so
that what has started Marathon for years starts this one.

Source: mesosphere/marathon docs/docs/command-line-flags.md, bin/marathon.framework.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from frameworks.marathon_py.core import Habits
from frameworks.marathon_py.definitions.settings import Settings
from frameworks.marathon_py.shell.flags.ignored import Ignored
from frameworks.marathon_py.shell.flags.kinds import as_json
from frameworks.marathon_py.shell.flags.process import Process
from frameworks.marathon_py.shell.flags.scheduling import Scheduling
from mesos_py.config import UsageError, help_text, parse
from mesos_py.flags import Flag, flags_of

T = TypeVar("T")

PREFIX, TASKS_PREFIX = "MARATHON_", "MARATHON_APP_"
#: variables of our own tools
NO_FLAGS = frozenset({"MARATHON_URL"})
#: variables that Marathon's packages have used besides
OTHER_VARIABLES = {
    "MESOSPHERE_HTTP_CREDENTIALS": "http_credentials", "MESOSPHERE_KEYSTORE_PATH": "ssl_keystore_path",
    "MESOSPHERE_KEYSTORE_PASS": "ssl_keystore_password",
}  # fmt: skip
CLASSES: tuple[type[Any], ...] = (Process, Scheduling, Ignored)


@attrs.frozen
class Flags:
    """What was said, and the defaults of what was not."""

    process: Process
    scheduling: Scheduling
    #: names of flags that were given and change nothing
    without_effect: tuple[str, ...] = ()
    ignored: Ignored = attrs.field(factory=Ignored)

    def habits(self) -> Habits:
        return self._made(Habits)

    def settings(self) -> Settings:
        return self._made(Settings)

    def shown(self) -> dict[str, Any]:
        """Every flag by its name as a value of JSON, in its own unit; None for what is unset, and for secrets."""
        return {flag.name: as_json(flag, value) for flag, value in sorted(self._each(), key=lambda one: one[0].name)}

    def _made(self, cls: type[T]) -> T:
        """Its fields are called as the flags'."""
        values = {flag.field: value for flag, value in self._each()}
        return cls(**{field.name: values[field.name] for field in attrs.fields(cls)})  # type: ignore[arg-type]

    def _each(self) -> Iterator[tuple[Flag, Any]]:
        for part in (self.process, self.scheduling, self.ignored):
            for flag in flags_of(type(part)):
                yield flag, getattr(part, flag.field)


def read(arguments: Sequence[str], environ: Mapping[str, str]) -> Flags:
    """Raises UsageError."""
    line = parse([*_said_in(environ), *map(_toggled, arguments)], CLASSES)
    if line.words or line.rest:
        raise UsageError(f"'{(*line.words, *line.rest)[0]}' is no flag")
    if "master" not in line.given:
        raise UsageError(f"--master is required (or {PREFIX}MASTER in the environment)")
    without_effect = tuple(flag.name for flag in flags_of(Ignored) if flag.name in line.given)
    return Flags(line.make(Process), line.make(Scheduling), without_effect, line.make(Ignored))


def usage(program: str) -> str:
    """What ``--help`` prints."""
    about = """
    Run Marathon until it is told to stop: apps, groups and pods that are kept running on a Mesos cluster, with
    Marathon's v2 REST API. Of several with the same --zk one leads, and the others pass on to it what they are asked.
    """
    text = help_text(f"{program} --master=HOST:PORT|zk://... [flags]", about, CLASSES, PREFIX)
    return text.replace("--[no-]", "--[disable_]")


def _said_in(environ: Mapping[str, str]) -> Iterator[str]:
    """As words of a command line. Raises UsageError."""
    toggles = _toggles()
    for variable, text in sorted(environ.items()):
        name = OTHER_VARIABLES.get(variable, "")
        if variable.startswith(PREFIX) and not variable.startswith(TASKS_PREFIX) and variable not in NO_FLAGS:
            name = variable.removeprefix(PREFIX).lower()
        if not name:
            continue
        if text:
            yield f"--{name}={text}"
        elif name.removeprefix("disable_") in toggles:
            yield _toggled(f"--{name}")
        else:
            raise UsageError(f"{variable} is empty, and --{name} needs a value")


def _toggled(word: str) -> str:
    """``--disable_ha`` as ``--no-ha``; other words as they are."""
    name = word.removeprefix("--").replace("-", "_")
    wanted = name.removeprefix("disable_")
    return f"--no-{wanted}" if word.startswith("--") and wanted != name and wanted in _toggles() else word


def _toggles() -> frozenset[str]:
    return frozenset(flag.name for cls in CLASSES for flag in flags_of(cls) if flag.is_boolean)
