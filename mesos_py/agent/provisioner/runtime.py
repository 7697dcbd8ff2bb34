"""What a container from an image runs: the command that was asked for, completed by what the image says.

=====  =====  =========  ====================================================
shell  value  arguments  runs
=====  =====  =========  ====================================================
true   set    any        ``/bin/sh -c value``
true   unset  any        a Problem
false  set    any        value with exactly the arguments, argv[0] included
false  unset  given      ENTRYPOINT + arguments; without it CMD[0] + arguments
false  unset  none       ENTRYPOINT + CMD
=====  =====  =========  ====================================================

The image's environment is below the task's, its working directory is the process', its user is not applied: tasks run
as Mesos says. Mesos: src/slave/containerizer/mesos/isolators/docker/runtime.cpp
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.agent.provisioner.manifest import ImageConfig
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.machine.values import value
from mesos_py.wire.command import CommandInfo

NO_VALUE = "Shell specified but no command value provided"
NO_EXECUTABLE = "No executable is found"


@value
class Runtime:
    """What is run in the image, as ContainerSpec wants it."""

    #: a path in the image, or a name looked up in PATH of ``env``
    executable: str
    #: argv[0] included
    argv: tuple[str, ...]
    env: Mapping[str, str]
    #: in the image; None: the sandbox
    workdir: str | None


def merge(command: CommandInfo, env: Mapping[str, str], image: ImageConfig) -> Runtime | Problem:
    """``env`` is what the task's process would get without an image; a PATH that nobody asked for hides the image's."""
    found = _command(command, image)
    if isinstance(found, Problem):
        return found
    executable, argv = found
    return Runtime(executable, argv, {**image.env, **env}, image.workdir)


def _command(command: CommandInfo, image: ImageConfig) -> tuple[str, tuple[str, ...]] | Problem:
    if command.shell:
        if command.value is None:
            return bad_request(NO_VALUE)
        return "/bin/sh", ("sh", "-c", command.value)
    if command.value is not None:
        return command.value, command.arguments or (command.value,)
    if image.entrypoint:
        argv = (*image.entrypoint, *(command.arguments or image.cmd))
    elif image.cmd:
        argv = (image.cmd[0], *(command.arguments or image.cmd[1:]))
    else:
        return bad_request(NO_EXECUTABLE)
    return argv[0], argv
