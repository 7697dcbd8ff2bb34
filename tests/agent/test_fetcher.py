"""What is refused before anything is fetched, and what the helper is told."""

from __future__ import annotations

import pytest

from mesos_py.agent import fetcher
from mesos_py.wire.command import CommandInfo


@pytest.mark.parametrize(
    ("value", "output_file", "problem"),
    [
        ("http://host/a", None, None),
        ("http://host/a?q=1", "sub/b", None),
        ("/a", None, None),
        ("a", None, None),
        ("http://host/a\\b", None, "Illegal characters in URI"),
        ("http://host/a'b", None, "Illegal characters in URI"),
        ("/a\0b", None, "Illegal characters in URI"),
        ("http://host", None, "Malformed URI (missing path): http://host"),
        ("http://host/", None, "Malformed URI (missing path): http://host/"),
        ("/a", "", "URI output file path is empty"),
        ("/a", "/etc/passwd", "URI output file must be within the sandbox directory"),
        ("/a", "../x", "URI output file must be within the sandbox directory"),
        ("/a", "x/../../y", "URI output file must be within the sandbox directory"),
    ],
)
def test_validation(value: str, output_file: str | None, problem: str | None) -> None:
    """Texts of Mesos: spec/mesos/mesos-agent.md 10."""
    assert fetcher.validate([CommandInfo.URI(value=value, output_file=output_file)]) == problem


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (256, "exited with status 1"),
        (9, "the fetcher was killed by signal 9"),
        (None, "the fetcher was lost"),
    ],
)
def test_a_helper_that_said_nothing_is_described(status: int | None, text: str) -> None:
    said = fetcher.failure("CID", fetcher.describe(status))
    assert said == f"Failed to fetch all URIs for container 'CID': {text}"
