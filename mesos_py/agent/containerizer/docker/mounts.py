"""Where a container's mounts really are on the host, looked at just before dockerd is asked for them.

dockerd is root and follows links, so a path is resolved here first, and what it turns out to be is what is judged and
mounted. (Whoever may change the directories above it can still put a link there in between; below a task's own sandbox
nobody can, because nothing of the task runs yet.)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from mesos_py.agent.containerizer.docker.policy import Policy, is_within, refused_mount
from mesos_py.agent.containerizer.docker.request import Mount


class NoMount(Exception):
    """A path of the host cannot be mounted; the text is why."""


def settle(mounts: Sequence[Mount], sandbox: str, sandbox_directory: str, policy: Policy) -> list[dict[str, Any]]:
    """``HostConfig.Mounts``: the sandbox, and these, which are made where they are missing. Raises NoMount.

    As with ``docker run -v``, a directory that is not there is made.
    """
    found = [_bind(sandbox, sandbox_directory, is_read_only=False)]
    for mount in mounts:
        try:
            source = _source(mount, sandbox, policy)
        except OSError as error:
            raise NoMount(f"Failed to make host path '{mount.source}' of a volume: {error.strerror}") from error
        found.append(_bind(source, mount.target, is_read_only=mount.is_read_only, propagation=mount.propagation))
    return found


def _source(mount: Mount, sandbox: str, policy: Policy) -> str:
    if "\0" in mount.source or "\0" in mount.target:
        raise NoMount("Path of a volume has a NUL")
    is_own = not os.path.isabs(mount.source)
    path = os.path.realpath(os.path.join(sandbox, mount.source))
    if is_own:
        if not is_within(path, os.path.realpath(sandbox)):
            raise NoMount(f"Host path '{mount.source}' of a volume leads out of the sandbox")
    else:
        why = refused_mount(policy, path, is_read_only=mount.is_read_only)
        if why is not None:
            raise NoMount(why)
    if not os.path.exists(path):
        os.makedirs(path)
    return path


def _bind(source: str, target: str, *, is_read_only: bool, propagation: str = "") -> dict[str, Any]:
    """A mount whose source has to be there: dockerd makes none by itself, and splits no path at its colons."""
    more = {"BindOptions": {"Propagation": propagation}} if propagation else {}
    return {"Type": "bind", "Source": source, "Target": target, "ReadOnly": is_read_only, **more}
