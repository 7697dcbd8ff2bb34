"""Basic authentication: who gets into a realm, and with which words the others are refused."""

from __future__ import annotations

import base64

import pytest

from mesos_py.web.auth import Authenticator, parse_credentials
from mesos_py.web.response import HttpError

REALM = "mesos-master-readonly"
DOOR = Authenticator({"p": "s", "q": "", "r": "a:b", "ü": "ß"}, frozenset((REALM,)))


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_an_open_realm_lets_everybody_in_without_a_name() -> None:
    assert DOOR.authenticate(None, "another") is None
    assert DOOR.authenticate(basic("p:wrong"), "another") is None


@pytest.mark.parametrize(("given", "principal"), [(basic("p:s"), "p"), (basic("q:"), "q"), (basic("ü:ß"), "ü")])
def test_the_right_secret_gets_in(given: str, principal: str) -> None:
    assert DOOR.authenticate(given, REALM) == principal


@pytest.mark.parametrize(
    "given",
    [
        None, "", "Basic", "Basic ", "Basic !!!", "Bearer abc", "basic " + basic("p:s")[6:], basic("p"), basic("p:"),
        basic("p:S"), basic("x:s"), basic("r:a:b"), basic(":"), "Basic /w==", basic("q:no one, but as long"),
    ],
)  # fmt: skip
def test_everybody_else_is_refused_alike(given: str | None) -> None:
    with pytest.raises(HttpError) as refusal:
        DOOR.authenticate(given, REALM)
    answer = refusal.value.response
    assert (answer.status, answer.body) == (401, b"401 Unauthorized.")
    assert ("WWW-Authenticate", f'Basic realm="{REALM}"') in answer.headers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"credentials":[{"principal":"p","secret":"s"}]}', {"p": "s"}),
        ('{"credentials":[]}', {}),
        ("p s\n\nq  t \n", {"p": "s", "q": "t"}),
        ("", {}),
    ],
)
def test_credentials_come_as_json_or_lines(text: str, expected: dict[str, str]) -> None:
    assert parse_credentials(text) == expected


@pytest.mark.parametrize(
    "text", ["p", '{"credentials":[{"secret":"s"}]}', '{"credentials":{}', '{"a":1}', '{"credentials":[1]}']
)
def test_credentials_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_credentials(text)
