"""Frameworks of a master's state, in the order of their lives."""

from __future__ import annotations

from collections import deque

from mesos_py.machine.frame import Frame, PeerID
from mesos_py.machine.values import Nanos
from mesos_py.master import changes
from mesos_py.master.capabilities import FrameworkCapabilities, subscribed_roles
from mesos_py.master.entities import Framework
from mesos_py.master.state import State, trim
from mesos_py.wire.constraints import OfferConstraints
from mesos_py.wire.framework import FrameworkInfo

MAX_REMOVED_FRAMEWORKS = 100_000  # ids; as many as Mesos keeps of removed agents


def add_framework(state: State, framework: Framework, out: Frame) -> None:
    """A framework subscribes for the first time or is recovered."""
    state.removed_frameworks.pop(framework.id, None)
    state.frameworks[framework.id] = framework
    framework.completed_tasks = deque(maxlen=state.options.max_completed_tasks_per_framework)
    if framework.connected:
        state.frameworks_connected += 1
        if framework.peer is not None:
            state.peers[framework.peer] = framework
    if framework.active:
        state.frameworks_active += 1
    out.changes.append(changes.FrameworkAdded(framework.id, framework))


def replace_info(
    framework: Framework,
    info: FrameworkInfo,
    suppressed: dict[str, None],
    constraints: OfferConstraints | None,
    out: Frame,
) -> None:
    """The framework's info is replaced; callers have seen to what may not change."""
    framework.info = info
    framework.capabilities = FrameworkCapabilities.of(info)
    framework.roles = subscribed_roles(info)
    framework.suppressed = suppressed
    framework.offer_constraints = constraints
    framework.json = None
    out.changes.append(changes.FrameworkUpdated(framework.id, framework))


def set_suppressed(framework: Framework, roles: tuple[str, ...], suppressed: bool) -> None:
    for role in roles:
        if suppressed:
            framework.suppressed[role] = None
        else:
            framework.suppressed.pop(role, None)
    framework.json = None


def connect_framework(state: State, framework: Framework, peer: PeerID, now: Nanos) -> None:
    """``peer`` is the framework's stream from now on; the one before it, if any, means nothing any more."""
    state.leave(framework.peer, framework)
    state.frameworks_connected += not framework.connected
    state.frameworks_active += not framework.active
    if framework.recovered:
        framework.registered_time_ns = now
    framework.reregistered_time_ns = now
    framework.peer, framework.connected, framework.recovered, framework.active = peer, True, False, True
    framework.json = None
    state.peers[peer] = framework


def disconnect_framework(state: State, framework: Framework, out: Frame) -> None:
    """Its stream is gone; offers are taken back by the caller before."""
    state.leave(framework.peer, framework)
    state.frameworks_connected -= framework.connected
    state.frameworks_active -= framework.active
    framework.peer, framework.connected, framework.active = None, False, False
    framework.json = None
    out.changes.append(changes.FrameworkDisconnected(framework.id, framework))


def end_framework(state: State, framework: Framework) -> None:
    """Removed: it is nobody's any more, though it still has tasks and executors; offers are gone already."""
    state.leave(framework.peer, framework)
    state.frameworks_connected -= framework.connected
    state.frameworks_active -= framework.active
    framework.peer, framework.connected, framework.active, framework.recovered = None, False, False, False
    framework.is_ending = True
    framework.json = None
    state.removed_frameworks[framework.id] = None
    trim(state.removed_frameworks, MAX_REMOVED_FRAMEWORKS)


def remove_framework(state: State, framework: Framework, out: Frame) -> None:
    """Remembered among the completed ones. Its tasks and executors are gone, too."""
    framework.is_ending = False
    framework.unregistered_time_ns = out.now
    framework.json = None
    del state.frameworks[framework.id]
    state.completed_frameworks[framework.id] = framework
    trim(state.completed_frameworks, state.options.max_completed_frameworks)
    out.changes.append(changes.FrameworkRemoved(framework.id, framework))
