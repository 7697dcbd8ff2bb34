"""What the agent does with the words of its core: to the master, to executors, to containers, to the disk.

Nothing here decides. What answers at once (the measured disk) is told in the loop's next turn, because a core must not
be entered while its last frame is still being said.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import structlog

from mesos_py.agent import changes, events, paths, removal, words
from mesos_py.agent.containerizer import Containerizer, ContainerSpec
from mesos_py.agent.probe import Prober
from mesos_py.files import Files
from mesos_py.machine.frame import Close, Event, Frame, PeerID, Send
from mesos_py.transport.master_link import MasterLink
from mesos_py.web.response import JSON
from mesos_py.web.streams import RecordStream
from mesos_py.wire.codec import json, protobuf

log = structlog.get_logger(__name__)


class AgentRim:
    """The driver's rim for one agent. Collaborators are set by the composition root before anything is said."""

    def __init__(
        self, files: Files, tell: Callable[[Event], None], on_exit: Callable[[str | None], None], *, keeps: bool = True
    ) -> None:
        """Without ``keeps`` no container outlives the agent, whatever its framework wants."""
        self.containerizer: Containerizer | None = None
        self.prober: Prober | None = None
        self.link: MasterLink | None = None
        #: event streams of executors
        self.streams: dict[PeerID, RecordStream] = {}
        #: calls about containers that wait for their answer
        self.askers: dict[PeerID, asyncio.Future[Any]] = {}
        self._files = files
        self._work_dir = ""
        self._tell = tell
        self._on_exit = on_exit
        self._keeps = keeps
        #: why launches that are still withheld must not be made
        self._withdrawn: dict[str, str] = {}
        self._removing: asyncio.Task[None] | None = None

    def watch(self, work_dir: str) -> None:
        """The directory whose file system is measured and below which alone anything is removed."""
        self._work_dir = os.path.realpath(work_dir)

    # ---- the driver's Rim

    def send(self, word: Send | Close) -> None:
        peer = word.peer
        if isinstance(word, Close):
            self._close(peer)
            return
        if peer == words.CONTAINERS:
            self._to_containers(word.message)
        elif peer == words.DISK:
            self._to_disk(word.message)
        elif peer == words.PROCESS:
            asyncio.get_running_loop().call_soon(self._on_exit, word.message.problem)
        elif peer in self.askers:
            asker = self.askers[peer]
            if not asker.done():
                asker.set_result(word.message)
        else:
            stream = self.streams.get(peer)
            if stream is not None:
                encode = json.encode if stream.content_type == JSON else protobuf.encode
                stream.send(encode(word.message))
            elif self.link is not None:
                self.link.send(peer, word.message)

    def publish(self, frame: Frame) -> None:
        for change in frame.changes:
            tell = _LOGGED.get(type(change))
            if tell is not None:
                tell(change)

    # ---- parts

    def _close(self, peer: PeerID) -> None:
        stream = self.streams.pop(peer, None)
        if stream is not None:
            stream.close()
        elif self.link is not None:
            self.link.close(peer)

    def _to_containers(self, message: Any) -> None:
        containerizer = self.containerizer
        assert containerizer is not None
        assert self.prober is not None
        match message:
            case words.LaunchContainer():
                self._launch(containerizer, message.spec)
            case words.WithdrawLaunch():
                self._withdrawn[message.container_id] = message.why
            case words.SignalContainer():
                containerizer.signal(message.container_id, message.signum)
            case words.DestroyContainer():
                containerizer.destroy(message.container_id)
            case words.UpdateContainer():
                containerizer.update(message.container_id, message.resources, message.limits)
            case words.AcknowledgeExit():
                self._withdrawn.pop(message.container_id, None)
                containerizer.acknowledge(message.container_id)
                self.prober.forget(message.container_id)
            case words.Probe():
                self.prober.probe(message)
            case words.MakeSandbox():
                containerizer.make_sandbox(message.container_id, message.path, message.latest_link, message.user)

    def _launch(self, containerizer: Containerizer, spec: ContainerSpec) -> None:
        if not self._keeps and spec.is_kept:
            spec = attrs.evolve(spec, is_kept=False)
        why = self._withdrawn.pop(spec.container_id, None)
        if why is None:
            containerizer.launch(spec)
            return
        failed = events.ContainerLaunchFailed(spec.container_id, why)
        asyncio.get_running_loop().call_soon(self._tell, Event(events.ContainerLaunchFailed, failed))

    def _to_disk(self, message: Any) -> None:
        match message:
            case words.AttachSandbox():
                for name in (message.path, message.latest, message.virtual):
                    self._files.attach(name, message.path, is_real=True)  # below the work directory, made by us
            case words.LinkTask():
                _link_task(message.sandbox, message.task_id, message.container_id)
            case words.TouchSandbox():
                with contextlib.suppress(OSError):  # then it is as old as it looks
                    os.utime(message.path)
            case words.DetachSandbox():
                self._detach(message)
            case words.MeasureDisk():
                asyncio.get_running_loop().call_soon(self._measure)
            case words.RemovePaths():
                self._removing = asyncio.create_task(self._remove(message.paths), name="remove sandboxes")

    def _detach(self, message: words.DetachSandbox) -> None:
        """The names of the latest run stay when it is another one by now."""
        self._files.detach(message.path)
        for name in (message.latest, message.virtual):
            if self._files.meaning(name) == message.path:
                self._files.detach(name)

    def _measure(self) -> None:
        try:
            usage = shutil.disk_usage(self._work_dir)
        except OSError as error:
            log.warning("disk not measured", path=self._work_dir, error=str(error))
            return
        self._tell(Event(events.DiskMeasured, events.DiskMeasured(usage.used / usage.total if usage.total else 0.0)))

    async def _remove(self, sandboxes: tuple[str, ...]) -> None:
        succeeded = failed = 0
        for path in sandboxes:
            if await asyncio.to_thread(_remove_tree, self._work_dir, path):
                succeeded += 1
            else:
                failed += 1
        self._tell(Event(events.PathsRemoved, events.PathsRemoved(succeeded, failed)))


def _link_task(sandbox: str, task_id: str, container_id: str) -> None:
    """The sandbox belongs to its tasks: nothing they put there leads us elsewhere."""
    try:
        with _directory(sandbox) as outer:
            with contextlib.suppress(FileExistsError):
                os.mkdir("tasks", 0o755, dir_fd=outer)
            with _directory("tasks", outer) as inner:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(task_id, dir_fd=inner)
                os.symlink(f"../containers/{container_id}", task_id, dir_fd=inner)
    except OSError as error:
        log.warning("task not linked", sandbox=sandbox, task_id=task_id, error=str(error))


@contextlib.contextmanager
def _directory(path: str, inside: int | None = None) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=inside)
    try:
        yield fd
    finally:
        os.close(fd)


def _remove_tree(root: str, path: str) -> bool:
    """Remove a sandbox and, of a run's, the directories above it that are empty then; nothing above ``root``."""
    try:
        removal.remove(root, path)
    except (OSError, ValueError) as error:
        log.warning("sandbox not removed", path=path, error=str(error))
        return False
    above = os.path.dirname(path)
    if os.path.basename(above) != paths.RUNS:
        return True  # what is above it is a task's, or in use
    with contextlib.suppress(OSError):
        if not os.path.exists(f"{above}/latest"):  # it named the run that is gone now
            os.unlink(f"{above}/latest")
    with contextlib.suppress(OSError):
        while above.startswith(root + "/slaves/"):
            os.rmdir(above)
            above = os.path.dirname(above)
    return True


_LOGGED: dict[type, Callable[[Any], None]] = {
    changes.Registered: lambda c: log.info("registered", agent_id=c.agent_id, again=c.again),
    changes.Disconnected: lambda c: log.warning("disconnected from the master", why=c.why),
    changes.FrameworkAdded: lambda c: log.info("framework added", framework_id=c.framework_id),
    changes.FrameworkRemoved: lambda c: log.info("framework removed", framework_id=c.framework_id),
    changes.CheckUnanswered: lambda c: log.info(
        "check not answered", what=c.what, framework_id=c.framework_id, task_id=c.task_id, why=c.why
    ),
    changes.Refused: lambda c: log.warning(
        "refused", what=c.what, framework_id=c.framework_id, task_id=c.task_id, why=c.why
    ),
}
