"""What the operator decides about definitions: flags of Marathon, by their names."""

from __future__ import annotations

import attrs

ANY_ROLE = "*"
SANITIZE = "sanitize_accepted_resource_roles"


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
    #: sanitize_accepted_resource_roles: roles that a service may not use are left out, instead of being refused
    deprecated_features: tuple[str, ...] = ()
    #: off or top: whether new top-level groups enforce their role
    new_group_enforce_role: str = "off"

    def usable(self, roles: tuple[str, ...], role: str) -> tuple[str, ...]:
        """Of acceptedResourceRoles as they are given, what a service of that role is said to accept."""
        if SANITIZE not in self.deprecated_features:
            return roles
        return tuple(one for one in roles if one in (ANY_ROLE, role))

    def has(self, feature: str) -> bool:
        return feature in self.enable_features
