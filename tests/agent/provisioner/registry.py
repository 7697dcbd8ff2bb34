"""A real registry on loopback that wants a password, and everything the tests of images need installed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

WAIT_S = 60
DIE_WITH_US = ("setpriv", "--pdeathsig", "KILL")
PROGRAMS = {"skopeo": "skopeo", "umoci": "umoci", "docker-registry": "docker-registry", "busybox": "busybox-static"}

USER, PASSWORD = "user", "secret"
#: PASSWORD as htpasswd -B writes it.
HASHED = "$2b$04$a2uNSUkSvJBcdXAv.Er7hOuF9RodysxJbP.JIpmsi3GWnPK0R9SOa"

CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: "{directory}/data"}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: "{directory}/htpasswd"}}}}
"""


def missing() -> str | None:
    """Why images cannot be tried here; None when they can."""
    if os.geteuid() != 0:
        return "images need root"
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    return f"not installed: apt-get install {' '.join(lacking)}" if lacking else None


#: of tests that need images
IMAGES = [pytest.mark.root, pytest.mark.skipif(missing() is not None, reason=missing() or "")]


class Registry:
    """Where it is, and how to put an image into it."""

    def __init__(self, directory: Path, port: int, process: subprocess.Popen[bytes]) -> None:
        self.host = f"127.0.0.1:{port}"
        self._process = process
        self._data = directory / "data"

    def docker_config(self, password: str = PASSWORD) -> str:
        auth = base64.b64encode(f"{USER}:{password}".encode()).decode()
        return json.dumps({"auths": {self.host: {"auth": auth}}})

    def push(self, place: Path, name: str, to: str) -> None:
        """The image that the layout calls ``name`` is here as ``to``."""
        subprocess.run(
            ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", f"--dest-creds={USER}:{PASSWORD}",
             f"oci:{place}:{name}", f"docker://{self.host}/{to}"],
            check=True, timeout=WAIT_S,
        )  # fmt: skip

    def stop(self) -> None:
        """Nobody listens there any more, nor will anybody."""
        self._process.kill()
        self._process.wait()

    def blob(self, digest: str) -> Path:
        """The file that holds it."""
        name = digest.removeprefix("sha256:")
        return self._data / "docker/registry/v2/blobs/sha256" / name[:2] / name / "data"


@contextmanager
def registry(directory: Path) -> Iterator[Registry]:
    port = free_port()
    (directory / "htpasswd").write_text(f"{USER}:{HASHED}\n")
    (directory / "config.yml").write_text(CONFIG.format(directory=directory, port=port))
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(
            [*DIE_WITH_US, "docker-registry", "serve", str(directory / "config.yml")], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + WAIT_S
        while process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline, (directory / "log").read_text()
                time.sleep(0.01)
        assert process.poll() is None, (directory / "log").read_text()
        yield Registry(directory, port, process)
    finally:
        process.kill()
        process.wait()
