"""Names of images, and where each is pulled from."""

from __future__ import annotations

import pytest

from mesos_py.agent.provisioner.reference import (
    Archives,
    Layout,
    Reference,
    Registry,
    Remote,
    parse_reference,
    parse_registry,
    source,
)

DIGEST = f"sha256:{'0a' * 32}"
HUB = Remote("registry-1.docker.io")
TEST = Remote("127.0.0.1:5000", is_plain=True)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("busybox", Reference(None, "busybox")),
        ("busybox:1.36", Reference(None, "busybox", "1.36")),
        ("library/busybox", Reference(None, "library/busybox")),
        ("a/b/c_d--e.f:T_1-x", Reference(None, "a/b/c_d--e.f", "T_1-x")),
        (f"busybox@{DIGEST}", Reference(None, "busybox", None, DIGEST)),
        (f"busybox:1@{DIGEST}", Reference(None, "busybox", "1", DIGEST)),
        ("localhost/busybox", Reference("localhost", "busybox")),
        ("localhost:5000/a/b:1", Reference("localhost:5000", "a/b", "1")),
        ("gcr.io/a", Reference("gcr.io", "a")),
        ("host:5000/a", Reference("host:5000", "a")),
    ],
)
def test_names(text: str, reference: Reference) -> None:
    """The first component is a registry if it could be no directory of one: Mesos: src/docker/spec.cpp."""
    assert parse_reference(text) == reference
    assert reference.name == text.partition("@")[0]


@pytest.mark.parametrize(
    "text",
    [
        "", ":", "a:", "a:b:c", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".", "..", "A", "a/B", "a b", "a\0b",
        "a\n", "-a", "a-", "a@", "a@sha256:00", f"a@{DIGEST}0", f"a@{DIGEST}@{DIGEST}", "a@md5:00", f"@{DIGEST}",
        f"a:@{DIGEST}",
        "docker://a", "oci:/etc:a", "docker-archive:/etc/passwd", "http://localhost:5000/a", "user:password@host.de/a",
        "ho_st:5000/a", "host:port/a", "[::1]:5000/a", "a:" + "t" * 129, "a" * 256, "-x.de/a", "--help", "é", "a:é",
    ],
)  # fmt: skip
def test_what_is_no_name(text: str) -> None:
    """A name cannot lead out of a directory, be an option of a program or name another transport."""
    with pytest.raises(ValueError, match=r"\S"):
        parse_reference(text)


@pytest.mark.parametrize(
    ("text", "registry"),
    [
        ("https://registry-1.docker.io", HUB),
        ("https://gcr.io/", Remote("gcr.io")),
        ("http://127.0.0.1:5000", TEST),
        ("/images", Archives("/images")),
    ],
)
def test_registries(text: str, registry: Registry) -> None:
    assert parse_registry(text) == registry


@pytest.mark.parametrize(
    "text", ["", "gcr.io", "hdfs://host/path", "ftp://host", "https://", "https://host/path", "https://u:p@host", "x/y"]
)
def test_what_is_no_registry(text: str) -> None:
    with pytest.raises(ValueError, match="expecting https://HOST"):
        parse_registry(text)


@pytest.mark.parametrize(
    ("text", "registry", "argument", "path", "digest", "is_plain"),
    [
        ("busybox", HUB, "docker://docker.io/library/busybox:latest", "", None, False),
        ("docker.io/busybox:1", HUB, "docker://docker.io/library/busybox:1", "", None, False),
        ("a/b", HUB, "docker://docker.io/a/b:latest", "", None, False),
        (f"a/b:1@{DIGEST}", HUB, f"docker://docker.io/a/b@{DIGEST}", "", None, False),
        ("gcr.io/a", HUB, "docker://gcr.io/a:latest", "", None, False),
        ("busybox", Remote("gcr.io"), "docker://gcr.io/busybox:latest", "", None, False),
        ("busybox", TEST, "docker://127.0.0.1:5000/busybox:latest", "", None, True),
        ("127.0.0.1:5000/a", TEST, "docker://127.0.0.1:5000/a:latest", "", None, True),
        ("127.0.0.1:5001/a", TEST, "docker://127.0.0.1:5001/a:latest", "", None, False),
        ("busybox", Remote("registry"), "docker://registry:443/busybox:latest", "", None, False),
        ("busybox", Remote("registry", is_plain=True), "docker://registry:80/busybox:latest", "", None, True),
        ("busybox", Archives("/d"), "docker-archive:source", "/d/busybox.tar", None, False),
        ("a/b:1", Archives("/d"), "docker-archive:source", "/d/a/b:1.tar", None, False),
        ("x.de:1/b:1", Archives("/d"), "docker-archive:source", "/d/x.de:1/b:1.tar", None, False),
        (f"a@{DIGEST}", Archives("/d"), "docker-archive:source", "/d/a.tar", DIGEST, False),
        ("busybox", Layout("/d"), "oci:source:busybox", "/d", None, False),
        (f"a/b:1@{DIGEST}", Layout("/d"), "oci:source:a/b:1", "/d", DIGEST, False),
    ],
)
def test_sources(
    text: str, registry: Registry, argument: str, path: str, digest: str | None, is_plain: bool
) -> None:
    """TLS is left out for the one registry that the operator gave without it."""
    found = source(parse_reference(text), registry)
    assert (found.argument, found.path, found.digest, found.is_plain) == (argument, path, digest, is_plain)


def test_keys_tell_images_apart() -> None:
    """Two spellings of one image are one image; another tag, digest, registry or directory is another."""
    spellings = ("busybox", "busybox:latest", "library/busybox", "docker.io/library/busybox:latest")
    assert len({source(parse_reference(text), HUB).key for text in spellings}) == 1
    others = [
        source(parse_reference(text), registry).key
        for text in ("busybox", "busybox:2", f"busybox@{DIGEST}", f"busybox:2@{DIGEST}", "gcr.io/busybox")
        for registry in (Remote("x.de"), Archives("/d"), Archives("/e"), Layout("/d"))
    ]
    # With a digest the tag no longer matters to a registry, and gcr.io is itself whatever the default is.
    assert len(set(others)) == len(others) - 1


def test_a_tag_is_pinned_to_what_it_meant() -> None:
    """What was looked at is what is pulled, even if the tag moves in between."""
    assert source(parse_reference("a:1"), TEST).pinned(DIGEST) == f"docker://127.0.0.1:5000/a@{DIGEST}"
    assert source(parse_reference(f"a@{DIGEST}"), TEST).pinned("sha256:11") == f"docker://127.0.0.1:5000/a@{DIGEST}"
    assert source(parse_reference("a:1"), Layout("/d")).pinned(DIGEST) == "oci:source:a:1"
