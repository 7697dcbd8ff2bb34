"""How much of what a container says is kept: most bytes of a file, and how many older ones stay.

The agent's flags say it for all, and a task for itself in its environment (``CONTAINER_LOGGER_MAX_STDOUT_SIZE`` and the
like). Names and texts are those of Mesos' LogrotateContainerLogger. There is no logrotate here: of its options the one
that bounds, ``rotate COUNT``, is known, ``size`` is overridden as there, and any other is refused, since what was asked
for would not happen. Who writes the files: supervisor/logger.py.
Mesos: src/slave/container_loggers/lib_logrotate.cpp
"""

from __future__ import annotations

import attrs

from mesos_py.flags import SIZE
from mesos_py.wire.command import CommandInfo, Environment

#: Mesos' name for it.
LOGROTATE = "org_apache_mesos_LogrotateContainerLogger"

#: Bytes of the smallest file that makes sense: a page. Mesos: LoggerFlags::validateSize
SIZE_MIN = 4096

#: Older files of one output; each rotation renames them all.
KEEP_MAX = 1000

#: Lines that logrotate knows and that are overridden by the size of ours.
_OVERRIDDEN = frozenset({"size", "maxsize", "minsize"})


@attrs.frozen(kw_only=True)
class LogBounds:
    """Of the two outputs of one container."""

    #: bytes of one file
    stdout_max: int = 10 << 20
    #: older files that stay; logrotate keeps none if it is not told to
    stdout_keep: int = 0
    stderr_max: int = 10 << 20
    stderr_keep: int = 0

    def of(self, name: str) -> tuple[int, int]:
        """Most bytes of a file of that name, and how many older ones stay."""
        if name == "stdout":
            return self.stdout_max, self.stdout_keep
        return self.stderr_max, self.stderr_keep

    def field(self) -> bytes:
        """As the supervisor is told."""
        return b"%d %d %d %d" % (*self.of("stdout"), *self.of("stderr"))


@attrs.frozen
class Rotation:
    """What holds for containers that say nothing themselves, and how those begin that do."""

    default: LogBounds
    environment_variable_prefix: str = "CONTAINER_LOGGER_"

    def bounds(self, command: CommandInfo | None) -> LogBounds:
        """For a container with this command. Raises ValueError with Mesos' text."""
        found = {}
        for variable in command.environment.variables if command and command.environment else ():
            name, is_value = variable.name, variable.type is Environment.Variable.Type.VALUE
            if name.startswith(self.environment_variable_prefix) and is_value:
                flag = name.removeprefix(self.environment_variable_prefix).lower()
                try:
                    field, parse = _FLAGS[flag]
                    found[field] = parse(variable.value or "")
                except KeyError:
                    problem = f"Failed to load unknown flag '{flag}'"
                except ValueError as exc:
                    problem = f"Failed to load flag '{flag}': {exc}"
                else:
                    continue
                raise ValueError(f"Failed to load executor logger settings: {problem}")
        return attrs.evolve(self.default, **found)


def parse_max(text: str) -> int:
    """Bytes of one file. Raises ValueError."""
    size: int = SIZE.parse(text)
    if size < SIZE_MIN:
        raise ValueError(f"Expected --max_stdout_size and --max_stderr_size of at least {SIZE_MIN} bytes")
    return size


def parse_options(text: str) -> int:
    """How many older files stay. Raises ValueError for what would not happen."""
    keep = 0
    for line in text.splitlines():
        name, _, argument = line.strip().partition(" ")
        argument = argument.strip()
        if name == "rotate":
            if not argument.isdecimal() or int(argument) > KEEP_MAX:
                raise ValueError(f"expecting 'rotate' with a number of at most {KEEP_MAX}, found '{line.strip()}'")
            keep = int(argument)
        elif name and name not in _OVERRIDDEN:
            raise ValueError(f"of logrotate's options only 'rotate COUNT' is known, found '{line.strip()}'")
    return keep


_FLAGS = {
    "max_stdout_size": ("stdout_max", parse_max),
    "logrotate_stdout_options": ("stdout_keep", parse_options),
    "max_stderr_size": ("stderr_max", parse_max),
    "logrotate_stderr_options": ("stderr_keep", parse_options),
}
