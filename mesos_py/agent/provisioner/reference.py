"""What the name of an image means: which registry, archive or layout it is pulled from.

========================  ======================================================================
``--docker_registry``     ``host:port/repository:tag`` is pulled from
========================  ======================================================================
``https://HOST[:PORT]``   the registry it names, otherwise this one
``http://HOST[:PORT]``    likewise; this one alone is spoken to without TLS
``/DIRECTORY``            ``DIRECTORY/<name as written>.tar``, one image in a docker archive
``/DIRECTORY``, a layout  what the OCI layout calls ``<name as written>``
========================  ======================================================================

A name is a Docker name and nothing else: nobody reaches a file of the agent's by calling an image after it.
Mesos: src/docker/spec.cpp parseImageReference, src/slave/containerizer/mesos/provisioner/docker/puller.cpp
"""

from __future__ import annotations

import re
from typing import Final

from mesos_py.machine.values import value

NAME_MAX: Final = 255  # characters of a registry with its repository; distribution: reference/reference.go

#: One host by three names.
DOCKER_HUB: Final = ("docker.io", "index.docker.io", "registry-1.docker.io")

#: What a local source is called in the directory in which skopeo runs: no path of ours gets into its arguments, where
#: a colon would mean something else.
LINK: Final = "source"

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?")
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@value
class Reference:
    """The name of an image, taken apart."""

    #: ``host[:port]``
    registry: str | None
    repository: str
    tag: str | None = None
    #: ``sha256:...``
    digest: str | None = None

    @property
    def name(self) -> str:
        """As it was written, but for the digest."""
        registry = "" if self.registry is None else f"{self.registry}/"
        return f"{registry}{self.repository}{'' if self.tag is None else f':{self.tag}'}"


def parse_reference(text: str) -> Reference:
    """Raises ValueError for anything that is not the name of an image."""
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise ValueError("expecting sha256: and 64 hexadecimal digits after '@'")
    # A colon before the last slash belongs to the registry's port.
    last = name.rfind("/") + 1
    path, colon, tag = name[last:].partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise ValueError(f"'{tag}' is not a tag")
    name = name[:last] + path
    registry, slash, rest = name.partition("/")
    if not slash or not ("." in registry or ":" in registry or registry == "localhost"):
        registry, rest = "", name
    elif not _HOST.fullmatch(registry):
        raise ValueError(f"'{registry}' is not a registry")
    if not _REPOSITORY.fullmatch(rest):
        raise ValueError(f"'{rest}' is not a repository: lower-case letters, digits, and . _ - / between them")
    if len(name) > NAME_MAX:
        raise ValueError(f"it has more than {NAME_MAX} characters")
    return Reference(registry or None, rest, tag or None, digest or None)


@value
class Remote:
    """A registry that speaks the v2 API."""

    host: str
    #: no TLS
    is_plain: bool = False


@value
class Archives:
    """A directory of docker archives."""

    directory: str


@value
class Layout:
    """An OCI layout."""

    directory: str


Registry = Remote | Archives | Layout


def parse_registry(text: str) -> Remote | Archives:
    """The meaning of ``--docker_registry``; whether a directory is a layout shows only on disk. Raises ValueError."""
    if text.startswith("/"):
        return Archives(text)
    scheme, _, host = text.partition("://")
    host = host.removesuffix("/")
    if scheme not in ("https", "http") or not _HOST.fullmatch(host):
        raise ValueError(f"expecting https://HOST[:PORT], http://HOST[:PORT] or /DIRECTORY, found '{text}'")
    return Remote(host, is_plain=scheme == "http")


@value
class Source:
    """Where an image is pulled from, for skopeo."""

    transport: str
    #: what follows ``transport:``
    place: str
    #: absolute; what LINK must point to
    path: str = ""
    #: asked for, and to be compared because the place does not say it
    digest: str | None = None
    is_plain: bool = False

    @property
    def argument(self) -> str:
        return f"{self.transport}:{self.place}"

    @property
    def key(self) -> str:
        """The same for all spellings of one image in one place, and for no other."""
        digest = "" if self.digest is None else f"@{self.digest}"
        return f"{self.argument}{digest}{f' in {self.path}' if self.path else ''}"

    def pinned(self, digest: str) -> str:
        """The argument for exactly the image that had this digest a moment ago; what is local does not change."""
        if self.transport != "docker" or "@" in self.place:
            return self.argument
        return f"docker:{self.place[: self.place.rindex(':')]}@{digest}"


def source(reference: Reference, registry: Registry) -> Source:
    """Where this image is pulled from."""
    match registry:
        case Remote():
            return _remote(reference, registry)
        case Archives(directory):
            path = f"{directory}/{reference.name}.tar"
            return Source("docker-archive", LINK, path=path, digest=reference.digest)
        case Layout(directory):
            return Source("oci", f"{LINK}:{reference.name}", path=directory, digest=reference.digest)


def _remote(reference: Reference, default: Remote) -> Source:
    host = reference.registry or default.host
    repository = reference.repository
    is_plain = default.is_plain and host == default.host
    if host in DOCKER_HUB:
        host = DOCKER_HUB[0]
        if "/" not in repository:
            repository = f"library/{repository}"
    elif "." not in host and ":" not in host and host != "localhost":
        host = f"{host}:{80 if is_plain else 443}"  # or skopeo takes it for a part of the repository
    which = f"@{reference.digest}" if reference.digest is not None else f":{reference.tag or 'latest'}"
    return Source("docker", f"//{host}/{repository}{which}", is_plain=is_plain)
