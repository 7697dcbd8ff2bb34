"""Credentials and secrets, given inline or by reference.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class Credential:
    """A principal and its secret."""

    principal: str = req(1)
    secret: str | None = opt(2)


@message
class Credentials:
    """The contents of a credentials file."""

    credentials: tuple[Credential, ...] = rep(1)


@message
class Secret:
    """A secret, given as value or by reference."""

    class Type(WireEnum):
        UNKNOWN = 0
        REFERENCE = 1
        VALUE = 2

    @message
    class Reference:
        name: str = req(1)
        key: str | None = opt(2)

    @message
    class Value:
        data: bytes = req(1)

    type: Type | None = opt(1)
    reference: Reference | None = opt(2)
    value: Value | None = opt(3)
