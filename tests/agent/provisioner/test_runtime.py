"""The table of docker/runtime, every row with every kind of image; spec/mesos/mesos-agent.md 9.4."""

from __future__ import annotations

import itertools

import pytest

from mesos_py.agent.provisioner import runtime
from mesos_py.agent.provisioner.manifest import ImageConfig
from mesos_py.agent.provisioner.runtime import Runtime
from mesos_py.machine.problem import bad_request
from mesos_py.wire.command import CommandInfo

#: ENTRYPOINT and CMD of an image.
NEITHER, ENTRYPOINT, CMD, BOTH = ((), ()), (("e", "f"), ()), ((), ("c", "d")), (("e", "f"), ("c", "d"))
IMAGES = (NEITHER, ENTRYPOINT, CMD, BOTH)

SHELL = ("/bin/sh", "sh", "-c", "echo $A")
NO_VALUE = "Shell specified but no command value provided"
NO_EXECUTABLE = "No executable is found"

ROWS = (
    # shell, value, arguments: executable and argv with NEITHER, ENTRYPOINT, CMD, BOTH; a text is what is refused
    (True, "echo $A", (), [SHELL] * 4),
    (True, "echo $A", ("x",), [SHELL] * 4),
    (True, None, (), [NO_VALUE] * 4),
    (True, None, ("x",), [NO_VALUE] * 4),
    (False, "/v", (), [("/v", "/v")] * 4),
    (False, "/v", ("zero", "one"), [("/v", "zero", "one")] * 4),
    (False, None, (), [NO_EXECUTABLE, ("e", "e", "f"), ("c", "c", "d"), ("e", "e", "f", "c", "d")]),
    (False, None, ("x",), [NO_EXECUTABLE, ("e", "e", "f", "x"), ("c", "c", "x"), ("e", "e", "f", "x")]),
)
CASES = [
    (shell, value, arguments, image, said)
    for shell, value, arguments, results in ROWS
    for image, said in zip(IMAGES, results, strict=True)
]


def test_the_table_is_complete() -> None:
    kinds = {(shell, value is not None, bool(arguments), image) for shell, value, arguments, image, _ in CASES}
    assert kinds == set(itertools.product((True, False), (True, False), (True, False), IMAGES))


@pytest.mark.parametrize(("shell", "value", "arguments", "image", "said"), CASES)
def test_command(
    shell: bool, value: str | None, arguments: tuple[str, ...],
    image: tuple[tuple[str, ...], tuple[str, ...]], said: str | tuple[str, ...],
) -> None:  # fmt: skip
    """What the task asks for, completed by what the image says."""
    command = CommandInfo(shell=shell, value=value, arguments=arguments)
    found = runtime.merge(command, {}, ImageConfig({}, entrypoint=image[0], cmd=image[1]))
    assert found == (bad_request(said) if isinstance(said, str) else Runtime(said[0], said[1:], {}, None))


def test_environment_and_working_directory() -> None:
    """The image's variables are below the task's; its working directory is the process'; its user is not applied."""
    image = ImageConfig({"A": "image", "PATH": "/image"}, workdir="/srv", user="nobody")
    found = runtime.merge(CommandInfo(value="x"), {"A": "task", "B": "task"}, image)
    assert isinstance(found, Runtime)
    assert found.env == {"A": "task", "B": "task", "PATH": "/image"}
    assert found.workdir == "/srv"
    assert image.env == {"A": "image", "PATH": "/image"}
