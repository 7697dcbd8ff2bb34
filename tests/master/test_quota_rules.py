"""What makes a quota none: each rule once, in Mesos' words, in Mesos' order."""

from __future__ import annotations

import math

import pytest

from mesos_py.master.validation.quota import invalid_config, invalid_request
from mesos_py.wire.quota import QuotaConfig, QuotaRequest
from mesos_py.wire.resource import Resource
from tests import builders
from tests.builders import quota

WHITE = "is invalid because it contains backspace or whitespace"


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (quota("a b"), f"Invalid 'QuotaConfig.role': Role component 'a b' {WHITE}"),
        (quota(""), "Invalid 'QuotaConfig.role': Role names cannot be the empty string"),
        (
            quota("a", {"cpus": 1e12}, {"cpus": 1e12 + 1}),
            ("Invalid 'QuotaConfig.limits': {'cpus': 1000000000001} is invalid: values greater than 1 trillion"
            " (1000000000000) are not supported"),
        ),
        (
            quota("a", {}, {"mem": 2.0**40 + 1}),
            ("Invalid 'QuotaConfig.limits': {'mem': 1099511627777} is invalid: values greater than 1 exabyte"
            " (1099511627776) are not supported"),
        ),
        (
            quota("a", {"disk": math.inf}),
            ("Invalid 'QuotaConfig.guarantees': {'disk': inf} is invalid: values greater than 1 exabyte (1099511627776)"
            " are not supported"),
        ),
        (quota("a", {"x": -math.inf}), "Invalid guarantee configuration {'x': -inf}: Infinite values not supported"),
        (quota("a", {}, {"x": math.nan}), "Invalid limit configuration {'x': nan}: NaN not supported"),
        (quota("a", {}, {"x": -0.5}), "Invalid limit configuration {'x': -0.5}: Negative values not supported"),
        (quota("a", {"x": 5e-324}), "Invalid guarantee configuration {'x': 0}: Subnormal values not supported"),
        (
            quota("a", {"mem": 2, "cpus": 1}, {"mem": 3, "cpus": 0}),
            ("'QuotaConfig.guarantees' { cpus: 1, mem: 2 } is not contained within the 'QuotaConfig.limits'"
            " { cpus: 0, mem: 3 }"),
        ),
    ],
)  # fmt: skip
def test_no_quota(config: QuotaConfig, text: str) -> None:
    assert invalid_config(config) == text


@pytest.mark.parametrize(
    "config",
    [
        quota("a"),
        quota("*", {"cpus": 1}),
        quota("a", {"cpus": 1e12, "mem": 2.0**40}, {"disk": 2.0**40}),
        quota("a", {"cpus": 1.0004}, {"cpus": 1}),
        quota("a", {"cpus": 0.0}, {"cpus": 0.0}),
    ],
)
def test_quota(config: QuotaConfig) -> None:
    """The largest amounts and the smallest; what is compared is thousandths."""
    assert invalid_config(config) is None


RESERVED = (Resource.ReservationInfo(type=Resource.ReservationInfo.Type.STATIC, role="b"),)
CPUS = builders.scalar("cpus", 1)


@pytest.mark.parametrize(
    ("role", "guarantee", "text"),
    [
        ("a", (builders.scalar("cpus", -1),), "QuotaInfo with invalid resource: "),
        (None, (CPUS,), "QuotaInfo with invalid role: Role names cannot be the empty string"),
        ("-", (CPUS,), "QuotaInfo with invalid role: Role component '-' is invalid because it begins with a dash"),
        ("a", (), "QuotaInfo with empty 'guarantee'"),
        ("a", (builders.scalar("cpus", 1, reservations=RESERVED),), "QuotaInfo must not contain any ReservationInfo"),
        (
            "a", (Resource(name="cpus", type=CPUS.type, scalar=CPUS.scalar, role="b"),),
            "QuotaInfo must not contain any ReservationInfo",
        ),
        ("a", (builders.scalar("disk", 1, disk=Resource.DiskInfo()),), "QuotaInfo must not contain DiskInfo"),
        (
            "a", (builders.scalar("cpus", 1, revocable=Resource.RevocableInfo()),),
            "QuotaInfo must not contain RevocableInfo",
        ),
        ("a", (builders.ports((1, 2)),), "QuotaInfo must not include non-scalar resources"),
        ("a", (CPUS, CPUS), "QuotaInfo contains duplicate resource name 'cpus'"),
    ],
)  # fmt: skip
def test_no_guarantee_of_old(role: str | None, guarantee: tuple[Resource, ...], text: str) -> None:
    found = invalid_request(QuotaRequest(role=role, guarantee=guarantee))
    assert found is not None
    assert found.startswith(text)


@pytest.mark.parametrize("role", [None, "*"])
def test_a_guarantee_of_old(role: str | None) -> None:
    """With the role that means none, or without."""
    resource = Resource(name="cpus", type=CPUS.type, scalar=CPUS.scalar, role=role)
    assert invalid_request(QuotaRequest(role="a", guarantee=(resource,))) is None
