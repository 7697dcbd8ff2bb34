"""Deployments followed to their ends: ``async with Waiting(marathon) as waiting: ... await waiting.for_end(id)``.

How a deployment has ended is told by one event and never again, so whoever wants to know listens before he asks for
it. When the stream is cut (a leader that ends) he listens again; a deployment that has gone meanwhile has ended well
if everything it touched is as it is defined now.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Self

import attrs

from frameworks.marathon_py.shell.client import MarathonClient, NotThere, Refused

SUCCESS, FAILED = "deployment_success", "deployment_failed"
LOOK_EVERY_S = 0.5
PATIENCE_S = 60.0  # with a Marathon that does not answer; the next leader needs less


@attrs.frozen
class Progress:
    """How far one app or pod is."""

    id: str
    #: wanted, and there of the newest definition: those that run, and are healthy if that is looked at
    wanted: int = 0
    done: int = 0
    #: of former definitions that are still there; of the newest one that run and are not healthy
    old: int = 0
    unhealthy: int = 0
    is_gone: bool = False

    @property
    def is_done(self) -> bool:
        return self.is_gone or (self.done >= self.wanted and not self.old)

    def __str__(self) -> str:
        if self.is_gone:
            return "gone"
        more = ((self.old, "old"), (self.unhealthy, "not healthy"))
        return ", ".join([f"{self.done} of {self.wanted}", *[f"{count} {what}" for count, what in more if count]])


@attrs.frozen
class Seen:
    """A deployment as it is now."""

    id: str
    step: int
    steps: int
    #: what it does, as Marathon calls it, by the app or pod it does it to
    actions: dict[str, str]
    progress: tuple[Progress, ...]


Look = Callable[[Seen], None]


class Waiting:
    """Hears of ends from when it is entered on. Its methods raise Refused and NotThere."""

    def __init__(self, marathon: MarathonClient, patience_s: float = PATIENCE_S) -> None:
        self._marathon, self._patience_s = marathon, patience_s
        self._ends: dict[str, str] = {}
        self._ended = asyncio.Condition()
        self._is_cut = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._stack = contextlib.AsyncExitStack()
        stream = await self._stack.enter_async_context(self._marathon.events(SUCCESS, FAILED))
        self._hearing = asyncio.create_task(self._hear(stream), name="deployment events")
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._hearing.cancel()
        await asyncio.gather(self._hearing, return_exceptions=True)
        await self._stack.aclose()

    async def _hear(self, stream: Any) -> None:
        try:
            async for event in stream:
                async with self._ended:
                    self._ends[str(event["id"])] = str(event["eventType"])
                    self._ended.notify_all()
        except NotThere:
            pass  # the same as an end of the stream: whoever waits looks for himself from now on
        async with self._ended:
            self._is_cut.set()
            self._ended.notify_all()

    def has_ended(self, id: str) -> bool:
        """Since we listen."""
        return id in self._ends

    async def heard(self, id: str) -> bool:
        """Whether it has ended well, as we are told; nothing is asked meanwhile. Raises NotThere when we are cut."""
        async with self._ended:
            await self._ended.wait_for(lambda: id in self._ends or self._is_cut.is_set())
        if id not in self._ends:
            raise NotThere("the stream of events was cut")
        return self._ends[id] == SUCCESS

    async def for_end(self, id: str, touched: Sequence[str], look: Look | None = None) -> bool:
        """Whether it has ended well. ``touched``: ids of the apps it concerns, as far as they are known before."""
        known = dict.fromkeys(touched)
        silent_s = 0.0
        while id not in self._ends:
            try:
                found = await self._look(id, known)
                silent_s = 0.0
            except (NotThere, Refused) as error:
                if isinstance(error, Refused) and error.status < 500:
                    raise
                silent_s += LOOK_EVERY_S
                if silent_s > self._patience_s:
                    raise
            else:
                if found is not None and look is not None:
                    look(found)
                if found is None and self._is_cut.is_set():
                    return await self._is_as_defined(known)
            await self._next_look()
        return self._ends[id] == SUCCESS

    async def _next_look(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S), self._ended:
                await self._ended.wait()

    async def _look(self, id: str, known: dict[str, None]) -> Seen | None:
        """None: there is no such deployment, any more or yet."""
        deployment = next((one for one in await self._marathon.deployments() if one["id"] == id), None)
        if deployment is None:
            return None
        known |= dict.fromkeys([*deployment["affectedApps"], *deployment.get("affectedPods", ())])
        pods = set(deployment.get("affectedPods", ()))
        actions = {one.get("app") or one.get("pod", ""): one["action"] for one in deployment["currentActions"]}
        progress = [
            await self._pod(one, actions.get(one, "")) if one in pods else await self._app(one) for one in known
        ]
        return Seen(id, deployment["currentStep"], deployment["totalSteps"], actions, tuple(progress))

    async def _app(self, id: str) -> Progress:
        try:
            return of_app(await self._marathon.app(id))
        except Refused as refused:
            return _gone(id, refused)

    async def _pod(self, id: str, action: str = "") -> Progress:
        try:
            return of_pod(await self._marathon.pod_status(id), has_former=action == "RestartPod")
        except Refused as refused:
            return _gone(id, refused)

    async def _is_as_defined(self, known: dict[str, None]) -> bool:
        """Whatever is not there as an app may be there as a pod."""
        for id in known:
            progress = await self._app(id)
            if progress.is_gone:
                progress = await self._pod(id)
            if not progress.is_done:
                return False
        return True


def of_app(app: dict[str, Any]) -> Progress:
    newest = app.get("versionInfo", {}).get("lastConfigChangeAt", app["version"])
    done = old = unhealthy = 0
    for task in app.get("tasks", ()):
        if task.get("version", "") < newest:
            old += 1
        elif task["state"] == "TASK_RUNNING":
            results = task.get("healthCheckResults", ())
            is_healthy = not app.get("healthChecks") or (results and all(one.get("alive") for one in results))
            done, unhealthy = done + bool(is_healthy), unhealthy + (not is_healthy)
    return Progress(app["id"], app["instances"], done, old, unhealthy)


def of_pod(status: dict[str, Any], *, has_former: bool) -> Progress:
    """``has_former``: instances of other versions are of former definitions, not of other numbers of instances."""
    spec = status["spec"]
    newest = f"::versions/{spec.get('version', '')}" if has_former else ""
    here = [one for one in status.get("instances", ()) if one["status"] != "TERMINAL"]
    new = [one for one in here if str(one.get("specReference", "")).endswith(newest)]
    done = sum(one["status"] == "STABLE" for one in new)
    unhealthy = sum(one["status"] == "DEGRADED" for one in new)
    wanted = spec.get("scaling", {}).get("instances", 1)
    return Progress(status["id"], wanted, done, len(here) - len(new), unhealthy)


def _gone(id: str, refused: Refused) -> Progress:
    if refused.status != 404:
        raise refused
    return Progress(id, is_gone=True)
