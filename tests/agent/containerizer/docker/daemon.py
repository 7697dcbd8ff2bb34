"""A real dockerd of the tests' own: below a temporary directory, with a bridge of its own, and nobody's iptables.

It has its containerd beside it, so that it can be killed and started again as on a host. Both are in a mount namespace
of their own, with which their mounts go. Its one image is busybox.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import docker.errors
import psutil
import pytest
import requests

from tests.agent.provisioner.registry import DIE_WITH_US

WAIT_S = 60
IMAGE = "busybox:tests"
#: networks of tests begin with 10: those of CNI have a second number below this one
SUBNETS = 200
PROGRAMS = {"dockerd": "docker.io", "containerd": "containerd", "busybox": "busybox-static", "ip": "iproute2"}

_NUMBERS = itertools.count()


def missing() -> str:
    """Why there is no dockerd here; empty: there may be one."""
    if os.geteuid() != 0:
        return "dockerd needs root"
    lacking = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    return f"not installed: apt-get install {' '.join(lacking)}" if lacking else ""


#: of tests that need a dockerd
DOCKER = [pytest.mark.root, pytest.mark.docker, pytest.mark.skipif(bool(missing()), reason=missing() or "there is one")]


class Daemon:
    """One dockerd and its containerd; ``client`` asks it beside whatever is tested."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.directory = directory
        self.socket = str(directory / "docker.sock")
        self.bridge = f"mpd{os.getpid()}-{next(_NUMBERS)}"
        #: nobody else's: networks of tests of CNI begin with other numbers
        self.address = "10.{}.{}.1".format(*[random.SystemRandom().randrange(least, 256) for least in (SUBNETS, 0)])
        self._options = options
        self._containerd: subprocess.Popen[bytes] | None = None
        self._dockerd: subprocess.Popen[bytes] | None = None
        self._log = directory / "log"

    def open(self) -> None:
        """Both run, and there is an image."""
        (self.directory / "daemon.json").write_text("{}")  # not the host's
        subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], check=True)
        subprocess.run(["ip", "address", "add", f"{self.address}/24", "dev", self.bridge], check=True)
        subprocess.run(["ip", "link", "set", self.bridge, "up"], check=True)
        self._containerd = self._run(
            "unshare", "--mount", "--propagation=private",
            "containerd", "--root", f"{self.directory}/containerd", "--state", f"{self.directory}/containerd-state",
            "--address", f"{self.directory}/containerd.sock",
        )  # fmt: skip
        wait((self.directory / "containerd.sock").exists)
        self.start()
        self.client.import_image_from_data(busybox(), repository="busybox", tag="tests")

    def start(self) -> None:
        """dockerd answers."""
        assert self._containerd is not None
        self._dockerd = self._run(
            "nsenter", f"--mount=/proc/{self._containerd.pid}/ns/mnt",
            "dockerd", "--data-root", f"{self.directory}/data", "--exec-root", f"{self.directory}/exec",
            "--pidfile", f"{self.directory}/pid", "--host", f"unix://{self.socket}", "--bridge", self.bridge,
            "--containerd", f"{self.directory}/containerd.sock", "--iptables=false", "--ip-forward=false",
            "--config-file", f"{self.directory}/daemon.json", "--shutdown-timeout=1", *self._options,
        )  # fmt: skip
        end = time.monotonic() + WAIT_S
        while not self._answers():
            assert self._dockerd.poll() is None and time.monotonic() < end, self._log.read_text()[-4000:]
            time.sleep(0.02)

    def where_it_mounts(self, *argv: str) -> str:
        """What a program says that sees what dockerd sees."""
        assert self._containerd is not None
        inside = ("nsenter", f"--mount=/proc/{self._containerd.pid}/ns/mnt", *argv)
        return subprocess.run(inside, check=True, capture_output=True, text=True).stdout

    def _answers(self) -> bool:
        try:
            self.client = docker.APIClient(base_url=f"unix://{self.socket}", version="auto", timeout=WAIT_S)
            return bool(self.client.ping())
        except (docker.errors.DockerException, requests.RequestException):
            return False

    def stop(self, signum: int = signal.SIGTERM) -> None:
        """dockerd does not run; its containers do if it was killed."""
        assert self._dockerd is not None
        self._dockerd.send_signal(signum)
        self._dockerd.wait(WAIT_S)
        (self.directory / "pid").unlink(missing_ok=True)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """It takes what it is asked, and does not answer."""
        assert self._dockerd is not None
        self._dockerd.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._dockerd.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """Nothing is left of any of it."""
        try:
            if self._dockerd is not None and self._dockerd.poll() is None:
                self.clear()
                self.stop()
        finally:
            for process in (self._dockerd, self._containerd):
                if process is not None:
                    process.terminate()
                    process.wait(WAIT_S)
            subprocess.run(["ip", "link", "delete", self.bridge], check=False)

    def clear(self) -> None:
        """It has no containers."""
        for name in self.names():
            self.client.remove_container(name, force=True, v=True)

    def names(self, **filters: Any) -> list[str]:
        """Of its containers."""
        return [one["Names"][0].lstrip("/") for one in self.client.containers(all=True, filters=filters)]

    def processes(self) -> list[psutil.Process]:
        """The first of each container that runs."""
        found = []
        for one in self.client.containers():
            with contextlib.suppress(docker.errors.NotFound, psutil.NoSuchProcess):
                pid = int(self.client.inspect_container(one["Id"])["State"]["Pid"])
                if pid:
                    found.append(psutil.Process(pid))
        return found

    def _run(self, *command: str) -> subprocess.Popen[bytes]:
        with open(self._log, "ab") as log:
            return subprocess.Popen([*DIE_WITH_US, *command], stdout=log, stderr=log)


def busybox() -> bytes:
    """A root with all its programs, and a user that is not root."""
    program = shutil.which("busybox")
    assert program is not None
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in ("bin", "etc", "tmp", "proc"):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(info)
        archive.add(program, "bin/busybox")
        for name in subprocess.run([program, "--list"], capture_output=True, check=True, text=True).stdout.split():
            if name != "busybox":
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
        users = b"root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
        info = tarfile.TarInfo("etc/passwd")
        info.size = len(users)
        archive.addfile(info, io.BytesIO(users))
    return out.getvalue()


@contextmanager
def daemon(directory: Path, *options: str) -> Iterator[Daemon]:
    """Runs, and then not. Skips the test where it does not run at all."""
    made = Daemon(directory, *options)
    try:
        try:
            made.open()
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            pytest.skip(f"dockerd does not run here: {str(error)[-300:]}")
        yield made
    finally:
        made.close()


def wait(condition: Callable[[], object]) -> None:
    """Until it is so, with a generous bound."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)
