"""The rules that a complete app must not break: each with the path and the text of Marathon."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from frameworks.marathon_py.definitions.constraints import placement, scalar_text
from frameworks.marathon_py.definitions.rules import violations
from frameworks.marathon_py.definitions.rules.uris import syntax
from frameworks.marathon_py.definitions.rules.words import double
from frameworks.marathon_py.definitions.settings import Settings
from mesos_py.sdk.matching.constraints import Constraint, Operator
from tests.marathon.app_of import SETTINGS, app_of

NONE = Settings(mesos_role="marathon")
UCR = {"type": "MESOS"}
DOCKER = {"type": "DOCKER", "docker": {"image": "a"}}
PERSISTENT = {"containerPath": "data", "mode": "RW", "persistent": {"size": 10}}
DVDI = {"provider": "dvdi", "name": "v", "options": {"dvdi/driver": "rexray"}}
NOT_ONE_WAY = "AppDefinition must either contain one of 'cmd' or 'args', and/or a 'container'."
MIGRATION = (
    "DCOS_PACKAGE_FRAMEWORK_NAME and DCOS_MIGRATION_API_PATH must be defined when using DCOS_MIGRATION_API_VERSION"
)
IS_WHAT = (
    "IS only supports Mesos text and float values "
    "(see http://mesos.apache.org/documentation/latest/attributes-resources/)"
)
NAMES_NEEDED = (
    "networkNames must be a single item list when hostPort is specified and more than 1 container network is defined"
)
INDICES = "Health check port indices must address an element of the ports array or container port mappings."


def ucr(*volumes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"container": UCR | {"volumes": list(volumes)} | more}


def docker(*volumes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"container": DOCKER | {"volumes": list(volumes)} | more}


def mounted(**persistent: Any) -> dict[str, Any]:
    return ucr(PERSISTENT | {"persistent": {"size": 10, **persistent}})


def external(**info: Any) -> dict[str, Any]:
    return {"containerPath": "/e", "mode": "RW", "external": DVDI | info}


RIGHT: dict[str, dict[str, Any]] = {
    "a command": {},
    "arguments": {"cmd": None, "args": ["a"]},
    "an image": {"cmd": None} | docker(),
    "a container without an image": {"cmd": None} | ucr(),
    "very little": {"cpus": 0.0001, "mem": 0, "instances": 0},
    "a long name": {"id": f"/{'x' * 193}"},
    "an executor": {"executor": "/a/b"},
    "a limit": {"resourceLimits": {"cpus": 1, "mem": "unlimited"}},
    "a volume that stays": ucr(PERSISTENT),
    "a volume on a disk of its own": mounted(type="mount", maxSize=11, constraints=[["path", "LIKE", "/mnt/.*"]]),
    "an external volume": docker(external()),
    "a secret": {"secrets": {"s": {"source": "/a"}}, "env": {"A": {"secret": "s"}}}
    | ucr({"containerPath": "/s", "secret": "s"}),
    "two networks": {"networks": [{"name": "a"}, {"name": "b"}]}
    | ucr(portMappings=[{"hostPort": 0, "networkNames": ["a"]}]),
    "health checks": {"healthChecks": [{}, {"protocol": "TCP", "port": 80}, {"protocol": "MESOS_TCP"},
                                       {"protocol": "COMMAND", "command": {"value": "x"}}]},
    "a check": {"check": {"tcp": {}}},
    "a readiness check": {"readinessChecks": [{"portName": "default"}]},
    "roles": {"acceptedResourceRoles": ["*", "marathon"]},
    "every operator": {"constraints": [
        ["hostname", "UNIQUE"], ["rack", "CLUSTER"], ["rack", "CLUSTER", "a"], ["@zone", "GROUP_BY"],
        ["@zone", "GROUP_BY", "2"], ["a", "LIKE", "b.*"], ["a", "UNLIKE", "b"], ["a", "MAX_PER", "2"], ["a", "IS", "b"],
    ]},
}  # fmt: skip


@pytest.mark.parametrize("case", RIGHT)
def test_what_breaks_no_rule(case: str) -> None:
    """Rules do not stand in the way of what Marathon takes."""
    assert violations(app_of(**{"cmd": "run", **RIGHT[case]}), SETTINGS) == []


WRONG: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    # ---- what it runs
    ({"cmd": None}, [("/", NOT_ONE_WAY)]),
    ({"args": ["a"]}, [("/", NOT_ONE_WAY)]),
    ({"args": ["a"]} | docker(), [("/", NOT_ONE_WAY)]),
    ({"cmd": None, "container": {"volumes": []}}, [("/", NOT_ONE_WAY), ("/container/docker", "not defined")]),
    ({"cmd": "a"}, [("/", "must not be an empty string")]),
    ({"fetch": [{"uri": "http://a/b c"}, {"uri": "http://a/%zz"}, {"uri": "http://a/b%20c"}]}, [
        ("/fetch(0)/uri", "URI has invalid syntax."), ("/fetch(1)/uri", "URI has invalid syntax.")]),
    ({"executor": "a//b"}, [
        ("/executor", "must fully match regular expression '^(//cmd)|(/?[^/]+(/[^/]+)*)|$'")]),
    ({"id": "/a/restart"}, [
        ("/id", "must not end with any of the following reserved keywords: restart, tasks, versions, ., ..")]),
    ({"id": f"/{'x' * 194}"}, [
        ("/id", "got 195 characters, expected 194 or less: it is a part of the ids of tasks")]),
    ({"id": "/"}, [("/id", "Path must contain at least one path element"), ("/", "must not be root")]),
    ({"dependencies": ["/a/tasks"]}, [
        ("/dependencies(0)",
         "must not end with any of the following reserved keywords: restart, tasks, versions, ., ..")]),
    # ---- with what
    ({"cpus": -1}, [("/cpus", "got -1.0, expected 0.0 or more")]),
    ({"mem": -0.5, "disk": -2}, [("/mem", "got -0.5, expected 0.0 or more"),
                                 ("/disk", "got -2.0, expected 0.0 or more")]),
    ({"gpus": -1}, [("/gpus", "got -1, expected 0 or more")]),
    ({"instances": -1}, [("/instances", "got -1, expected 0 or more")]),
    ({"gpus": 1} | docker(), [("/", "GPU resources only work with the Mesos containerizer")]),
    ({"resourceLimits": {"cpus": 0.5, "mem": "lots"}}, [
        ("/resourceLimits/cpus", "resource limit must be greater than or equal to requested resource (1.0)"),
        ("/resourceLimits/mem", "'lots' is an invalid resource limit. It must be 'unlimited' or a number")]),
    ({"env": {"": "a"}}, [("/env", "must not be empty")]),
    ({"env": {"A": {"secret": "s"}}}, [("/env/A/secret", "references an undefined secret")]),
    # ---- how it is upgraded
    ({"upgradeStrategy": {"minimumHealthCapacity": 1.2, "maximumOverCapacity": -1}}, [
        ("/upgradeStrategy/minimumHealthCapacity", "got 1.2, expected between 0.0 and 1.0"),
        ("/upgradeStrategy/maximumOverCapacity", "got -1.0, expected between 0.0 and 1.0")]),
    ({"unreachableStrategy": {"inactiveAfterSeconds": 3, "expungeAfterSeconds": 2}}, [
        ("/unreachableStrategy", "inactiveAfterSeconds (3) must be less or equal to expungeAfterSeconds, which is 2")]),
    ({"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"}, "instances": 2}, [
        ("/", "Single instance app may only have one instance")]),
    ({"labels": {"MARATHON_SINGLE_INSTANCE_APP": "true"},
      "upgradeStrategy": {"minimumHealthCapacity": 1, "maximumOverCapacity": 0.5}}, [
        ("/upgradeStrategy/minimumHealthCapacity", "got 1.0, expected 0.0"),
        ("/upgradeStrategy/maximumOverCapacity", "got 0.5, expected 0.0")]),
    ({"labels": {"DCOS_MIGRATION_API_VERSION": "v1"}}, [("/", MIGRATION)]),
    # ---- where it may stand
    ({"constraints": [["a"], ["a", "b", "c", "d"]]}, [
        ("/constraints(0)", "Each constraint must have either 2 or 3 fields"),
        ("/constraints(1)", "Each constraint must have either 2 or 3 fields")]),
    ({"constraints": [[]]}, [("/constraints(0)", "Missing field and operator")]),
    ({"constraints": [["", "UNIQUE"]]}, [("/constraints(0)", "missing field for constraint declaration")]),
    ({"constraints": [["a", "NEAR"]]}, [
        ("/constraints(0)",
         "operator must be one of the following UNIQUE, CLUSTER, GROUP_BY, LIKE, MAX_PER, UNLIKE or IS")]),
    ({"constraints": [["a", "unique", "b"]]}, [("/constraints(0)", "UNIQUE does not accept a value")]),
    ({"constraints": [["a", "GROUP_BY", "b"]]}, [
        ("/constraints(0)", "GROUP BY must define an integer value or else no value at all")]),
    ({"constraints": [["a", "MAX_PER"]]}, [("/constraints(0)", "MAX_PER requires an integer value")]),
    ({"constraints": [["a", "LIKE"]]}, [
        ("/constraints(0)", "LIKE and UNLIKE require a non-empty, regular expression value")]),
    ({"constraints": [["a", "IS", "[1-3]"]]}, [("/constraints(0)", IS_WHAT)]),
    # ---- networks and ports
    ({"networks": [{"mode": "host", "name": "n"}]}, [("/networks", "Host networks may not have names or labels")]),
    ({"networks": [{"mode": "host", "labels": {"a": "b"}}]}, [
        ("/networks", "Host networks may not have names or labels")]),
    ({"networks": [{"mode": "container/bridge", "name": "n"}]}, [("/networks", "Bridge networks may not have names")]),
    ({"networks": [{"mode": "container"}]}, [
        ("/networks", "Network name must be specified when container network is selected.")]),
    ({"networks": [{"name": "n"}, {"name": "n"}]}, [("/networks", "Duplicate networks are not allowed")]),
    ({"networks": [{"mode": "host"}, {"name": "n"}]}, [
        ("/networks", "May specify a single host network, single bridge network, or else 1-to-n container networks")]),
    ({"networks": [{"name": "n"}, {"name": "m"}]} | docker(), [
        ("/", "may only specify a single container network when using the Docker container engine")]),
    (docker(portMappings=[{}]), [("/", "portMappings are not allowed with host-networking")]),
    ({"networks": [{"name": "n"}], "portDefinitions": [{}]}, [
        ("/", "portDefinitions are only allowed with host-networking")]),
    ({"portDefinitions": [{"name": "a"}, {"name": "a"}]}, [("/portDefinitions", "Port names must be unique.")]),
    ({"portDefinitions": [{"port": 1}, {"port": 1}, {}, {}]}, [("/portDefinitions", "Ports must be unique.")]),
    ({"networks": [{"name": "n"}]} | ucr(portMappings=[{"name": "a"}, {"name": "a"}]), [
        ("/container/portMappings", "Port names must be unique.")]),
    ({"networks": [{"name": "n"}, {"name": "m"}]} | ucr(portMappings=[{"hostPort": 0}]), [
        ("/container/portMappings(0)",
         NAMES_NEEDED)]),
    ({"networks": [{"name": "n"}, {"name": "m"}]} | ucr(portMappings=[{"networkNames": ["o"]}]), [
        ("/container/portMappings(0)/networkNames(0)", "is not one of (n,m)")]),
    # ---- containers
    (docker(docker={"image": ""}), [("/container/docker/image", "must not be empty")]),
    (docker(docker={"image": "a", "pullConfig": {"secret": "s"}}), [
        ("/container/docker/pullConfig", "pullConfig is not supported with Docker containerizer")]),
    (ucr(docker={"image": "a", "pullConfig": {"secret": "s"}}), [
        ("/container/docker/pullConfig", "pullConfig.secret must refer to an existing secret")]),
    (ucr(linuxInfo={"seccomp": {"profileName": "p", "unconfined": True}}), [
        ("/container/linuxInfo/seccomp", "Seccomp unconfined can NOT be true when Profile is defined")]),
    (ucr(linuxInfo={"seccomp": {}}), [
        ("/container/linuxInfo/seccomp", "Seccomp unconfined must be true when Profile is NOT defined")]),
    (ucr(linuxInfo={"ipcInfo": {"mode": "SHARE_PARENT", "shmSize": 1}}), [
        ("/container/linuxInfo/ipcInfo", "ipcInfo shmSize can NOT be set when mode is SHARE_PARENT")]),
    (docker(linuxInfo={}), [("/container/linuxInfo", "must be empty")]),
    # ---- volumes
    (ucr(PERSISTENT | {"containerPath": "/data"}), [
        ("/container/volumes(0)/containerPath", 'value must not contain "/"')]),
    (ucr(PERSISTENT | {"containerPath": ".."}), [("/container/volumes(0)/containerPath", "can not be one of (.,..)")]),
    (ucr(PERSISTENT | {"mode": "RO"}), [("/container/volumes(0)/mode", "got RO, expected RW")]),
    (mounted(size=0), [("/container/volumes(0)/persistent/size", "got 0, expected more than 0")]),
    (mounted(constraints=[["path", "LIKE", "a"]]), [
        ("/container/volumes(0)/persistent", "Constraints on root volumes are not supported")]),
    (mounted(type="path", maxSize=20), [("/container/volumes(0)/persistent", "Only mount volumes can have maxSize")]),
    (mounted(type="mount", maxSize=10), [("/container/volumes(0)/persistent", "Max size must be larger than size")]),
    (mounted(type="mount", constraints=[["path", "UNIQUE", "a"], ["a", "LIKE", "b"], ["path", "LIKE", "("]]), [
        ("/container/volumes(0)/persistent/constraints(0)", "Operator must be one of LIKE, UNLIKE"),
        ("/container/volumes(0)/persistent/constraints(1)", "Unsupported constraint a,LIKE,b"),
        ("/container/volumes(0)/persistent/constraints(2)", "Invalid regular expression")]),
    (docker(external(provider="nfs")), [("/container/volumes(0)/external/provider", "is unknown provider")]),
    (docker(external(name="")), [("/container/volumes(0)/external/name", "must not be empty")]),
    (docker(external(options={})), [('/container/volumes(0)/external/options("dvdi/driver")', "not defined")]),
    (docker(external(size=1)), [
        ("/container/volumes(0)/external/size", "must be undefined for Docker containers")]),
    (docker(external()) | {"instances": 2}, [
        ("/", "Number of instances is limited to 1 when declaring DVDI volumes in app [/web]")]),
    (ucr({"containerPath": "/s", "secret": "s"}), [
        ("/container/volumes(0)", "volume.secret must refer to an existing secret")]),
    (ucr(PERSISTENT, PERSISTENT), [("/container/volumes", "Container paths must be unique")]),
    (ucr(PERSISTENT) | {"role": "*"}, [("/role", "Resident apps cannot have the role *")]),
    (ucr(PERSISTENT) | {"acceptedResourceRoles": ["marathon"]}, [
        ("/acceptedResourceRoles", 'A resident app must have `acceptedResourceRoles = ["*"]`.')]),
    (ucr(PERSISTENT) | {"unreachableStrategy": {}}, [
        ("/", "unreachableStrategy must be disabled for resident tasks")]),
    (ucr(PERSISTENT) | {"upgradeStrategy": {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 1}}, [
        ("/upgradeStrategy/maximumOverCapacity", "got 1.0, expected 0.0")]),
    # ---- checks
    ({"healthChecks": [{"portIndex": 1}]}, [("/healthChecks(0)", INDICES)]),
    ({"healthChecks": [{}], "portDefinitions": []}, [
        ("/healthChecks(0)", "HealthCheck must specify either a port or a portIndex"), ("/healthChecks(0)", INDICES)]),
    ({"healthChecks": [{"port": 1, "portIndex": 0}]}, [
        ("/healthChecks(0)", "HealthCheck must specify either a port or a portIndex")]),
    ({"healthChecks": [{"protocol": "COMMAND"}]}, [("/healthChecks(0)/command", "not defined")]),
    ({"healthChecks": [{"command": {"value": "x"}}]}, [("/healthChecks(0)/command", "must be undefined")]),
    ({"healthChecks": [{"protocol": "MESOS_HTTPS", "portIndex": 1}]}, [("/healthChecks(0)", INDICES)]),
    ({"healthChecks": [{"protocol": "MESOS_TCP"}, {"protocol": "MESOS_HTTP"}]}, [
        ("/", "AppDefinition can contain at most one Mesos health check")]),
    ({"healthChecks": [{"protocol": "MESOS_TCP", "ipProtocol": "IPv6"}]}, [
        ("/healthChecks(0)",
         "IPv6 can only be used for container type DOCKER and Mesos http/https/tcp health checks")]),
    ({"check": {"tcp": {"port": 1}}} | docker(), [("/", "AppDefinition must not use 'checks' if using docker")]),
    ({"check": {}}, [("/check", "Only one of http, tcp, or command may be specified")]),
    ({"check": {"http": {"portIndex": 3}}}, [
        ("/check", "check port index must address an element of the ports array or container port mappings.")]),
    ({"readinessChecks": [{"portName": "default"}, {"portName": "default"}]}, [
        ("/readinessChecks", "got 2, expected 1 or less")]),
    ({"readinessChecks": [{}]}, [
        ("/readinessChecks(0)/portName", "No port definition reference for portName http-api")]),
    ({"readinessChecks": [{"portName": "default", "intervalSeconds": 10}]}, [
        ("/readinessChecks(0)/timeoutSeconds", "got 10, expected less than 10")]),
    # ---- roles
    ({"role": "a/b"}, [("/role", r"A role name must not include a slash (\x2f) character.")]),
    ({"role": "-a"}, [("/role", "A role name must not start with a '-'.")]),
    ({"role": ".."}, [("/role", 'A role name must not be "..".')]),
    ({"acceptedResourceRoles": ["other"]}, [
        ("/acceptedResourceRoles", "acceptedResourceRoles can only contain * and marathon")]),
    ({"role": "*", "acceptedResourceRoles": ["other"]}, [
        ("/acceptedResourceRoles", "acceptedResourceRoles can only contain *")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), WRONG)
def test_what_breaks_a_rule(body: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    """All that is wrong is said, and nothing else."""
    found = violations(app_of(**{"cmd": "run", **body}), SETTINGS)
    assert [(one.path, one.text) for one in found] == expected


@pytest.mark.parametrize(
    ("body", "path", "name"),
    [
        ({"gpus": 1}, "/", "gpu_resources"),
        ({"secrets": {"s": {"source": "/a"}}}, "/secrets", "secrets"),
        (docker(external()), "/container/volumes", "external_volumes"),
    ],
)
def test_what_the_operator_has_not_enabled(body: dict[str, Any], path: str, name: str) -> None:
    """Features are off unless somebody turns them on."""
    found = violations(app_of(NONE, **{"cmd": "run", **body}), NONE)
    assert [(one.path, one.text) for one in found] == [
        (path, f"Feature {name} is not enabled. Enable with --enable_features {name})")
    ]  # fmt: skip


def test_secrets_in_the_environment_are_a_feature() -> None:
    """Said of the environment as a whole, and of what refers to nothing."""
    found = violations(app_of(NONE, cmd="run", env={"A": {"secret": "s"}}), NONE)
    assert [(one.path, one.text) for one in found] == [
        ("/env", "use of secret-references in the environment requires the secrets feature to be enabled"),
        ("/env/A/secret", "references an undefined secret"),
    ]


def test_constraints_are_those_that_place_tasks() -> None:
    """Words become values that the matching of offers knows."""
    made = placement(app_of(cmd="run", constraints=[["hostname", "unique"], ["a", "is", "1.50"]]).constraints)
    assert made == (Constraint("hostname", Operator.UNIQUE), Constraint("a", Operator.IS, "1.5"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", "1"), ("10.0", "10"), ("1.0005", "1"), ("1.0015", "1.002"), ("-0.0001", "0"), ("+2.5", "2.5")],
)
def test_scalars_as_mesos_prints_them(value: str, expected: str) -> None:
    """Three decimals at most, none that is zero at the end; halves go to the even one."""
    assert scalar_text(Decimal(value)) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, "0.0"), (0.1, "0.1"), (32, "32.0"), (1e-4, "1.0E-4"), (-1.5e-5, "-1.5E-5"), (12345678.5, "1.23456785E7")],
)
def test_doubles_as_java_prints_them(value: float, expected: str) -> None:
    """Clients see these texts."""
    assert double(value) == expected


@pytest.mark.parametrize(("uri", "is_one"), [
    ("http://user:pw@host:80/a/b.tgz?x=1&y=%2F#part", True), ("file:///a/b", True), ("hdfs:a", True), ("a/b:c", True),
    ("../up", True), ("/abs", True), ("http://[::1]/x", True), ("http://höst/ü", True), ("a#b", True),
    ("s3n://b/k", True),
    (" http://a", False), ("a b", False), ("http:", False), ("http:#a", False), (":a", False), ("1a:b", False),
    ("a%", False), ("a%2", False), ("a|b", False), ("a\\b", False), ("<a>", False), ("a#b#c", False), ("a\n", False),
    ("{{a}}", False), ("a\u00a0b", False), ("^", False), ('"', False), ("`", False),
])  # fmt: skip
def test_what_is_an_address(uri: str, is_one: bool) -> None:
    assert [one.text for one in syntax("/x", uri)] == ([] if is_one else ["URI has invalid syntax."])
