"""Rules about containers and images."""

from __future__ import annotations

from collections.abc import Iterator

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.container import DOCKER, LinuxInfo
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.rules.words import MUST_BE_EMPTY, MUST_NOT_BE_EMPTY, NOT_DEFINED, Rule, feature
from frameworks.marathon_py.definitions.settings import Settings


def image(app: App, settings: Settings) -> Iterator[Violation]:
    container = app.container
    if container is None:
        return
    docker, at = container.docker, "/container/docker"
    if docker is None:
        if container.type == DOCKER:
            yield Violation(at, NOT_DEFINED)
        return
    if not docker.image:
        yield Violation(f"{at}/image", MUST_NOT_BE_EMPTY)
    if docker.pull_config is not None:
        if container.type == DOCKER:
            yield Violation(f"{at}/pullConfig", "pullConfig is not supported with Docker containerizer")
        else:
            yield from feature(f"{at}/pullConfig", "secrets", settings)
            if docker.pull_config.secret not in app.secrets:
                yield Violation(f"{at}/pullConfig", "pullConfig.secret must refer to an existing secret")


def linux(app: App, settings: Settings) -> Iterator[Violation]:
    if app.container is not None and app.container.linux_info is not None:
        if app.container.type == DOCKER:
            yield Violation("/container/linuxInfo", MUST_BE_EMPTY)
        yield from linux_info("/container/linuxInfo", app.container.linux_info)


def linux_info(path: str, info: LinuxInfo) -> Iterator[Violation]:
    """The rule of pods, too."""
    seccomp, ipc = info.seccomp, info.ipc_info
    if seccomp is not None and seccomp.profile_name is not None and seccomp.unconfined:
        yield Violation(f"{path}/seccomp", "Seccomp unconfined can NOT be true when Profile is defined")
    if seccomp is not None and seccomp.profile_name is None and not seccomp.unconfined:
        yield Violation(f"{path}/seccomp", "Seccomp unconfined must be true when Profile is NOT defined")
    if ipc is not None and ipc.mode == "SHARE_PARENT" and ipc.shm_size is not None:
        yield Violation(f"{path}/ipcInfo", "ipcInfo shmSize can NOT be set when mode is SHARE_PARENT")


CONTAINERS: tuple[Rule, ...] = (image, linux)
