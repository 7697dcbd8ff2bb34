"""linux/capabilities: what a container's process may do, and what it can ever get.

The task says, else the agent's flags, else everything. What a task says must lie within what the agent bounds.
Mesos: src/slave/containerizer/mesos/isolators/linux/capabilities.cpp
"""

from __future__ import annotations

from collections.abc import Sequence

from mesos_py.agent.containerizer.runtime.bundle import Bundle
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.linux import CapabilityInfo, LinuxInfo


def names(info: CapabilityInfo | None) -> tuple[str, ...] | None:
    """``CAP_...``, as the runtime wants them; None: nothing was said."""
    return None if info is None else tuple([f"CAP_{one.name}" for one in info.capabilities])


def isolate(
    bundle: Bundle, *, effective: CapabilityInfo | None, bounding: CapabilityInfo | None
) -> Problem | None:
    """``effective`` and ``bounding`` are the agent's flags of these names."""
    container = bundle.spec.container
    info = LinuxInfo() if container is None or container.linux_info is None else container.linux_info
    allowed = names(bounding)
    wanted = names(info.effective_capabilities) or names(info.capability_info)
    bound = names(info.bounding_capabilities)
    for what, asked in (("Effective", wanted), ("Bounding", bound)):
        if asked is not None and allowed is not None:
            beyond = [one for one in asked if one not in allowed]
            if beyond:
                return bad_request(f"{what} capabilities {_text(beyond)} are not allowed by the agent")
    if wanted is not None and bound is not None and not set(wanted) <= set(bound):
        beyond = [one for one in wanted if one not in bound]
        return bad_request(f"Effective capabilities {_text(beyond)} are not among the bounding ones")
    given = wanted if wanted is not None else names(effective)
    limit = bound if bound is not None else allowed if allowed is not None else wanted
    if limit is not None:
        bundle.bounding = [one for one in bundle.bounding if one in limit]
    bundle.effective = [one for one in bundle.bounding if given is None or one in given]
    if given is not None:
        bundle.ambient = bundle.effective
    return None


def _text(found: Sequence[str]) -> str:
    return ", ".join([one.removeprefix("CAP_") for one in found])
