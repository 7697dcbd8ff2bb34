"""Which agents a framework wants to hear of, by attributes, hostname and fault domain.

Constraints are compiled once, when the framework says them, and asked for each agent. Regular expressions are matched
in time linear in the text (``regex``): they come from frameworks and run inside the master (MESOS-10170).

==================  ==================================================================================
predicate           holds for an agent if the attribute
==================  ==================================================================================
exists              is there
not_exists          is not there
text_equals         is there and, if it is a text, equal
text_not_equals     is not there, or no text, or different
text_matches        is there and, if it is a text, matched as a whole
text_not_matches    is not there, or no text, or not matched as a whole
==================  ==================================================================================

Source: Mesos src/master/allocator/mesos/offer_constraints_filter.cpp.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from mesos_py.algebra.regex import Regex, RegexError
from mesos_py.wire.constraints import AttributeConstraint, OfferConstraints
from mesos_py.wire.value import Attribute, DomainInfo, Value

REGEX_PROGRAM_SIZE_MAX = 100  # instructions; mesos flag --offer_constraints_re2_max_program_size

Pseudo = AttributeConstraint.Selector.PseudoattributeType
Agent = tuple[str, Iterable[Attribute], DomainInfo | None]
"""Hostname, attributes, domain."""

_Test = Callable[[Agent], bool]
_Fact = str | Attribute | None
"""What a selector finds: a pseudo attribute's text, an attribute, or nothing."""


class InvalidConstraints(Exception):
    """The constraints make no sense; the text is Mesos'."""


class OfferConstraintsFilter:
    """The compiled constraints of one framework."""

    __slots__ = ("_roles", "source")

    def __init__(self, constraints: OfferConstraints, program_size_max: int = REGEX_PROGRAM_SIZE_MAX) -> None:
        """Raises InvalidConstraints."""
        #: what it was made of
        self.source = (constraints, program_size_max)
        self._roles: dict[str, list[list[_Test]]] = {}
        for role, entry in constraints.role_constraints.items():
            if not entry.groups:
                raise InvalidConstraints("'OfferConstraints.RoleConstraints.groups' must not be empty")
            groups = []
            for group in entry.groups:
                if not group.attribute_constraints:
                    raise InvalidConstraints(
                        "'OfferConstraints.RoleConstraints.Group.attribute_constraints' must not be empty"
                    )
                groups.append([_test(constraint, program_size_max) for constraint in group.attribute_constraints])
            self._roles[role] = groups

    def excludes(
        self, role: str, *, hostname: str, attributes: Iterable[Attribute] = (), domain: DomainInfo | None = None
    ) -> bool:
        """True if the role has constraints and no group of them holds for such an agent."""
        groups = self._roles.get(role)
        if groups is None:
            return False
        agent = (hostname, attributes, domain)
        return not any(all(test(agent) for test in group) for group in groups)


def _test(constraint: AttributeConstraint, program_size_max: int) -> _Test:
    select = _selector(constraint.selector)
    holds = _predicate(constraint.predicate, program_size_max)
    return lambda agent: holds(select(agent))


def _selector(selector: AttributeConstraint.Selector) -> Callable[[Agent], _Fact]:
    name = selector.attribute_name
    if name is not None:
        return lambda agent: next((attribute for attribute in agent[1] if attribute.name == name), None)
    kind = selector.pseudoattribute_type
    if kind is None:
        raise InvalidConstraints("Exactly one of 'AttributeConstraint::Selector::selector' must be set")
    if kind is Pseudo.HOSTNAME:
        return lambda agent: agent[0]
    if kind is Pseudo.REGION:
        return lambda agent: _domain_part(agent[2], lambda domain: domain.region.name)
    if kind is Pseudo.ZONE:
        return lambda agent: _domain_part(agent[2], lambda domain: domain.zone.name)
    raise InvalidConstraints("Unknown pseudoattribute type")


def _predicate(predicate: AttributeConstraint.Predicate, program_size_max: int) -> Callable[[_Fact], bool]:
    if predicate.exists is not None:
        return lambda fact: fact is not None
    if predicate.not_exists is not None:
        return lambda fact: fact is None
    if predicate.text_equals is not None:
        wanted = predicate.text_equals.value
        return _if_text(lambda text: text == wanted)
    if predicate.text_not_equals is not None:
        unwanted = predicate.text_not_equals.value
        return _if_not_text(lambda text: text != unwanted)
    if predicate.text_matches is not None:
        wanted_regex = _regex(predicate.text_matches.regex, program_size_max)
        return _if_text(wanted_regex.fullmatch)
    if predicate.text_not_matches is not None:
        unwanted_regex = _regex(predicate.text_not_matches.regex, program_size_max)
        return _if_not_text(lambda text: not unwanted_regex.fullmatch(text))
    raise InvalidConstraints("Unknown predicate type")


def _regex(pattern: str, program_size_max: int) -> Regex:
    try:
        regex = Regex(pattern, program_size_max)
    except RegexError as problem:
        raise InvalidConstraints(f"Failed to construct regex from pattern '{pattern}': {problem}") from problem
    if regex.size > program_size_max:
        raise InvalidConstraints(
            f"Regex '{pattern}' is too complex: program size of {regex.size} is larger than"
            f" maximum of {program_size_max} allowed"
        )
    return regex


def _if_text(test: Callable[[str], bool]) -> Callable[[_Fact], bool]:
    """Must be there; what is no text passes."""
    return lambda fact: fact is not None and ((text := _text(fact)) is None or test(text))


def _if_not_text(test: Callable[[str], bool]) -> Callable[[_Fact], bool]:
    """Nothing there passes, and so does what is no text."""
    return lambda fact: fact is None or (text := _text(fact)) is None or test(text)


def _text(fact: str | Attribute) -> str | None:
    if isinstance(fact, str):
        return fact
    return fact.text.value if fact.type == Value.Type.TEXT and fact.text is not None else None


T = TypeVar("T")


def _domain_part(domain: DomainInfo | None, part: Callable[[DomainInfo.FaultDomain], T]) -> T | None:
    return None if domain is None or domain.fault_domain is None else part(domain.fault_domain)
