"""What the operator decides about definitions: flags of Marathon, by their names."""

from __future__ import annotations

import attrs

ANY_ROLE = "*"


@attrs.frozen(kw_only=True)
class Settings:
    """As Marathon has them by default."""

    #: network of apps that ask for a container network without a name; None: they must name one
    default_network_name: str | None = None
    #: name that ipAddress may give to the bridge
    mesos_bridge_name: str = "mesos-bridge"
    #: role of what no group has a role for
    mesos_role: str = ANY_ROLE
    #: of gpu_resources, secrets, external_volumes
    enable_features: tuple[str, ...] = ()
    #: off or top: whether new top-level groups enforce their role
    new_group_enforce_role: str = "off"

    def has(self, feature: str) -> bool:
        return feature in self.enable_features
