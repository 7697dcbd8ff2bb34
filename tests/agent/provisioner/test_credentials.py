"""Passwords for registries: the agent's and the image's in one file, and nobody's programs but the operator's."""

from __future__ import annotations

import json

import pytest

from mesos_py.agent.provisioner.credentials import NO_CONFIG, auth_file, parse_docker_config
from mesos_py.wire.image import Image
from mesos_py.wire.secret import Secret


def image(config: str | None = None) -> Image.Docker:
    if config is None:
        return Image.Docker(name="x")
    return Image.Docker(name="x", config=Secret(type=Secret.Type.VALUE, value=Secret.Value(data=config.encode())))


@pytest.mark.parametrize(
    ("agent", "own", "file"),
    [
        (None, None, {"auths": {}}),
        ('{"auths": {"a": {"auth": "1"}}}', None, {"auths": {"a": {"auth": "1"}}}),
        (None, '{"auths": {"a": {"auth": "1"}}}', {"auths": {"a": {"auth": "1"}}}),
        ('{"auths": {"a": {"auth": "1"}, "b": {}}}', '{"auths": {"a": {"auth": "2"}}}',
         {"auths": {"a": {"auth": "2"}, "b": {}}}),
        ('{"a": {"auth": "1"}}', '{"b": {"auth": "2"}}', {"auths": {"a": {"auth": "1"}, "b": {"auth": "2"}}}),
        ('{"credHelpers": {"a": "x"}, "auths": {}}', '{"credHelpers": {"a": "evil"}, "credsStore": "evil"}',
         {"credHelpers": {"a": "x"}, "auths": {}}),
        ('{"credsStore": "x"}', None, {"credsStore": "x", "auths": {}}),
    ],
)  # fmt: skip
def test_files(agent: str | None, own: str | None, file: object) -> None:
    """The image's password wins; a helper, which is a program to run, counts only if the operator names it."""
    config = NO_CONFIG if agent is None else parse_docker_config(agent)
    assert json.loads(auth_file(config, image(own))) == file
    assert config == (NO_CONFIG if agent is None else parse_docker_config(agent))


@pytest.mark.parametrize(
    "config",
    [
        "", "x", "[]", "1", '{"auths": []}', '{"auths": {"a": "secret"}}', '{"a": "secret"}', "[" * 100_000,
        " " * (1 << 21),
    ],
)  # fmt: skip
def test_what_is_no_docker_config(config: str) -> None:
    """The text that says so does not quote it."""
    with pytest.raises(ValueError, match="docker config") as caught:
        auth_file(NO_CONFIG, image(config))
    assert "secret" not in str(caught.value)


def test_secrets_by_reference() -> None:
    """As in Mesos without a resolver of one's own."""
    secret = Secret(type=Secret.Type.REFERENCE, reference=Secret.Reference(name="x"))
    with pytest.raises(ValueError, match="Default resolver cannot resolve references"):
        auth_file(NO_CONFIG, Image.Docker(name="x", config=secret))
    with pytest.raises(ValueError, match="has no value"):
        auth_file(NO_CONFIG, Image.Docker(name="x", config=Secret()))
