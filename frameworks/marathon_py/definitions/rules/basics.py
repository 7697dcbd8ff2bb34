"""Rules about what an app runs, with what, and how it is upgraded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from frameworks.marathon_py.definitions import constraints, paths, terms
from frameworks.marathon_py.definitions.app import DISABLED, UNLIMITED, App, EnvSecret, Secret, UnreachableStrategy
from frameworks.marathon_py.definitions.container import DOCKER, MESOS
from frameworks.marathon_py.definitions.fields import Violation, below, element
from frameworks.marathon_py.definitions.rules.words import (
    MUST_NOT_BE_EMPTY,
    Rule,
    at_least,
    between,
    double,
    exactly,
    feature,
)
from frameworks.marathon_py.definitions.settings import Settings

TASK_ID_MAX = 255  # Mesos src/common/validation.cpp
#: of a task's id, beside the service's id and the container's name: a UUID, the number of its launch, what is between
_REST_OF_TASK_ID = len(".instance-") + 36 + len("..") + 10
INSTANCES_MAX = 10_000  # of one app, or pod: as many are made in half a second
EXECUTOR = "^(//cmd)|(/?[^/]+(/[^/]+)*)|$"
_EXECUTOR = re.compile("(//cmd)|(/?[^/]+(/[^/]+)*)|")
MIGRATION_VERSION, MIGRATION_PATH = "DCOS_MIGRATION_API_VERSION", "DCOS_MIGRATION_API_PATH"
PACKAGE = "DCOS_PACKAGE_FRAMEWORK_NAME"


def ids(app: App, settings: Settings) -> Iterator[Violation]:
    for text in paths.problems_of_own(app.id):
        yield Violation("/id", text)
    yield from length(app.id, "_app")
    if not paths.segments(app.id):
        yield Violation("/", "must not be root")
    for index, one in enumerate(app.dependencies):
        for text in paths.problems(one):
            yield Violation(element("/dependencies", index), text)


def length(path: str, container: str) -> Iterator[Violation]:
    """Marathon has no such rule; Mesos refuses what it launches then, again and again."""
    found, most = len(path), TASK_ID_MAX - _REST_OF_TASK_ID - len(container) + 1  # its first slash is in none
    if found > most:
        yield Violation("/id", f"got {found} characters, expected {most} or less: it is a part of the ids of tasks")


def command(app: App, settings: Settings) -> Iterator[Violation]:
    """One way to run something, or a container that knows."""
    container = app.container
    knows = container is not None and (container.docker is not None or container.type == MESOS)
    if (app.cmd is not None and app.args) or (app.cmd is None and not app.args and not knows):
        yield Violation("/", "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'.")
    if app.cmd is not None and len(app.cmd) == 1:  # Marathon counts wrong, and says so
        yield Violation("/", "must not be an empty string")
    if not _EXECUTOR.fullmatch(app.executor):
        yield Violation("/executor", f"must fully match regular expression '{EXECUTOR}'")


def resources(app: App, settings: Settings) -> Iterator[Violation]:
    for name, value in (("cpus", app.cpus), ("mem", app.mem), ("disk", app.disk)):
        yield from at_least(below("", name), value, 0.0)
    yield from at_least("/gpus", app.gpus, 0)
    yield from instances("/instances", app.instances)
    if app.gpus > 0:
        if app.container is not None and app.container.type == DOCKER:
            yield Violation("/", "GPU resources only work with the Mesos containerizer")
        yield from feature("/", "gpu_resources", settings)
    if app.resource_limits is not None:
        yield from limit("/resourceLimits/cpus", app.resource_limits.cpus, app.cpus)
        yield from limit("/resourceLimits/mem", app.resource_limits.mem, app.mem)


def instances(path: str, value: int) -> Iterator[Violation]:
    """Marathon has no upper bound, and ends when it is asked for a billion."""
    yield from at_least(path, value, 0)
    if value > INSTANCES_MAX:
        yield Violation(path, f"got {value}, expected {INSTANCES_MAX} or less")


def limit(path: str, value: float | str | None, requested: float) -> Iterator[Violation]:
    if isinstance(value, str):
        if value != UNLIMITED:
            yield Violation(path, f"'{value}' is an invalid resource limit. It must be 'unlimited' or a number")
    elif value is not None and value < requested:
        text = f"resource limit must be greater than or equal to requested resource ({double(requested)})"
        yield Violation(path, text)


def environment(app: App, settings: Settings) -> Iterator[Violation]:
    yield from secrets(app.secrets, settings)
    yield from variables("/env", app.env, app.secrets, settings)


def secrets(given: Mapping[str, Secret], settings: Settings) -> Iterator[Violation]:
    if given:
        yield from feature("/secrets", "secrets", settings)
    if "" in given:
        yield Violation("/secrets", MUST_NOT_BE_EMPTY)


def variables(
    at: str, given: Mapping[str, str | EnvSecret], known: Mapping[str, Secret], settings: Settings
) -> Iterator[Violation]:
    if "" in given:
        yield Violation(at, MUST_NOT_BE_EMPTY)
    refers = [(name, value.secret) for name, value in given.items() if isinstance(value, EnvSecret)]
    if refers and not settings.has("secrets"):
        text = "use of secret-references in the environment requires the secrets feature to be enabled"
        yield Violation(at, text)
    for name, secret in refers:
        if secret not in known:
            yield Violation(f"{at}/{name}/secret", "references an undefined secret")


def labels(app: App, settings: Settings) -> Iterator[Violation]:
    """DC/OS' packages say with labels how they are migrated."""
    given = app.labels
    if given.get(MIGRATION_VERSION) and not (
        given[MIGRATION_VERSION] == "v1" and given.get(PACKAGE) and given.get(MIGRATION_PATH)
    ):
        yield Violation("/", f"{PACKAGE} and {MIGRATION_PATH} must be defined when using {MIGRATION_VERSION}")
    yield from deployment_terms(given, not app.is_resident and not app.is_single)


def deployment_terms(labels: Mapping[str, str], may_be_more: bool) -> Iterator[Violation]:
    for name, text in terms.problems(labels, may_be_more):
        yield Violation(f"/labels/{name}", text)


def strategies(app: App, settings: Settings) -> Iterator[Violation]:
    upgrade, at = app.upgrade_strategy, "/upgradeStrategy"
    yield from between(f"{at}/minimumHealthCapacity", upgrade.minimum_health_capacity, 0.0, 1.0)
    yield from between(f"{at}/maximumOverCapacity", upgrade.maximum_over_capacity, 0.0, 1.0)
    if app.is_single:
        if app.instances > 1:
            yield Violation("/", "Single instance app may only have one instance")
        yield from exactly(f"{at}/minimumHealthCapacity", upgrade.minimum_health_capacity, 0.0)
    if app.is_single or app.is_resident:
        yield from exactly(f"{at}/maximumOverCapacity", upgrade.maximum_over_capacity, 0.0)
    if app.is_resident and app.unreachable_strategy != DISABLED:
        yield Violation("/", "unreachableStrategy must be disabled for resident tasks")
    yield from unreachable("/unreachableStrategy", app.unreachable_strategy)


def unreachable(path: str, strategy: UnreachableStrategy | str | None) -> Iterator[Violation]:
    if isinstance(strategy, UnreachableStrategy):
        first, last = strategy.inactive_after_seconds, strategy.expunge_after_seconds
        if first > last:
            text = f"inactiveAfterSeconds ({first}) must be less or equal to expungeAfterSeconds, which is {last}"
            yield Violation(path, text)


def placement(app: App, settings: Settings) -> Iterator[Violation]:
    for index, words in enumerate(app.constraints):
        text = constraints.problem(words)
        if text is not None:
            yield Violation(element("/constraints", index), text)


BASICS: tuple[Rule, ...] = (ids, command, resources, environment, labels, strategies, placement)
