"""Definitions are kept, read again as they were, and forgotten when nobody needs them any more."""

from __future__ import annotations

import random
from typing import Any

import attrs
import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.core import Habits, Marathon
from frameworks.marathon_py.definitions import trees, versioning
from frameworks.marathon_py.definitions.app import App
from frameworks.marathon_py.definitions.groups import Group
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import complete_pod, read_pod
from frameworks.marathon_py.definitions.trees import Spec
from frameworks.marathon_py.deployments import records, versions
from mesos_py.machine.frame import Event, Frame
from mesos_py.machine.values import SECOND
from tests.marathon.app_of import SETTINGS, app_of

RICH: dict[str, Any] = {
    "cmd": "run $PORT0", "env": {"A": "b", "S": {"secret": "s"}}, "secrets": {"s": {"source": "x"}},
    "labels": {"a": "b"}, "constraints": [["hostname", "UNIQUE"]], "fetch": [{"uri": "http://x/y.zip"}],
    "healthChecks": [{"protocol": "MESOS_HTTP", "path": "/"}, {"protocol": "COMMAND", "command": {"value": "x"}}],
    "container": {"type": "MESOS", "docker": {"image": "i"}, "volumes": [{"containerPath": "p", "mode": "RW",
                  "persistent": {"size": 10}}]},
    "resourceLimits": {"cpus": "unlimited"}, "taskKillGracePeriodSeconds": 3, "tty": False, "dependencies": ["/db"],
    "readinessChecks": [{}], "upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0},
    "check": {"tcp": {"portIndex": 0}}, "gpus": 1,
}  # fmt: skip
BRIDGED: dict[str, Any] = {
    "container": {"docker": {"image": "i", "parameters": [{"key": "a", "value": "b"}]},
                  "portMappings": [{"containerPort": 80, "name": "http"}]},
    "networks": [{"mode": "container/bridge"}], "unreachableStrategy": "disabled",
}  # fmt: skip
POD = {
    "id": "/pod", "containers": [{
        "name": "c", "exec": {"command": {"shell": "x"}}, "resources": {"cpus": 1, "mem": 32},
        "endpoints": [{"name": "web", "hostPort": 0}], "healthCheck": {"http": {"endpoint": "web"}},
        "volumeMounts": [{"name": "v", "mountPath": "m"}], "lifecycle": {"killGracePeriodSeconds": 1.5},
    }],
    "volumes": [{"name": "v"}], "scaling": {"kind": "fixed", "instances": 3},
}  # fmt: skip


def versioned(spec: Spec, version: str) -> Spec:
    if isinstance(spec, App):
        return versioning.versioned(None, spec, version)
    return versioning.versioned(None, spec, version)


@pytest.mark.parametrize(
    "spec",
    [app_of(**RICH), app_of(**BRIDGED), app_of(cmd="x", portDefinitions=[]), complete_pod(read_pod(POD), SETTINGS)],
    ids=["rich", "bridged", "without ports", "pod"],
)
def test_a_definition_is_read_as_it_was_written(spec: Spec) -> None:
    kept = versioned(spec, "2024-05-01T10:00:00.000Z")
    assert records.read_spec(records.spec_record(kept)) == kept


class Kept:
    """A core of which only definitions change, and what of it is kept."""

    def __init__(self, most: int = 50) -> None:
        self.habits = Habits(zk_max_versions=most)
        self.m = Marathon(random.Random(1), SETTINGS, self.habits)
        self.now = 1_714_557_600 * SECOND

    def put(self, *specs: Spec, **changes: Any) -> str:
        """The version."""
        out = Frame(self.now)
        version = versions.next_version(self.m, self.now)
        root = attrs.evolve(self.m.root, version=version, **changes)
        for spec in specs:
            root = trees.put(root, versioned(spec, version), SETTINGS)
        versions.keep(self.m, root, out)
        return version

    def take(self, path: str) -> None:
        root = trees.take(self.m.root, PathId(path), SETTINGS)
        version = versions.next_version(self.m, self.now)
        versions.keep(self.m, attrs.evolve(root, version=version), Frame(self.now))

    def again(self) -> Marathon:
        other = Marathon(random.Random(1), SETTINGS, self.habits)
        other.apply(Event(words.Begun, words.Begun(dict(self.m.records), {})), self.now)
        return other


def test_a_tree_is_read_as_it_was() -> None:
    kept = Kept()
    kept.put(app_of(id="/a/b/web", **RICH), complete_pod(read_pod(POD), SETTINGS), app_of(id="/x", cmd="y"))
    kept.put(app_of(id="/x", cmd="z"), groups=(Group(id=PathId("/a"), dependencies=(PathId("/x"),)),))
    again = kept.again()
    assert again.root == kept.m.root
    assert again.specs == kept.m.specs
    assert again.versions.roots == kept.m.versions.roots
    assert again.versions.specs == kept.m.versions.specs


def test_versions_grow_though_no_time_passes() -> None:
    kept = Kept()
    made = [kept.put(app_of(cmd=f"run {number}")) for number in range(3)]
    assert made == sorted(made)
    assert len(set(made)) == 3
    kept.now -= SECOND  # a leader whose clock is behind
    assert kept.put(app_of(cmd="run")) > made[-1]


def test_only_the_last_versions_are_kept() -> None:
    """Of trees, and of what is in them; what an old tree alone had goes with it."""
    kept = Kept(most=3)
    kept.put(app_of(id="/gone", cmd="x"))
    kept.take("/gone")
    made = [kept.put(app_of(cmd=f"run {number}")) for number in range(5)]
    assert list(kept.m.versions.roots) == made[-3:]
    assert list(kept.m.versions.specs) == ["/web"]
    assert list(kept.m.versions.specs[PathId("/web")]) == made[-3:]
    assert len(kept.m.records) == 6
    assert kept.again().versions.specs == kept.m.versions.specs


def test_a_version_that_an_instance_has_is_kept_until_it_ends() -> None:
    kept = Kept(most=1)
    first = kept.put(app_of(cmd="run"))
    instance = kept.m.add(kept.m.specs[PathId("/web")], Frame(0))
    kept.put(app_of(cmd="walk"))
    last = kept.put(app_of(cmd="sit"))
    assert list(kept.m.versions.specs[PathId("/web")]) == [first, last]
    kept.m.forget(instance, Frame(0))
    kept.put(app_of(id="/other", cmd="x"))
    assert list(kept.m.versions.specs[PathId("/web")]) == [last]


def test_a_former_version_is_read_when_it_is_asked_for() -> None:
    """And is one object, however often that is; what is not kept is nothing."""
    kept = Kept()
    first = kept.put(app_of(**RICH))
    old = kept.m.specs[PathId("/web")]
    kept.put(app_of(cmd="walk"))
    again = kept.again()
    found = again.versions.spec(PathId("/web"), first)
    assert found == old
    assert again.versions.spec(PathId("/web"), first) is found
    assert again.versions.spec(PathId("/web"), "x") is None
    assert again.versions.spec(PathId("/x"), first) is None
    with pytest.raises(KeyError, match="marathon/spec/web@x"):
        again.versions.needed(PathId("/web"), "x")


def test_a_large_tree_takes_little_room() -> None:
    """Marathon's ZooKeeper takes less than a MiB; stores keep to less than that."""
    app = app_of(cmd="x")
    stamps = [f"2024-05-01T10:{number % 60:02}:00.000Z" for number in range(5_000)]
    specs = tuple(attrs.evolve(app, id=f"/group/app-{at}", version=stamp) for at, stamp in enumerate(stamps))
    root = Group(groups=(Group(id=PathId("/group"), apps=specs),))
    record = records.root_record(root)
    assert len(record) < 100_000
    assert records.read_root(record, lambda path, version: specs[0]).groups[0].apps[0] is specs[0]


def test_what_is_too_large_to_be_kept_is_refused() -> None:
    """Before anything has changed: a store that cannot keep it would end the program."""
    m = Marathon(random.Random(1), SETTINGS)
    text = f"{random.Random(1).getrandbits(4_000_000):x}"
    body = {"id": "/web", "cmd": "run", "env": {"A": text}}
    reply = m.apply(Event(words.CreateApp, words.CreateApp(body)), SECOND).reply
    assert (reply.status, reply.details[0].text) == (422, "The definition of /web is too large to be kept.")
    assert not m.records
    assert not m.specs


def test_only_what_differs_is_looked_at() -> None:
    a, b, c = (app_of(id=f"/{name}", cmd="x") for name in "abc")
    root = trees.put(trees.put(Group(), a, SETTINGS), b, SETTINGS)
    changed = app_of(id="/b", cmd="y")
    other = trees.take(trees.put(trees.put(root, changed, SETTINGS), c, SETTINGS), PathId("/a"), SETTINGS)
    assert trees.differences(root, other) == {"/b": (b, changed), "/c": (None, c), "/a": (a, None)}
    assert trees.differences(root, root) == {}


def test_an_empty_group_makes_room_for_an_app() -> None:
    root = Group(groups=(Group(id=PathId("/web")),))
    assert trees.put(root, app_of(cmd="x"), SETTINGS) == Group(apps=(app_of(cmd="x"),))
