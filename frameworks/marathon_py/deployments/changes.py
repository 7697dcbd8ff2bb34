"""A change of definitions, from the tree that somebody wants to a deployment, or to the reason why not.

Everything is looked at before anything changes: definitions, roles, service ports, versions, the tree as a whole, the
plan, and whether other deployments are in its way. Source: mesosphere/marathon .../core/group/impl/
GroupManagerImpl.scala, .../core/deployment/impl/DeploymentManagerActor.scala.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions import groups, rules, trees
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.fields import Violation
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.network import PORT_MAX
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import Pod
from frameworks.marathon_py.definitions.rules.pods import violations as violations_of_pod
from frameworks.marathon_py.definitions.rules.update import violations_of_pod_update, violations_of_update
from frameworks.marathon_py.definitions.service_ports import PortsExhausted, assigned, service_ports
from frameworks.marathon_py.definitions.trees import Difference, Spec
from frameworks.marathon_py.definitions.versioning import versioned
from frameworks.marathon_py.deployments import records, steps, versions
from frameworks.marathon_py.deployments.plan import Plan, plan
from frameworks.marathon_py.words import Refused, Started
from mesos_py.machine.frame import Frame

if TYPE_CHECKING:
    from frameworks.marathon_py.core import Marathon

INVALID = "Object is not valid"
LOCKED = (
    "App is locked by one or more deployments. Override with the option '?force=true'. View details at "
    "'/v2/deployments/<DEPLOYMENT_ID>'."
)
TOO_MANY = (
    "Max number ({}) of running deployments is achieved. Wait for existing deployments to complete or cancel one using "
    "force=true parameter. You can increase max deployment number by using --max_running_deployments parameter"
)


def invalid(violations: Collection[Violation]) -> Refused:
    return Refused(422, INVALID, tuple(violations))


def submit(
    m: Marathon,
    wanted: Group,
    about: PathId,
    force: bool,
    out: Frame,
    *,
    restarted: Collection[PathId] = (),
    at: Mapping[PathId, str] | None = None,
    is_rollback: bool = False,
) -> Started | Refused:
    """The tree is what is wanted, and a deployment makes it so. Specs that were kept once keep their versions, others
    get theirs. ``about`` is what events name, ``at`` where in the request a spec stands."""
    version = versions.next_version(m, out.now)
    wrong = judge(m, wanted, force, at or {})
    if wrong:
        return invalid(wrong)
    prepared = prepare(m, wanted, version, restarted)
    if isinstance(prepared, Refused):
        out.change(words.GroupChanged(about, version, prepared.message))
        return prepared
    made = plan(m.root, prepared)
    in_the_way = list(dict.fromkeys(m.locked[path] for path in made.affected if path in m.locked))
    refusal = None
    if in_the_way and not force:
        refusal = Refused(409, LOCKED, deployments=tuple(in_the_way))
    elif made.steps and len(m.deployments) - len(in_the_way) >= m.habits.max_running_deployments:
        refusal = Refused(403, TOO_MANY.format(m.habits.max_running_deployments))
    if refusal is not None:
        out.change(words.GroupChanged(about, version, refusal.message))
        return refusal
    for name in in_the_way:
        steps.cancel(m, m.deployments[name], out)
    return _start(m, made, about, is_rollback, out)


def _start(m: Marathon, made: Plan, about: PathId, is_rollback: bool, out: Frame) -> Started:
    """Nothing is against it any more, nor in its way."""
    deployment = steps.add(m, made, out, is_rollback)
    created = tuple(path for path in made.affected if path not in m.specs)
    if made.target is not m.root:
        versions.keep(m, made.target, out)
    out.change(words.GroupChanged(about, m.root.version))
    steps.begin(m, deployment, out)
    return Started(m.root.version, deployment.id, created)


def judge(m: Marathon, wanted: Group, force: bool, at: Mapping[PathId, str]) -> list[Violation]:
    """What is wrong with definitions, each for itself; what was kept once is not judged again."""
    found = []
    for path, (old, spec) in trees.differences(m.root, wanted).items():
        if spec is not None and not _was_kept(m, path, spec):
            own = _violations(m, wanted, old, spec, force)
            found += [Violation(at[path] + one.path.rstrip("/"), one.text) for one in own] if path in at else own
    return found


def prepare(m: Marathon, wanted: Group, version: str, restarted: Collection[PathId] = ()) -> Group | Refused:
    """The tree as it will be kept: the present one, if nothing differs. Definitions have been judged."""
    changed = trees.differences(m.root, wanted)
    changed |= {path: (m.specs[path], m.specs[path]) for path in restarted if path not in changed}
    try:
        specs = _with_ports(m, changed)
    except PortsExhausted as error:
        return Refused(500, str(error))
    for path, spec in specs.items():
        if not _was_kept(m, path, spec) or path in restarted:
            specs[path] = _versioned(changed[path][0], spec, version, path in restarted)
        if len(records.spec_record(specs[path])) > records.RECORD_MAX:
            return invalid([Violation("/", f"The definition of {path} is too large to be kept.")])
    root = trees.stamped(m.root, trees.replaced(wanted, specs), version)
    if root is m.root:
        return root
    wrong = list(groups.violations(root))
    if not wrong and len(records.root_record(root)) > records.RECORD_MAX:
        wrong = [Violation("/", "There are too many apps, pods and groups to be kept.")]
    return invalid(wrong) if wrong else root


def _with_ports(m: Marathon, changed: Mapping[PathId, Difference]) -> dict[PathId, Spec]:
    """What is to be of all that differs, with its service ports. Raises PortsExhausted."""
    specs = {path: spec for path, (_, spec) in changed.items() if spec is not None}
    if all(all(service_ports(spec)) for spec in specs.values() if isinstance(spec, App)):
        return specs
    apps = [one for one in (*m.specs.values(), *specs.values()) if isinstance(one, App)]
    taken = {port: None for app in apps for port in service_ports(app)}
    for path, spec in specs.items():
        if isinstance(spec, App):
            old = changed[path][0]
            habits = m.habits
            former = old if isinstance(old, App) else None
            app = specs[path] = assigned(spec, former, taken, habits.local_port_min, habits.local_port_max)
            taken |= dict.fromkeys(service_ports(app))
    return specs


def _violations(m: Marathon, wanted: Group, old: Spec | None, spec: Spec, force: bool) -> list[Violation]:
    found: list[Violation] = []
    if isinstance(spec, App):
        found += rules.violations(spec, m.settings)
        if isinstance(old, App):  # ports that are left open are those it has
            found += violations_of_update(old, assigned(spec, old, (), 1, PORT_MAX), force)
    else:
        found += violations_of_pod(spec, m.settings)
        found += violations_of_pod_update(old, spec) if isinstance(old, Pod) else ()
    found += m.hooks.violations(spec) if m.hooks.violations is not None else ()
    allowed = groups.allowed_roles(m.root, PathId(spec.id), m.settings, wanted)
    role = groups.role_violation(spec, allowed)
    return [*found, role] if role is not None else found


def _was_kept(m: Marathon, path: PathId, spec: Spec) -> bool:
    return m.versions.spec(path, spec.version) is spec


def _versioned(old: Spec | None, new: Spec, version: str, is_restart: bool) -> Spec:
    """As ``old`` is, if it says the same."""
    made: Spec
    if isinstance(new, App):
        made = versioned(old if isinstance(old, App) else None, new, version, is_restart)
    else:
        made = versioned(old if isinstance(old, Pod) else None, new, version, is_restart)
    return old if old is not None and made == old else made
