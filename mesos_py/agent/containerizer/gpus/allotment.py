"""Which container has which GPU. Pure.

Mesos: src/slave/containerizer/mesos/isolators/gpu/allocator.cpp
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from mesos_py.agent.containerizer.runtime.bundle import Device
from mesos_py.machine.problem import Problem, bad_request
from mesos_py.wire.resource import Resource


@attrs.frozen(kw_only=True)
class Gpu:
    """One card."""

    #: NVML's
    index: int
    uuid: str
    device: Device


class Gpus:
    """Those that containers may have; ``control`` are devices that each container with a GPU needs besides."""

    def __init__(self, gpus: Sequence[Gpu], control: Sequence[Device] = ()) -> None:
        self._gpus = tuple(gpus)
        self._control = tuple(control)
        self._taken: dict[str, tuple[Gpu, ...]] = {}

    @property
    def nodes(self) -> tuple[Device, ...]:
        """Of all of them."""
        return (*[gpu.device for gpu in self._gpus], *self._control)

    def __len__(self) -> int:
        return len(self._gpus)

    def of(self, container_id: str) -> tuple[Gpu, ...]:
        return self._taken.get(container_id, ())

    def rules(self, container_id: str) -> tuple[str, ...]:
        """What its cgroup has to allow."""
        taken = self.of(container_id)
        return tuple([device.rule for device in (*[gpu.device for gpu in taken], *(self._control if taken else ()))])

    def settle(self, container_id: str, resources: Sequence[Resource]) -> Problem | None:
        """It has as many as it is to have from now on: those it had before, others, or fewer; or what it had."""
        wanted = wanted_by(resources)
        if isinstance(wanted, Problem):
            return wanted
        own = self.of(container_id)
        others = {gpu.index for name, gpus in self._taken.items() if name != container_id for gpu in gpus}
        free = [gpu for gpu in self._gpus if gpu.index not in others and gpu not in own]
        if wanted > len(own) + len(free):
            return bad_request(f"Requested {wanted - len(own)} gpus but only {len(free)} available")
        self._take(container_id, (*own, *free)[:wanted])
        return None

    def restore(self, container_id: str, rules: Collection[str]) -> None:
        """What the cgroup of a container that runs already allows is its own."""
        self._take(container_id, tuple([gpu for gpu in self._gpus if gpu.device.rule in rules]))

    def release(self, container_id: str) -> None:
        self._taken.pop(container_id, None)

    def _take(self, container_id: str, gpus: tuple[Gpu, ...]) -> None:
        if gpus:
            self._taken[container_id] = gpus
        else:
            self.release(container_id)


def wanted_by(resources: Sequence[Resource]) -> int | Problem:
    milli = sum(round(one.scalar.value * 1000) for one in resources if one.name == "gpus" and one.scalar is not None)
    return bad_request("The 'gpus' resource must be an unsigned integer") if milli % 1000 else milli // 1000
