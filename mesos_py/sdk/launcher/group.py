"""Specs with their instances, and gangs of them. Changed by ``core.DesiredSet`` and the tables only."""

from __future__ import annotations

from collections.abc import Hashable

from mesos_py.machine.values import Nanos
from mesos_py.sdk.launcher.instances import Instance
from mesos_py.sdk.launcher.specs import Spec
from mesos_py.sdk.matching import Census, Funnel
from mesos_py.wire.ids import OfferID
from mesos_py.wire.offer import Offer


class Group:
    """One spec and its instances."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.instances: dict[int, Instance] = {}
        #: those that wait and may be launched now, longest first
        self.ready: dict[int, Instance] = {}
        #: of those that are live
        self.census = Census(spec.request.fields)
        #: hosts that were looked at since it last had nothing to launch
        self.funnel = Funnel()

    def declare(self, spec: Spec) -> None:
        """Another spec of the same name; of tasks that stand already only those fields are known that were asked
        about when they were launched."""
        self.spec, self.census, self.funnel = spec, Census(spec.request.fields), Funnel()
        for instance in self.instances.values():
            if instance.is_live:
                self.census.add(instance.values)


class Gang:
    """Instances that are launched together: when none of them has still to end or to wait."""

    def __init__(self) -> None:
        #: those that can be launched
        self.ready: dict[tuple[str, int], Instance] = {}
        #: those that wait for others of the gang
        self.parked: dict[tuple[str, int], Instance] = {}
        #: what is waited for: instances by name and number, and the pause after a vain hold
        self.blocking: dict[Hashable, None] = {}
        #: how often in a row it has held offers in vain
        self.vain_holds = 0


class Hold:
    """Offers that one gang keeps."""

    def __init__(self, gang: str, since: Nanos) -> None:
        self.gang, self.since = gang, since
        self.offers: dict[OfferID, Offer] = {}
