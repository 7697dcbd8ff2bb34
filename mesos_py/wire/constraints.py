"""Offer constraints: which agents a role wants offers from, judged by agent attributes.

Mesos: include/mesos/v1/scheduler/scheduler.proto.
"""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.wire.schema import WireEnum, mapping, message, oneof, rep, req


@message
class AttributeConstraint:
    """What one attribute, or one other fact, of an agent must be like."""

    @message
    class Selector:
        class PseudoattributeType(WireEnum):
            UNKNOWN = 0
            HOSTNAME = 1
            REGION = 2
            ZONE = 3

        pseudoattribute_type: PseudoattributeType | None = oneof(1, "selector")
        #: first attribute with that name
        attribute_name: str | None = oneof(2, "selector")

    @message
    class Predicate:
        """What the selected attribute must be like.

        The Text predicates hold for any attribute that is there but is no text; NotEquals and NotMatches hold for an
        absent one, too. A regex is RE2's and matches the whole text.
        """

        @message
        class Exists:
            """Present or not; no fields."""

        @message
        class NotExists:
            """Present or not; no fields."""

        @message
        class TextEquals:
            value: str = req(1)

        @message
        class TextNotEquals:
            value: str = req(1)

        @message
        class TextMatches:
            regex: str = req(1)

        @message
        class TextNotMatches:
            regex: str = req(1)

        exists: Exists | None = oneof(1, "predicate")
        not_exists: NotExists | None = oneof(2, "predicate")
        text_equals: TextEquals | None = oneof(3, "predicate")
        text_not_equals: TextNotEquals | None = oneof(4, "predicate")
        text_matches: TextMatches | None = oneof(5, "predicate")
        text_not_matches: TextNotMatches | None = oneof(6, "predicate")

    selector: Selector = req(1)
    predicate: Predicate = req(2)


@message
class OfferConstraints:
    """Constraints by role."""

    @message
    class RoleConstraints:
        """Groups OR-ed, constraints in a group AND-ed; empty groups / empty group are invalid."""

        @message
        class Group:
            attribute_constraints: tuple[AttributeConstraint, ...] = rep(1)

        groups: tuple[Group, ...] = rep(1)

    role_constraints: Mapping[str, RoleConstraints] = mapping(1)
