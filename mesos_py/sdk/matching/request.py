"""What one task needs of a host. Equal requests are one class: they are judged once for each host, however many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from mesos_py.algebra.quantities import Quantities
from mesos_py.sdk.matching.constraints import Constraint
from mesos_py.sdk.matching.locality import Locality

PORT_MAX = 65_535
PORTS_MAX = 1_000  # wished for by one task

Port = int | tuple[int, int]
"""One port: that number, 0 for any, or any of a range (both ends included)."""


def _check_ports(request: Request, attribute: object, ports: tuple[Port, ...]) -> None:
    if len(ports) > PORTS_MAX:
        raise ValueError(f"at most {PORTS_MAX} ports, not {len(ports)}")
    for port in ports:
        begin, end = port if isinstance(port, tuple) else (port, port)
        if not 0 <= begin <= end <= PORT_MAX:
            raise ValueError(f"{port} is no port, and no range of ports")
    fixed = [port for port in ports if isinstance(port, int) and port]
    if len({*fixed}) < len(fixed):
        raise ValueError("ports must be unique")


@attrs.frozen(kw_only=True, cache_hash=True)
class Request:
    """``Request.of(cpus=1, mem=128, ports=[0])`` is the short form. Raises ValueError for what makes no sense."""

    #: scalars: cpus, gpus, mem and disk in MB, whatever else agents have
    resources: Quantities
    #: in the order in which the task will be told of them
    ports: tuple[Port, ...] = attrs.field(default=(), validator=_check_ports)
    #: the role whose offers may be used
    role: str = "*"
    #: of the resources offered, those reserved to these roles ("*": not reserved); (): all that are offered
    accepts: tuple[str, ...] = ()
    #: labels (sorted) of the dynamic reservations it may use: one with labels is for those who name them all
    labels: tuple[tuple[str, str], ...] = ()
    constraints: tuple[Constraint, ...] = ()
    #: field over whose values tasks are spread as evenly as there is room: a wish that refuses nothing
    spread: str | None = None
    locality: Locality | None = None
    #: names of capabilities that the agent must be known to have
    capabilities: tuple[str, ...] = ()
    #: oversubscribed resources instead of those that nobody may take away
    revocable: bool = False
    #: without wanting any, it may stand on a host whose GPUs are offered
    on_gpu_hosts: bool = False

    @classmethod
    def of(
        cls, *, cpus: float = 0, mem: float = 0, disk: float = 0, gpus: float = 0,
        others: Mapping[str, float] | None = None, ports: Iterable[Port] = (), role: str = "*",
        accepts: Iterable[str] = (), labels: Mapping[str, str] | None = None,
        constraints: Iterable[Constraint | Iterable[str]] = (), spread: str | None = None,
        locality: Locality | None = None, capabilities: Iterable[str] = (), revocable: bool = False,
        on_gpu_hosts: bool = False,
    ) -> Request:  # fmt: skip
        """In whole units; constraints also as their words: ``constraints=[("hostname", "UNIQUE")]``."""
        amounts = {"cpus": cpus, "mem": mem, "disk": disk, "gpus": gpus} | dict(others or {})
        for name, amount in amounts.items():
            if not 0 <= amount < float("inf"):
                raise ValueError(f"{name} cannot be {amount}")
        return cls(
            resources=Quantities.of(**amounts), ports=tuple(ports), role=role, accepts=tuple(accepts),
            labels=tuple(sorted((labels or {}).items())),
            constraints=tuple([c if isinstance(c, Constraint) else Constraint.of(*c) for c in constraints]),
            spread=spread, locality=locality, capabilities=tuple(sorted(capabilities)), revocable=revocable,
            on_gpu_hosts=on_gpu_hosts,
        )  # fmt: skip

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields a census of its tasks must have."""
        asked = [constraint.field for constraint in self.constraints if constraint.looks_at_others]
        return tuple(dict.fromkeys([*asked, *([self.spread] if self.spread else [])]))
