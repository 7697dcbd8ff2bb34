"""Calls about containers that make no sense, with the texts Mesos refuses them with.

Mesos: src/slave/validation.cpp, container::validateContainerId and agent::call::validate.
"""

from __future__ import annotations

import re
from typing import Final

from mesos_py.algebra.resources import Resources
from mesos_py.algebra.validation import validate_all
from mesos_py.validation.command import invalid_command
from mesos_py.validation.container import invalid_container
from mesos_py.validation.ids import invalid_id
from mesos_py.validation.resources import invalid_gpus
from mesos_py.wire.agent_api import Call, ProcessIO
from mesos_py.wire.ids import ContainerID

ID_MAX: Final = 242  # characters; Mesos: MAX_CONTAINER_ID_LENGTH, so that the directories made of it have a name
DEPTH_MAX: Final = 32  # containers in a chain; ours: each is a directory inside the other

_BAD = re.compile("[. ]")
_Input = Call.AttachContainerInput
_SECOND_LEVEL = "is invalid: containers nested at the second level or greater cannot"

#: Calls of which the container must be nested.
_NESTED: Final = (
    "launch_nested_container", "wait_nested_container", "kill_nested_container", "remove_nested_container",
    "launch_nested_container_session",
)  # fmt: skip
_OTHERS: Final = ("launch_container", "wait_container", "kill_container", "remove_container", "attach_container_output")


def invalid_containers(call: Call) -> str | None:
    """What is wrong with the containers that a call is about."""
    assert call.type is not None
    name = call.type.name.lower()
    if name == "attach_container_input":
        return _invalid_input(call)
    if name not in _NESTED and name not in _OTHERS:
        return None
    wanted = getattr(call, name)
    text = invalid_container_id(wanted.container_id)
    if text is not None:
        return f"'{name}.container_id' is invalid: {text}"
    if name in _NESTED and wanted.container_id.parent is None:
        return f"Expecting '{name}.container_id.parent' to be present"
    return _invalid_launch(call, name) if name.startswith("launch") else None


def invalid_container_id(container_id: ContainerID) -> str | None:
    return _invalid_chain(container_id, DEPTH_MAX)


def invalid_record(call: Call) -> str | None:
    """Of a record after the first one of ATTACH_CONTAINER_INPUT. Mesos: io/switchboard.cpp, validate."""
    wanted = call.attach_container_input
    if call.type is not Call.Type.ATTACH_CONTAINER_INPUT or wanted is None or wanted.type is None:
        return "Expecting 'attach_container_input.type' to be present"
    if wanted.type is not _Input.Type.PROCESS_IO:
        return f"Expecting 'attach_container_input.type' to be 'PROCESS_IO' instead of: '{wanted.type.name}'"
    if wanted.process_io is None:
        return "Expecting 'attach_container_input.process_io' to be present"
    if wanted.process_io.type is None:
        return "Expecting 'process_io.type' to be present"
    if wanted.process_io.type is ProcessIO.Type.CONTROL:
        return _invalid_control(wanted.process_io.control)
    if wanted.process_io.type is ProcessIO.Type.DATA:
        return _invalid_data(wanted.process_io.data)
    return "'process_io.type' is unknown"


# ---- parts


def _invalid_chain(container_id: ContainerID, depth: int) -> str | None:
    value = container_id.value
    text = invalid_id(value)
    if text is not None:
        return text
    if len(value) > ID_MAX:
        return f"'ContainerID.value' '{value}' exceeds the maximum length ({ID_MAX})"
    if _BAD.search(value):
        return f"'ContainerID.value' '{value}' contains invalid characters"
    if container_id.parent is None:
        return None
    text = "nested too deep" if depth == 1 else _invalid_chain(container_id.parent, depth - 1)
    return None if text is None else f"'ContainerID.parent' is invalid: {text}"


def _invalid_input(call: Call) -> str | None:
    wanted = call.attach_container_input
    assert wanted is not None
    if wanted.type is None:
        return "Expecting 'attach_container_input.type' to be present"
    if wanted.type is _Input.Type.UNKNOWN:
        return "'attach_container_input.type' is unknown"
    if wanted.type is not _Input.Type.CONTAINER_ID:
        return None
    if wanted.container_id is None:
        return "Expecting 'attach_container_input.container_id' to be present"
    text = invalid_container_id(wanted.container_id)
    return None if text is None else f"'attach_container_input.container_id' is invalid: {text}"


def _invalid_launch(call: Call, name: str) -> str | None:
    wanted = getattr(call, name)
    text = _invalid_resources(call.launch_container) if call.launch_container is not None else None
    if text is not None:
        return text
    text = None if wanted.command is None else invalid_command(wanted.command)
    if text is not None:
        return f"'{name}.command' is invalid: {text}"
    text = None if wanted.container is None else invalid_container(wanted.container)
    if text is not None:
        return f"'{name}.container' is invalid: {text}"
    return _invalid_sharing(call, name)


def _invalid_resources(wanted: Call.LaunchContainer) -> str | None:
    text = validate_all(wanted.resources)
    if text is not None:
        return f"Invalid resources: {text}"
    resources = Resources.of(wanted.resources)
    text = invalid_gpus(resources)
    if text is not None:
        return f"Invalid GPU resources: {text}"
    if wanted.container_id.parent is not None:
        return None
    for kind, _ in resources:
        if kind.reservations:
            return "'launch_container.resources' must be unreserved"
        if kind.disk is not None and kind.disk.persistence is not None:
            return "'launch_container.resources' may not use persistent volumes"
        if kind.revocable:
            return "'launch_container.resources' must be non-revocable"
    return None


def _invalid_sharing(call: Call, name: str) -> str | None:
    """Who may have cgroups, resources and limits of its own."""
    wanted = getattr(call, name)
    linux = None if wanted.container is None else wanted.container.linux_info
    shares = None if linux is None else linux.share_cgroups
    parent = wanted.container_id.parent
    is_deep = parent is not None and parent.parent is not None
    if call.launch_nested_container_session is not None:
        if shares is False:
            return (
                f"'{name}.container.linux_info' is invalid: 'share_cgroups' cannot be set to 'false' for nested "
                "container sessions"
            )
        return None
    if is_deep and call.launch_container is not None:
        if call.launch_container.resources:
            return f"'{name}' {_SECOND_LEVEL} specify resources"
        if call.launch_container.limits:
            return f"'{name}' {_SECOND_LEVEL} specify resource limits"
    if is_deep and shares is False:
        return f"'{name}' {_SECOND_LEVEL} set 'share_cgroups' to 'false'"
    return None


def _invalid_control(control: ProcessIO.Control | None) -> str | None:
    types = ProcessIO.Control.Type
    if control is None:
        return "Expecting 'process_io.control' to be present"
    if control.type is None:
        return "Expecting 'process_io.control.type' to be present"
    if control.type is types.TTY_INFO:
        if control.tty_info is None:
            return "Expecting 'process_io.control.tty_info' to be present"
        return None if control.tty_info.window_size is not None else "Expecting 'tty_info.window_size' to be present"
    if control.type is types.HEARTBEAT:
        return None if control.heartbeat is not None else "Expecting 'process_io.control.heartbeat' to be present"
    return "'process_io.control.type' is unknown"


def _invalid_data(data: ProcessIO.Data | None) -> str | None:
    if data is None:
        return "Expecting 'process_io.data' to be present"
    if data.type is None:
        return "Expecting 'process_io.data.type' to be present"
    if data.type is not ProcessIO.Data.Type.STDIN:
        return "Expecting 'process_io.data.type' to be 'STDIN'"
    return None if data.data is not None else "Expecting 'process_io.data.data' to be present"
