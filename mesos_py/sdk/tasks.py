"""Tasks in one line, and whether they fit into an offer."""

from __future__ import annotations

from collections.abc import Mapping

from mesos_py.algebra.parse import parse_resources
from mesos_py.algebra.resources import Resources
from mesos_py.sdk.host import host
from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.ids import AgentID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import evolve
from mesos_py.wire.task import TaskInfo
from mesos_py.wire.value import Value

NOWHERE = AgentID("")  # of a task that has no agent yet


def new_id(name: str) -> TaskID:
    """``name`` and 64 bits of chance: an id that nobody has used."""
    return TaskID(f"{name}-{host().rng.getrandbits(64):016x}")


def resources(text: str = "", **scalars: float) -> tuple[Resource, ...]:
    """``resources("cpus:1;ports:[8000-8001]")``, ``resources(cpus=1, mem=64)``, or both. Raises ValueError."""
    made = tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(value=amount))
        for name, amount in scalars.items()
    )
    return (parse_resources(text) if text else ()) + made


def command(
    name: str, command: str, *, cpus: float = 0.1, mem: float = 32.0, task_id: str = "", env: Mapping[str, str] = {},
) -> TaskInfo:  # fmt: skip
    """A task that runs a shell command; without a ``task_id`` it is a new one each time. More: ``evolve`` it."""
    variables = tuple(Environment.Variable(name=key, value=value) for key, value in env.items())
    return TaskInfo(
        name=name, task_id=TaskID(task_id) if task_id else new_id(name), agent_id=NOWHERE,
        resources=resources(cpus=cpus, mem=mem),
        command=CommandInfo(value=command, environment=Environment(variables=variables) if variables else None),
    )  # fmt: skip


class Pool:
    """What is left of an offer while tasks are placed on it."""

    def __init__(self, offer: Offer) -> None:
        self._agent_id = offer.agent_id
        #: they run there, or will, and need nothing more
        self._executors = dict.fromkeys(offer.executor_ids)
        self.left = Resources.of(offer.resources)

    def take(self, task: TaskInfo) -> TaskInfo | None:
        """The task, placed: on this agent, with resources of this offer; None: it does not fit, nor does its executor.

        An executor is left as it is, since all who use it must say the same of it: it needs what nobody has reserved.
        """
        picked = self.left.pick(Resources.of(task.resources))
        if picked is None:
            return None
        left = self.left - picked
        if task.executor is not None and task.executor.executor_id not in self._executors:
            needed = left.unreserved().pick(Resources.of(task.executor.resources))
            if needed is None:
                return None
            left -= needed
            self._executors[task.executor.executor_id] = None
        self.left = left
        return evolve(task, agent_id=self._agent_id, resources=picked.messages())
