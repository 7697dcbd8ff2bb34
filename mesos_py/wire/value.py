"""Values that everything else is made of: times, addresses, scalars, ranges and sets, labels, ports, domains.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class TimeInfo:
    """A moment."""

    #: since epoch
    nanoseconds: int = req(1)


@message
class DurationInfo:
    """A length of time."""

    nanoseconds: int = req(1)


@message
class Duration:
    """google.protobuf.Duration, which only DRAIN_AGENT uses."""

    seconds: int | None = opt(1)
    nanos: int | None = opt(2, kind="int32")


@message
class Unavailability:
    """When something is not available: a start and, unless it is for good, a length."""

    start: TimeInfo = req(1)
    #: absent = infinite
    duration: DurationInfo | None = opt(2)


@message
class Address:
    """Where something listens: hostname, ip, or both."""

    hostname: str | None = opt(1)
    ip: str | None = opt(2)
    port: int = req(3, kind="int32")


@message
class Parameter:
    """One key with its value."""

    key: str = req(1)
    value: str = req(2)


@message
class Parameters:
    """A list of parameters."""

    parameter: tuple[Parameter, ...] = rep(1)


@message
class URL:
    """A URL in its parts."""

    scheme: str = req(1)
    address: Address = req(2)
    path: str | None = opt(3)
    query: tuple[Parameter, ...] = rep(4)
    fragment: str | None = opt(5)


@message
class Value:
    """A scalar, some ranges, a set or a text, told apart by `type`."""

    class Type(WireEnum):
        SCALAR = 0
        RANGES = 1
        SET = 2
        TEXT = 3

    @message
    class Scalar:
        #: fixed point, 3 decimals: round(x*1000)/1000
        value: float = req(1)

    @message
    class Range:
        """Inclusive both ends."""

        begin: int = req(1, kind="uint64")
        end: int = req(2, kind="uint64")

    @message
    class Ranges:
        range: tuple[Value.Range, ...] = rep(1)

    @message
    class Set:
        item: tuple[str, ...] = rep(1)

    @message
    class Text:
        value: str = req(1)

    type: Type = req(1)
    scalar: Scalar | None = opt(2)
    ranges: Ranges | None = opt(3)
    set: Set | None = opt(4)
    text: Text | None = opt(5)


@message
class Attribute:
    """A fact about an agent that the framework may choose by; never counted or consumed."""

    name: str = req(1)
    type: Value.Type = req(2)
    scalar: Value.Scalar | None = opt(3)
    ranges: Value.Ranges | None = opt(4)
    text: Value.Text | None = opt(5)
    set: Value.Set | None = opt(6)


@message
class Label:
    """A free key and value."""

    key: str = req(1)
    value: str | None = opt(2)


@message
class Labels:
    """Free keys and values; no pair occurs twice."""

    labels: tuple[Label, ...] = rep(1)


@message
class DomainInfo:
    """Where something stands in terms of failures: region and zone."""

    @message
    class FaultDomain:
        @message
        class RegionInfo:
            name: str = req(1)

        @message
        class ZoneInfo:
            name: str = req(1)

        region: RegionInfo = req(1)
        zone: ZoneInfo = req(2)

    #: region+zone; needed for REGION_AWARE filtering
    fault_domain: FaultDomain | None = opt(1)
