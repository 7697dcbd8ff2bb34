"""Quota: what a role is guaranteed, and what it may not exceed; what roles below it hold counts as its own.

    Quota(guarantees=Quantities.of(cpus=4), limits=Limits.of(cpus=8))

A name that is absent is guaranteed nothing, and is not limited; a limit of 0 is a limit.
Mesos: include/mesos/quota/quota.hpp Quota.
"""

from __future__ import annotations

import attrs

from mesos_py.algebra.quantities import Limits, Quantities


@attrs.frozen
class Quota:
    """Guarantees beyond the limits are for who makes a quota to refuse."""

    guarantees: Quantities = attrs.Factory(Quantities)
    limits: Limits = attrs.Factory(Limits)


NO_QUOTA = Quota()
"""Nothing is guaranteed, nothing is limited: what every role has until somebody says otherwise."""
