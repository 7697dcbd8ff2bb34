"""What a spec asks an offer for, in the words of ``mesos_py.sdk.matching``; and what no offer can give it.

Source: mesosphere/marathon src/main/scala/mesosphere/mesos/ResourceMatcher.scala.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from frameworks.marathon_py.definitions.app import App, EnvSecret
from frameworks.marathon_py.definitions.constraints import placement
from frameworks.marathon_py.definitions.pods import Pod, SecretFile
from frameworks.marathon_py.definitions.settings import ANY_ROLE
from frameworks.marathon_py.definitions.volumes import SecretVolume
from frameworks.marathon_py.instances.instance import Condition, Instance, Placed
from frameworks.marathon_py.launching import ports
from mesos_py.algebra.quantities import Quantities
from mesos_py.sdk.matching import Census, Constraint, Request
from mesos_py.sdk.matching.request import PORTS_MAX

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

GPU_BEHAVIOR = "GPU_SCHEDULING_BEHAVIOR"
"""A label that decides for one app what the flag decides for all."""

#: of these nobody knows where they are, or whether they are
_LOST = (Condition.GONE, Condition.UNREACHABLE, Condition.UNKNOWN, Condition.DROPPED)


def request(m: Marathon, spec: App | Pod) -> Request:
    """Of one instance; several would rather not be on the same host. The spec must not be hindered."""
    return Request(
        resources=total(needs(m, spec)), ports=ports.asked(spec), role=spec.role, accepts=accepted(m, spec),
        constraints=constraints(spec), on_gpu_hosts=_behavior(m, spec) == "unrestricted",
        spread="hostname" if spec.instances > 1 else None,
    )  # fmt: skip


def hindrance(m: Marathon, spec: App | Pod) -> str | None:
    """Why its instances wait whatever is offered; None: an offer can do."""
    if spec.is_resident:
        return (
            "it has persistent volumes, and nothing reserves resources and creates volumes for it yet: "
            "its instances wait until that can be done"
        )
    count = len(ports.wanted(spec))
    if count > PORTS_MAX:
        return f"it has {count} ports, and {PORTS_MAX} is the most that one task gets"
    find_secret = m.hooks.find_secret
    for name in secrets(spec):
        if find_secret is None:
            return f"it uses secret '{name}', and there is no plug-in that finds secrets"
        if name not in spec.secrets or find_secret(spec.secrets[name].source) is None:
            return f"it uses secret '{name}', which is not found"
    return None


def secrets(spec: App | Pod) -> tuple[str, ...]:
    """By name, those whose values its tasks are told."""
    if isinstance(spec, Pod):
        environments = [spec.environment, *[one.environment for one in spec.containers]]
        images = [one.image for one in spec.containers if one.image is not None]
        pulls = [one.pull_config for one in images]
        files = [volume.secret for volume in spec.volumes if isinstance(volume, SecretFile)]
    else:
        environments, container = [spec.env], spec.container
        pulls = [container.docker.pull_config] if container is not None and container.docker is not None else []
        volumes = container.volumes if container is not None else ()
        files = [volume.secret for volume in volumes if isinstance(volume, SecretVolume)]
    told = [value.secret for env in environments for value in env.values() if isinstance(value, EnvSecret)]
    return tuple(dict.fromkeys([*told, *files, *[one.secret for one in pulls if one is not None]]))


def needs(m: Marathon, spec: App | Pod) -> dict[str, Quantities]:
    """Resources by container; those of the executor, if it has one of its own, by ""."""
    executor = spec.executor_resources
    if isinstance(spec, Pod):
        parts = {one.name: one.resources for one in spec.containers}
        found = {
            name: Quantities.of(cpus=part.cpus, mem=part.mem, disk=part.disk, gpus=part.gpus)
            for name, part in parts.items()
        }
    else:
        found = {"app": Quantities.of(cpus=spec.cpus, mem=spec.mem, disk=spec.disk, gpus=spec.gpus)}
        if executor_of(m, spec) is None:
            executor = None
    if executor is not None:
        found[""] = Quantities.of(cpus=executor.cpus, mem=executor.mem, disk=executor.disk)
    return found


def total(parts: dict[str, Quantities]) -> Quantities:
    amounts: dict[str, int] = {}
    for part in parts.values():
        for name, amount in part.items():
            amounts[name] = amounts.get(name, 0) + amount
    return Quantities(amounts)


def executor_of(m: Marathon, app: App) -> str | None:
    """The path of an executor of its own, or that of the flag; None: Mesos runs its command."""
    path = app.executor or m.habits.executor
    return None if path == "//cmd" else path


def accepted(m: Marathon, spec: App | Pod) -> tuple[str, ...]:
    """Roles of resources that it may use, by name: "*" is what is not reserved."""
    given = spec.scheduling.placement.accepted_resource_roles if isinstance(spec, Pod) else spec.accepted_resource_roles
    behavior = m.habits.accepted_resource_roles_default_behavior
    if given:
        return tuple(sorted({*given}))
    if behavior == "unreserved":
        return (ANY_ROLE,)
    if behavior == "reserved":
        return (spec.role,)
    return tuple(sorted({ANY_ROLE, spec.role}))


def constraints(spec: App | Pod) -> tuple[Constraint, ...]:
    words = [one.words for one in spec.scheduling.placement.constraints] if isinstance(spec, Pod) else spec.constraints
    return placement(words)


def _behavior(m: Marathon, spec: App | Pod) -> str:
    labelled = spec.labels.get(GPU_BEHAVIOR)
    return labelled if labelled in ("restricted", "unrestricted") else m.habits.gpu_scheduling_behavior


# ---- the others


def census(m: Marathon, spec: App | Pod, asked: Request) -> Census:
    """Where those instances of the spec stand that constraints look at: of this configuration or a newer one, and
    not lost. Of older ones not, lest the next to be launched wait for them."""
    made = Census(asked.fields)
    if not made.fields:
        return made
    since = spec.version_info.last_config_change_at if spec.version_info is not None else ""
    for instance in m.of_spec.get(Instance("", spec).spec_id, {}).values():
        if instance.placed is not None and instance.spec.version >= since and is_considered(instance):
            made.add({name: text for name in made.fields if (text := value(instance.placed, name)) is not None})
    return made


def is_considered(instance: Instance) -> bool:
    return not instance.wants_offer and instance.condition not in _LOST


def value(placed: Placed, field: str) -> str | None:
    """What the place of an instance is to a constraint on that field."""
    if field in ("hostname", "@hostname"):
        return placed.hostname
    if field == "@region":
        return placed.region
    if field == "@zone":
        return placed.zone
    return placed.attributes.get(field)
