"""Identifiers. Those that are one string on the wire are NewTypes of str, so that an AgentID cannot pass as a TaskID.

On the JSON and protobuf wires they are messages ({"value": ...}); the codecs wrap and unwrap them.
Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from typing import NewType

from mesos_py.wire.schema import message, opt, req

#: "<master id>-NNNN", a counter of the master that first saw the framework.
FrameworkID = NewType("FrameworkID", str)

#: "<master id>-O<n>"; offers and inverse offers share the counter.
OfferID = NewType("OfferID", str)

#: "<master id>-S<n>".
AgentID = NewType("AgentID", str)

#: Chosen by the framework, unique among its live tasks.
TaskID = NewType("TaskID", str)

#: Chosen by the framework, unique per agent and framework.
ExecutorID = NewType("ExecutorID", str)

#: Given by the agent to a resource provider.
ResourceProviderID = NewType("ResourceProviderID", str)

#: Chosen by the framework; its presence asks for feedback about the operation.
OperationID = NewType("OperationID", str)


@message
class ContainerID:
    """A container and, if nested, the chain of containers around it up to the root."""

    value: str = req(1)
    #: recursive; full chain up to the root container
    parent: ContainerID | None = opt(2)


@message
class UUID:
    """Sixteen raw bytes."""

    value: bytes = req(1)
