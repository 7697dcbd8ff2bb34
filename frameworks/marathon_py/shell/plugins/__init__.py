"""Plug-ins: what an operator adds to Marathon. A plug-in is a class below, and an entry point of some Python package.

::

    [options.entry_points]                        plugins.json, for --plugin_conf
    marathon_py.plugins =                         {"plugins": {"who": {
        company-login = company.login:Login           "plugin": "Authenticator", "implementation": "company-login",
                                                      "configuration": {"realm": "ops"}, "tags": [], "info": {}}}}

``implementation`` is an entry point's name, or ``module:Class``. ``plugin`` is the name of the interface; in front of
it may be what Marathon's own have there. A plug-in is made once, with its ``configuration``, and asked in the loop of
the process: whatever takes long must be awaited, where that can be, or prepared.

What raises is logged, and its answer is the careful one: not let in (503), not allowed (503), not accepted, not valid,
no secret. Only a task that could not be edited ends the process: it must not run as it is.

Source: mesosphere/marathon plugin-interface/src/main/scala/mesosphere/marathon/plugin.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.shell.api.program import Action, Resource
from mesos_py.sdk.matching import Host
from mesos_py.web.request import Request
from mesos_py.web.response import Response, problem
from mesos_py.web.router import Answer
from mesos_py.wire.offer import Offer
from mesos_py.wire.task import TaskInfo


class Plugin:
    """Made with its configuration; what it raises then stops the start."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self.configuration = configuration


class Authenticator(Plugin, ABC):
    """Who asks."""

    @abstractmethod
    async def authenticate(self, request: Request) -> str | None:
        """His name; None: nobody whom it knows."""

    def unauthenticated(self, request: Request) -> Response:
        """The answer to him."""
        return problem(401)


class Authorizer(Plugin, ABC):
    """Who may do what."""

    @abstractmethod
    def may(self, principal: str | None, action: Action, resource: Resource) -> bool:
        """``principal`` is what an authenticator, or a password, has made of the request."""

    def forbidden(self, principal: str | None, request: Request) -> Response:
        """The answer to who may not."""
        return problem(403)


class HttpRequestHandler(Plugin, ABC):
    """Serves what is below ``/v2/plugins/ID/``."""

    @abstractmethod
    async def serve(self, path: str, request: Request) -> Answer:
        """``path`` is what follows the id, without a slash in front."""


class RunSpecTaskProcessor(Plugin):
    """Edits what is launched; ids, agents and resources stay as they are."""

    def edit_task(self, app: App, task: TaskInfo) -> TaskInfo:
        return task

    def edit_group(self, pod: Pod, group: Offer.Operation.LaunchGroup) -> Offer.Operation.LaunchGroup:
        return group


class RunSpecValidator(Plugin, ABC):
    """Finds more wrong with definitions than Marathon does."""

    @abstractmethod
    def violations(self, spec: App | Pod) -> Iterable[Violation]: ...


class SchedulerPlugin(Plugin, ABC):
    """Says where things may run."""

    @abstractmethod
    def accepts(self, spec: App | Pod, host: Host) -> bool:
        """Instances of the spec may be launched on what the host offers."""


class Secrets(Plugin, ABC):
    """Knows what secrets are; definitions only name them."""

    @abstractmethod
    def find(self, source: str) -> bytes | None:
        """None: there is no such secret."""


INTERFACES: tuple[type[Plugin], ...] = (
    Authenticator, Authorizer, HttpRequestHandler, RunSpecTaskProcessor, RunSpecValidator, SchedulerPlugin, Secrets,
)  # fmt: skip
