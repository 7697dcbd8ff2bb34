"""All plug-ins of a process together: who is let in, who may do what, what the core asks, what they serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import structlog

from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.launching.hooks import Hooks
from frameworks.marathon_py.shell.api.errors import Failed
from frameworks.marathon_py.shell.api.program import Action, Resource
from frameworks.marathon_py.shell.plugins import (
    Authenticator,
    Authorizer,
    HttpRequestHandler,
    RunSpecTaskProcessor,
    RunSpecValidator,
    SchedulerPlugin,
    Secrets,
)
from frameworks.marathon_py.shell.plugins.loading import Loaded, PluginFailed
from mesos_py.sdk.matching import Host
from mesos_py.web.request import Request
from mesos_py.web.response import HttpError, Response, problem
from mesos_py.web.router import Answer
from mesos_py.wire.offer import Offer
from mesos_py.wire.task import TaskInfo

log = structlog.get_logger(__name__)


class Plugins:
    """In the order in which they were named: all authorizers must allow, all schedulers accept, all processors edit;
    of secrets the first one that knows counts."""

    def __init__(self, loaded: Sequence[Loaded] = ()) -> None:
        """Raises PluginFailed."""
        self._all = loaded
        self._plugins = [one.plugin for one in loaded]
        self._authenticators = [one for one in self._plugins if isinstance(one, Authenticator)]
        if len(self._authenticators) > 1:
            raise PluginFailed("there can be only one Authenticator")
        self._authorizers = [one for one in self._plugins if isinstance(one, Authorizer)]

    @property
    def asks_who(self) -> bool:
        """Somebody authenticates."""
        return bool(self._authenticators)

    @property
    def about(self) -> tuple[Mapping[str, Any], ...]:
        return tuple(one.about for one in self._all)

    # ---- requests

    async def identify(self, request: Request) -> None:
        """Who asks is the request's principal. Raises HttpError: the plug-in's answer, or 503 if it has failed."""
        for authenticator in self._authenticators:
            try:
                found = await authenticator.authenticate(request)
                refusal = authenticator.unauthenticated(request) if found is None else None
            except Exception as error:
                log.exception("authenticator failed", error=repr(error))
                raise Failed(503, "The authenticator has failed.") from error
            if refusal is not None:
                refused = HttpError(401)
                refused.response = refusal
                raise refused
            request.principal = found

    def may(self, request: Request, action: Action, resource: Resource) -> bool:
        """Raises Failed 503 when one has failed."""
        try:
            return all(one.may(request.principal, action, resource) for one in self._authorizers)
        except Exception as error:
            log.exception("authorizer failed", error=repr(error))
            raise Failed(503, "The authorizer has failed.") from error

    def forbidden(self, request: Request) -> Response:
        for authorizer in self._authorizers:
            return authorizer.forbidden(request.principal, request)
        return problem(403)

    async def serve(self, name: str, path: str, request: Request) -> Answer | None:
        """None: there is none of that name that serves requests."""
        for one in self._all:
            if one.id == name and isinstance(one.plugin, HttpRequestHandler):
                return await one.plugin.serve(path, request)
        return None

    # ---- the core

    def hooks(self) -> Hooks:
        secrets = [one for one in self._plugins if isinstance(one, Secrets)]
        validators = [one for one in self._plugins if isinstance(one, RunSpecValidator)]
        schedulers = [one for one in self._plugins if isinstance(one, SchedulerPlugin)]
        processors = [one for one in self._plugins if isinstance(one, RunSpecTaskProcessor)]

        def find_secret(source: str) -> bytes | None:
            for one in secrets:
                try:
                    found = one.find(source)
                except Exception as error:
                    log.exception("secrets failed", source=source, error=repr(error))
                    continue
                if found is not None:
                    return found
            return None

        def violations(spec: App | Pod) -> list[Violation]:
            try:
                return [violation for one in validators for violation in one.violations(spec)]
            except Exception as error:
                log.exception("validator failed", spec=spec.id, error=repr(error))
                return [Violation("/", "A validator of this installation has failed.")]

        def accepts(spec: App | Pod, host: Host) -> bool:
            try:
                return all(one.accepts(spec, host) for one in schedulers)
            except Exception as error:
                log.exception("scheduler plug-in failed", spec=spec.id, error=repr(error))
                return False

        def edit_task(app: App, task: TaskInfo) -> TaskInfo:
            try:
                return reduce(lambda edited, one: one.edit_task(app, edited), processors, task)
            except Exception as error:
                raise PluginFailed(f"a task of {app.id} cannot be edited: {error!r}") from error

        def edit_group(pod: Pod, group: Offer.Operation.LaunchGroup) -> Offer.Operation.LaunchGroup:
            try:
                return reduce(lambda edited, one: one.edit_group(pod, edited), processors, group)
            except Exception as error:
                raise PluginFailed(f"an instance of {pod.id} cannot be edited: {error!r}") from error

        return Hooks(
            find_secret=find_secret if secrets else None, accepts=accepts if schedulers else None,
            edit_task=edit_task if processors else None, edit_group=edit_group if processors else None,
            violations=violations if validators else None,
        )  # fmt: skip
