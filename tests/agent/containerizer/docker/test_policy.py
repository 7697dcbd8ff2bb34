"""What tasks may not ask of dockerd unless the agent's operator says so (X10)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.docker.mounts import NoMount, settle
from mesos_py.agent.containerizer.docker.policy import (
    Policy,
    refused_mount,
    refused_parameter,
    refused_privileged,
)
from mesos_py.agent.containerizer.docker.request import Mount
from mesos_py.wire.volume import MountPropagation, Volume
from tests.agent.containerizer.docker.asking import asked, parameters, refused, spec
from tests.agent.containerizer.docker.running import of_host

NOTHING = Policy()
GUARDED = Policy(guarded=("/var/lib/mesos", "/var/run/docker.sock"))


@pytest.mark.parametrize(
    "pair",
    ["pid=host", "ipc=host", "uts=host", "userns=host", "net=host", "network=container:x", "cap-add=ALL",
     "device=/dev/sda", "security-opt=apparmor=unconfined", "volume=/:/host", "v=/:/host", "volumes-from=other",
     "runtime=other", "cgroup-parent=/", "memory=1g", "m=1g", "cpus=64", "privileged=true", "publish=22:22",
     "sysctl=kernel.shmmax=1",
     "log-driver=syslog", "oom-score-adj=-1000", "memory-swap=-1", "link=db", "group-add=docker", "cgroupns=host"],
)  # fmt: skip
def test_what_gives_a_task_the_host_is_refused(pair: str) -> None:
    assert "not allowed on this agent (--docker_allow" in refused(spec(parameters(pair)), NOTHING)


@pytest.mark.parametrize("pair", ["label=a=b", "env=A=1", "ulimit=nofile=64:64", "network=mine", "rm=true", "user=1"])
def test_what_gives_it_nothing_is_not(pair: str) -> None:
    assert asked(spec(parameters(pair)), NOTHING).name == "mesos-c"


@pytest.mark.parametrize(
    ("allowed", "key", "value", "is_refused"),
    [
        (("pid=host",), "pid", "host", False),
        (("pid",), "pid", "host", True),
        (("pid",), "pid", "private", False),
        (("pid=host",), "pid", "container:x", True),
        (("cap-add=NET_ADMIN",), "cap-add", "NET_ADMIN", False),
        (("cap-add=NET_ADMIN",), "cap-add", "ALL", True),
        (("*",), "ipc", "host", False),
        (("*",), "privileged", "true", True),
        (("pid",), "label", "a", False),
    ],
)
def test_a_list_allows_a_key_or_one_value_of_it(
    allowed: tuple[str, ...], key: str, value: str, is_refused: bool
) -> None:
    assert bool(refused_parameter(Policy(parameters=allowed), key, value)) is is_refused


def test_privileged_has_a_flag_of_its_own() -> None:
    assert refused(spec({"privileged": True}), NOTHING) == refused_privileged(NOTHING)
    may = Policy(allows_privileged=True)
    assert asked(spec({"privileged": True}), may).config["HostConfig"]["Privileged"] is True
    assert asked(spec(parameters("privileged=true")), may).config["HostConfig"]["Privileged"] is True


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [("/", True), ("/var", True), ("/var/lib/mesos", True), ("/var/lib/mesos/x", True), ("/var/run", True),
     ("/var/run/docker.sock", True), ("/var/lib/mesos-data", False), ("/srv", False)],
)  # fmt: skip
def test_what_holds_the_agents_own_is_not_mounted(path: str, is_refused: bool) -> None:
    assert bool(refused_mount(GUARDED, path, is_read_only=True)) is is_refused


@pytest.mark.parametrize(
    ("path", "is_refused"), [("/etc", True), ("/usr/local/bin", True), ("/root", True), ("/srv/etc", False)]
)
def test_what_makes_root_of_the_host_is_not_mounted_to_write(path: str, is_refused: bool) -> None:
    assert bool(refused_mount(GUARDED, path, is_read_only=False)) is is_refused
    assert refused_mount(GUARDED, path, is_read_only=True) is None


@pytest.mark.parametrize(("path", "is_refused"), [("/srv", False), ("/srv/a", False), ("/srva", True), ("/", True)])
def test_with_a_list_nothing_else_is_mounted(path: str, is_refused: bool) -> None:
    assert bool(refused_mount(Policy(volumes=("/srv",)), path, is_read_only=False)) is is_refused


def settled(sandbox: Path, source: str, policy: Policy = GUARDED) -> dict[str, Any]:
    return settle([Mount(source, "/v", True)], str(sandbox), "/mnt/sandbox", policy)[1]


def test_a_mount_is_of_what_its_path_turns_out_to_be(tmp_path: Path) -> None:
    sandbox, real = tmp_path / "sandbox", tmp_path / "real"
    sandbox.mkdir()
    real.mkdir()
    os.symlink(real, tmp_path / "link")
    assert settled(sandbox, str(tmp_path / "link")) == {
        "Type": "bind", "Source": str(real), "Target": "/v", "ReadOnly": True,
    }  # fmt: skip
    os.symlink("/", tmp_path / "root")
    with pytest.raises(NoMount, match="Volume of host path '/' would show the container"):
        settled(sandbox, str(tmp_path / "root"))


@pytest.mark.parametrize("source", ["link", "../other", "inside/../../other", "link/x"])
def test_nothing_in_a_sandbox_leads_out_of_it(tmp_path: Path, source: str) -> None:
    sandbox = tmp_path / "sandbox"
    sandbox.mkdir()
    os.symlink("/etc", sandbox / "link")
    with pytest.raises(NoMount, match="leads out of the sandbox"):
        settled(sandbox, source)


def test_a_directory_that_is_not_there_is_made(tmp_path: Path) -> None:
    assert settled(tmp_path, "a/b")["Source"] == str(tmp_path / "a/b")
    assert (tmp_path / "a/b").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(NoMount, match="Failed to make host path 'file/x'"):
        settled(tmp_path, "file/x")


def test_who_mounts_into_the_host_needs_the_flag_of_privileged_containers() -> None:
    """Who only sees what the host mounts does not."""
    Mode = MountPropagation.Mode

    def sharing(mode: MountPropagation.Mode) -> ContainerSpec:
        volume = Volume(mode=Volume.Mode.RW, container_path="/v", source=of_host("/d", mode))
        return spec(container={"volumes": (volume,)})

    assert refused(sharing(Mode.BIDIRECTIONAL), NOTHING).startswith("Bidirectional mount propagation: Privileged cont")
    may = Policy(allows_privileged=True)
    assert [one.propagation for one in asked(sharing(Mode.BIDIRECTIONAL), may).mounts] == ["rshared"]
    assert [one.propagation for one in asked(sharing(Mode.HOST_TO_CONTAINER), NOTHING).mounts] == ["rslave"]
