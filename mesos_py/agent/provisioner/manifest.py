"""What an image says about itself, read strictly: its layers, and how it wants to be run.

Manifest and config have been checked against their digests before they come here, which proves who wrote them and not
that they make sense. OCI: image-spec manifest.md, config.md; what Docker writes there is the same.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Mapping
from typing import Any, Final

from mesos_py.machine.values import value

SIZE_MAX: Final = 4 << 20  # bytes of a manifest or config; containers/image: internal/iolimits

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


@value
class Manifest:
    """The parts of one image; digests are hexadecimal, without ``sha256:``."""

    config: str
    layers: tuple[str, ...]


@value
class ImageConfig:
    """How an image wants to be run."""

    env: Mapping[str, str]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    #: absolute; None: it does not say
    workdir: str | None = None
    #: ``user[:group]``, names or numbers of the image's; Mesos does not apply it
    user: str | None = None
    #: what asks its process to end; None: it does not say, or nothing we know
    stop_signal: int | None = None
    #: absolute paths for which it expects volumes
    volumes: tuple[str, ...] = ()


def parse_index(index: Any) -> str:
    """The digest of the one manifest that a layout of ours has. Raises ValueError."""
    manifests = _object(index, "index").get("manifests")
    if not isinstance(manifests, list) or len(manifests) != 1:
        raise ValueError("index: expecting one manifest")
    return _digest(manifests[0], "index")


def parse_manifest(manifest: Any) -> Manifest:
    """Raises ValueError."""
    found = _object(manifest, "manifest")
    layers = found.get("layers")
    if not isinstance(layers, list):
        raise ValueError("manifest: layers is not a list")
    return Manifest(
        _digest(found.get("config"), "manifest"), tuple([_digest(layer, "manifest") for layer in layers])
    )


def parse_config(config: Any) -> ImageConfig:
    """Raises ValueError. Variables without '=' are left out, as in Mesos."""
    found = _object(_object(config, "config").get("config") or {}, "config")
    variables = [variable.partition("=") for variable in _texts(found, "Env")]
    workdir, stop_signal = _text(found, "WorkingDir"), _text(found, "StopSignal")
    volumes = _object(found.get("Volumes") or {}, "config: Volumes")
    return ImageConfig(
        env={name: value for name, equals, value in variables if name and equals},
        entrypoint=_texts(found, "Entrypoint"),
        cmd=_texts(found, "Cmd"),
        workdir=f"/{workdir.lstrip('/')}" if workdir else None,
        user=_text(found, "User"),
        stop_signal=None if stop_signal is None else parse_signal(stop_signal),
        volumes=tuple([_checked(path, "Volumes") for path in volumes if path.startswith("/")]),
    )


def parse_signal(text: str) -> int | None:
    """The number of ``SIGTERM``, ``TERM``, ``SIGRTMIN+3`` or ``15``; None for what is no signal."""
    name, plus, offset = text.upper().partition("+")
    name = name if name.startswith("SIG") else f"SIG{name}"
    if text.isascii() and text.isdigit():
        number = int(text)
    elif name not in signal.Signals.__members__ or (plus and not (offset.isascii() and offset.isdigit())):
        return None
    else:
        number = signal.Signals[name] + int(offset or 0)
    return number if 0 < number <= signal.SIGRTMAX else None


def _object(found: Any, what: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError(f"{what}: not an object")
    return found


def _digest(descriptor: Any, what: str) -> str:
    text = _object(descriptor, what).get("digest")
    match = _DIGEST.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{what}: no sha256 digest")
    return match[1]


def _text(found: Mapping[str, Any], name: str) -> str | None:
    """None for an empty one, too: Docker writes that for what is not there."""
    text = found.get(name)
    return _checked(text, name) if text else None


def _texts(found: Mapping[str, Any], name: str) -> tuple[str, ...]:
    texts = found.get(name) or ()
    if not isinstance(texts, list | tuple):
        raise ValueError(f"config: {name} is not a list")
    return tuple([_checked(text, name) for text in texts])


def _checked(text: Any, name: str) -> str:
    if not isinstance(text, str) or "\0" in text:
        raise ValueError(f"config: {name} is not text")
    return text
