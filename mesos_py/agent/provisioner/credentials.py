"""Who pulls: the docker config of the agent and that of an image become one file for skopeo.

The image's comes from a framework, so only its user names and passwords count. The agent's is its operator's: its
credential helpers, which are programs to run, count as well. Nothing is read from anybody's home directory.
Mesos: src/uri/fetchers/docker.cpp, src/docker/spec.cpp parseAuthConfig
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from mesos_py.wire.image import Image
from mesos_py.wire.secret import Secret

SIZE_MAX: Final = 1 << 20  # bytes of a docker config
NO_CONFIG: Final[Mapping[str, Any]] = {"auths": {}}
NO_RESOLVER = "Default resolver cannot resolve references"  # Mesos: src/secret/resolver.cpp


def parse_docker_config(text: str | bytes) -> dict[str, Any]:
    """A docker config, whose ``auths`` is an object; ``.dockercfg`` is nothing but that. Raises ValueError."""
    if len(text) > SIZE_MAX:
        raise ValueError(f"a docker config has at most {SIZE_MAX} bytes")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("a docker config is a JSON object") from None  # the cause would quote it
    if not isinstance(found, dict):
        raise ValueError("a docker config is a JSON object")
    if not any(name in found for name in ("auths", "credHelpers", "credsStore")):
        found = {"auths": found}
    auths = found.setdefault("auths", {})
    if not isinstance(auths, dict) or not all(isinstance(auth, dict) for auth in auths.values()):
        raise ValueError("auths of a docker config is an object of objects")
    return found


def auth_file(agent: Mapping[str, Any], image: Image.Docker) -> str:
    """The text of the file; of two passwords for one registry the image's counts. Raises ValueError.

    ``agent`` is what parse_docker_config made of the agent's.
    """
    secret = image.config
    if secret is None:
        return json.dumps(agent)
    if secret.type is Secret.Type.REFERENCE:
        raise ValueError(NO_RESOLVER)
    if secret.value is None:
        raise ValueError("the image's docker config has no value")
    own = parse_docker_config(secret.value.data)
    return json.dumps({**agent, "auths": {**agent["auths"], **own["auths"]}})
