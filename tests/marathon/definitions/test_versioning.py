"""What a new definition of an app does to its instances, its versions and its service ports; what it may not change."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from frameworks.marathon_py.definitions.app import VersionInfo
from frameworks.marathon_py.definitions.fields import declared
from frameworks.marathon_py.definitions.pods import Pod, complete_pod, read_pod
from frameworks.marathon_py.definitions.rules.update import HOST_PORTS_CHANGED, RESOURCES_CHANGED, violations_of_update
from frameworks.marathon_py.definitions.service_ports import PortsExhausted, assigned, service_ports
from frameworks.marathon_py.definitions.versioning import Change, change, differing, needs_restart, versioned
from tests.marathon.app_of import SETTINGS, app_of

T0, T1 = "2024-05-01T10:00:00.000Z", "2024-05-01T11:00:00.000Z"

#: for each field another value, and what that is
OTHERS: dict[str, tuple[Any, Change]] = {
    "cmd": ("sleep 2", Change.CONFIG), "args": (["a"], Change.CONFIG), "user": ("u", Change.CONFIG),
    "cpus": (2, Change.CONFIG), "mem": (1, Change.CONFIG), "disk": (1, Change.CONFIG), "gpus": (1, Change.CONFIG),
    "instances": (2, Change.SCALING), "executor": ("/a", Change.CONFIG),
    "executorResources": ({}, Change.NONE), "resourceLimits": ({"cpus": 2}, Change.CONFIG),
    "env": ({"a": "b"}, Change.CONFIG), "labels": ({"a": "b"}, Change.CONFIG),
    "secrets": ({"s": {"source": "a"}}, Change.CONFIG), "fetch": ([{"uri": "a"}], Change.CONFIG),
    "container": ({"type": "MESOS"}, Change.CONFIG), "tty": (True, Change.CONFIG),
    "constraints": ([["a", "UNIQUE"]], Change.CONFIG), "role": ("r", Change.CONFIG),
    "acceptedResourceRoles": (["*"], Change.CONFIG), "networks": ([{"name": "n"}], Change.CONFIG),
    "portDefinitions": ([], Change.CONFIG), "requirePorts": (True, Change.CONFIG),
    "healthChecks": ([{}], Change.CONFIG), "check": ({"tcp": {}}, Change.CONFIG),
    "readinessChecks": ([{}], Change.CONFIG),
    "upgradeStrategy": ({"minimumHealthCapacity": 0, "maximumOverCapacity": 1}, Change.CONFIG),
    "unreachableStrategy": ("disabled", Change.CONFIG), "killSelection": ("OLDEST_FIRST", Change.CONFIG),
    "taskKillGracePeriodSeconds": (1, Change.CONFIG), "backoffSeconds": (2, Change.CONFIG),
    "backoffFactor": (2, Change.CONFIG), "maxLaunchDelaySeconds": (2, Change.CONFIG),
    "dependencies": (["/db"], Change.CONFIG), "residency": ({}, Change.NONE),
}  # fmt: skip


def test_every_field_is_one_or_the_other() -> None:
    """A field that is added to apps must be judged here."""
    fields = {one.json_name for one in declared(type(app_of()))}
    assert fields - OTHERS.keys() == {"id", "version", "versionInfo"}


@pytest.mark.parametrize("name", OTHERS)
def test_what_a_change_of_a_field_is(name: str) -> None:
    """Labels and strategies restart instances, too; only their number does not."""
    value, expected = OTHERS[name]
    old, new = app_of(cmd="run"), app_of(**{"cmd": "run", name: value})
    assert change(old, new) is expected
    assert change(new, old) is expected
    assert bool(differing(old, new)) is (expected is Change.CONFIG)


#: for each field of a pod another value, and what that is
OTHER_PODS: dict[str, tuple[Any, Change]] = {
    "labels": ({"a": "b"}, Change.CONFIG), "user": ("u", Change.CONFIG), "environment": ({"A": "b"}, Change.CONFIG),
    "containers": ([{"name": "b", "resources": {}}], Change.CONFIG), "volumes": ([{"name": "v"}], Change.CONFIG),
    "secrets": ({"s": {"source": "a"}}, Change.CONFIG), "networks": ([{"name": "n"}], Change.CONFIG),
    "scaling": ({"kind": "fixed", "instances": 2}, Change.SCALING),
    "scheduling": ({"killSelection": "OLDEST_FIRST"}, Change.CONFIG), "role": ("r", Change.CONFIG),
    "executorResources": ({"cpus": 1}, Change.NONE), "linuxInfo": ({}, Change.CONFIG),
    "legacySharedCgroups": (True, Change.CONFIG),
}  # fmt: skip


def pod_of(**body: Any) -> Pod:
    return complete_pod(read_pod({"id": "/pod", "containers": [{"name": "a", "resources": {}}], **body}), SETTINGS)


def test_every_field_of_a_pod_is_one_or_the_other() -> None:
    """As for apps."""
    assert {one.json_name for one in declared(Pod)} - OTHER_PODS.keys() == {"id", "version", "versionInfo"}


@pytest.mark.parametrize("name", OTHER_PODS)
def test_what_a_change_of_a_pod_is(name: str) -> None:
    """Only their number does not restart pods; and versions follow."""
    value, expected = OTHER_PODS[name]
    old, new = versioned(None, pod_of(), T0), versioned(versioned(None, pod_of(), T0), pod_of(**{name: value}), T1)
    assert change(old, new) is expected
    assert new.version == (T0 if expected is Change.NONE else T1)
    assert needs_restart(old, new) is (expected is Change.CONFIG)
    assert versioned(old, pod_of(), T1) == old


def test_a_definition_given_again_changes_nothing() -> None:
    """Neither in other words, nor in another order of what has none."""
    old = app_of(cmd="run", constraints=[["a", "UNIQUE"], ["b", "UNIQUE"]], dependencies=["/a", "/b"], ports=[0])
    new = app_of(
        cmd="run", constraints=[["b", "unique"], ["a", "unique"]], dependencies=["b", "a"], portDefinitions=[{}],
        cpus=1.0, labels={}, networks=[{"mode": "HOST"}],
    )  # fmt: skip
    assert change(old, new) is Change.NONE


@pytest.mark.parametrize(
    ("body", "is_restart", "version", "scaled", "configured"),
    [
        ({}, False, T0, T0, T0),
        ({"instances": 2}, False, T1, T1, T0),
        ({"cpus": 2}, False, T1, T1, T1),
        ({"cpus": 2, "instances": 2}, True, T1, T1, T1),
        ({}, True, T1, T0, T1),
        ({"instances": 2}, True, T1, T1, T1),
    ],
)
def test_versions(body: dict[str, Any], is_restart: bool, version: str, scaled: str, configured: str) -> None:
    """Each timestamp is that of the last change of its kind; instances are replaced if the last one is new."""
    old = versioned(None, app_of(cmd="run"), T0)
    new = versioned(old, app_of(**{"cmd": "run", **body}), T1, is_restart)
    assert (new.version, new.version_info) == (
        version, VersionInfo(last_scaling_at=scaled, last_config_change_at=configured),
    )  # fmt: skip
    assert needs_restart(old, new) is (configured == T1)


@pytest.mark.parametrize(
    ("body", "before", "expected"),
    [
        ({"ports": [0, 0]}, None, (10000, 10002)),
        ({"ports": [7000, 0]}, None, (7000, 10000)),
        ({"ports": [10000, 0]}, None, (10000, 10002)),
        ({"ports": [0, 0]}, [10003, 10001], (10003, 10001)),
        ({"ports": [0, 0, 0]}, [10001], (10001, 10000, 10002)),
        ({"ports": [0, 0]}, [7000, 10001], (10001, 10000)),
        ({"ports": [10001, 0]}, [10001, 10003], (10001, 10003)),
        ({"networks": [{"name": "n"}]}, None, (10000,)),
        ({"portDefinitions": []}, None, ()),
    ],
)
def test_service_ports(body: dict[str, Any], before: list[int] | None, expected: tuple[int, ...]) -> None:
    """An app keeps what it had, in order; others get the lowest that nobody has. 10001 is taken."""
    old = app_of(cmd="run", ports=before) if before is not None else None
    made = assigned(app_of(cmd="run", **body), old, {10001}, 10000, 10004)
    assert service_ports(made) == expected
    assert assigned(made, made, {10001, *expected}, 10000, 10004) == made


def test_no_service_port_is_left() -> None:
    """In Marathon's words."""
    with pytest.raises(PortsExhausted, match=r"All ports in the range \[10000-10002\) are already in use"):
        assigned(app_of(cmd="run", ports=[0, 0]), None, {10001}, 10000, 10002)


VOLUME = {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}
RESIDENT: dict[str, Any] = {"cmd": "run", "container": {"type": "MESOS", "volumes": [VOLUME]}}
ROLE = (
    "It is not possible to change the role for existing reservations. If you proceed with this change, all existing "
    "instances will continue to run under the previous role, marathon. Only new instances will be allocated with the "
    "new role, r. In order to continue, retry your request with ?force=true"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"cmd": "other", "instances": 3}, []),
        ({"container": None}, [("/", "Persistent volumes can not be changed!")]),
        ({"container": {"type": "MESOS", "volumes": [VOLUME | {"persistent": {"size": 11}}]}},
         [("/", "Persistent volumes can not be changed!")]),
        ({"cpus": 2}, [("/cpus", RESOURCES_CHANGED)]),
        ({"mem": 2, "requirePorts": True}, [("/mem", RESOURCES_CHANGED), ("/requirePorts", RESOURCES_CHANGED)]),
        ({"ports": [80]}, [("/", HOST_PORTS_CHANGED)]),
        ({"role": "r"}, [("/role", ROLE)]),
    ],
)  # fmt: skip
def test_what_resident_apps_may_not_change(body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """Their reservations were made for what they were."""
    found = violations_of_update(app_of(**RESIDENT), app_of(**{**RESIDENT, **body}))
    assert [(one.path, one.text) for one in found] == expected


def test_what_resident_apps_may_change() -> None:
    """Resources while nothing runs, roles by force; and other apps anything."""
    old = attrs.evolve(app_of(**RESIDENT), instances=0)
    assert list(violations_of_update(old, app_of(**RESIDENT, cpus=3))) == []
    assert list(violations_of_update(app_of(**RESIDENT), app_of(**RESIDENT, role="r"), is_forced=True)) == []
    assert list(violations_of_update(app_of(cmd="a"), app_of(cmd="b", cpus=3))) == []
