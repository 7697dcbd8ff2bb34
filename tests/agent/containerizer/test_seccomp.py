"""Profiles of system calls: read, narrowed to one container, loaded by crun, and refused with a sentence."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mesos_py.agent.containerizer.isolators.seccomp import parse
from mesos_py.agent.containerizer.runtime.host import Profiles
from mesos_py.machine.problem import Problem
from mesos_py.wire.container import ContainerInfo
from mesos_py.wire.linux import CapabilityInfo, LinuxInfo, SeccompInfo
from tests.agent.containerizer.conftest import remove_cgroups
from tests.agent.containerizer.harness import Harness, needs_crun

#: Everything may be done but to make directories; links by those who may kill only, and none at all by the others.
PROFILE: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "archMap": [{"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]}],
    "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13},
        {"names": ["symlink", "symlinkat"], "action": "SCMP_ACT_ERRNO", "excludes": {"caps": ["CAP_KILL"]}},
        {"names": ["personality"], "action": "SCMP_ACT_ERRNO",
         "args": [{"index": 0, "value": 8, "valueTwo": 0, "op": "SCMP_CMP_EQ"}], "includes": {"arches": ["arm64"]}},
    ],
}  # fmt: skip


def profile(**changes: Any) -> str:
    return json.dumps(PROFILE | changes)


def rules(capabilities: tuple[str, ...], machine: str = "x86_64") -> list[str]:
    return [one["names"][0] for one in parse(profile(), machine).config(capabilities, machine)["syscalls"]]


def test_rules_are_for_some_capabilities_and_machines() -> None:
    assert rules(()) == ["mkdir", "symlink"]
    assert rules(("CAP_KILL",)) == ["mkdir"]
    assert rules(("CAP_KILL",), "aarch64") == ["mkdir", "personality"]
    made = parse(profile(), "x86_64").config(())
    assert made["defaultAction"] == "SCMP_ACT_ALLOW"
    assert made["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]
    assert made["syscalls"][0] == {
        "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 13, "args": []
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON: "),
        ("[" * 100_000, "not JSON: "),
        ("[]", "expecting a JSON object"),
        ("{}", "defaultAction: expecting one of SCMP_ACT_ALLOW, "),
        (profile(syscalls={}), "expecting a list for 'syscalls'"),
        (profile(syscalls=[1]), "expecting an object for each of 'syscalls'"),
        (profile(syscalls=[{"action": "SCMP_ACT_ALLOW"}]), "expecting 'names' in each of 'syscalls'"),
        (profile(syscalls=[{"names": [1], "action": "SCMP_ACT_ALLOW"}]),
         "expecting the name of a system call, found 1"),
        (profile(syscalls=[{"names": ["read"], "action": "no"}]), "the action of 'read': expecting one of "),
        (profile(syscalls=[{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 6, "op": "x"}]}]),
         "a system call has arguments 0 to 5, not 6"),
        (profile(syscalls=[{"names": ["read"], "action": "SCMP_ACT_ALLOW", "args": [{"index": 0, "op": "x"}]}]),
         "an operator of 'read': expecting one of "),
        (profile(defaultErrnoRet=-1), "expecting a number for 'defaultErrnoRet', found -1"),
    ],
)  # fmt: skip
def test_what_is_no_profile(text: str, why: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(text)
    assert str(caught.value).startswith(why)


def test_files_of_a_directory(tmp_path: Path) -> None:
    """Read when they are asked for, again when they have changed; no name leads elsewhere."""
    place = tmp_path / "profiles"
    place.mkdir()
    (tmp_path / "outside").write_text(profile())
    profiles = Profiles(str(place))
    for name in ("../outside", "", ".", "..", "a/b", "missing"):
        assert isinstance(profiles.named(name), Problem), name
    (place / "a").write_text("{}")
    found = profiles.named("a")
    assert isinstance(found, Problem) and found.text.startswith("Failed to parse Seccomp profile 'a': defaultAction")
    (place / "a").write_text(profile())
    os.utime(place / "a", (1, 1))
    assert not isinstance(profiles.named("a"), Problem)
    assert profiles.named("a") is profiles.named("a")


def asking(**fields: Any) -> ContainerInfo:
    return ContainerInfo(
        type=ContainerInfo.Type.MESOS, linux_info=LinuxInfo(seccomp=SeccompInfo(**fields) if fields else None)
    )


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[Harness]:
    place = tmp_path / "profiles"
    place.mkdir()
    (place / "default").write_text(profile())
    (place / "open").write_text(profile(syscalls=[]))
    (place / "torn").write_text("{")
    made = Harness(tmp_path)
    isolation = "filesystem/linux,linux/capabilities,linux/seccomp,namespaces/pid"
    flags = {"seccomp_config_dir": str(place), "seccomp_profile_name": "default"}
    await made.isolated(isolation=isolation, **flags).recover()
    yield made
    await made.containerizer.close()
    assert made.cgroups() == []
    remove_cgroups(made)


@pytest.mark.root
@needs_crun
async def test_calls_are_refused_to_a_task_and_to_what_runs_beside_it(harness: Harness) -> None:
    """By the agent's profile, by the task's own, by none; capabilities count."""
    script = "mkdir d && echo made; ln -s a l && echo linked; grep ^Seccomp: /proc/self/status"
    assert await harness.run("a", script) == "linked\nSeccomp:\t2\n"
    bound = LinuxInfo(bounding_capabilities=CapabilityInfo(capabilities=(CapabilityInfo.Capability.CHOWN,)))
    container = ContainerInfo(type=ContainerInfo.Type.MESOS, linux_info=bound)
    assert await harness.run("b", script, container=container) == "Seccomp:\t2\n"
    assert await harness.run("c", script, container=asking(profile_name="open")) == "made\nlinked\nSeccomp:\t2\n"
    assert await harness.run("d", script, container=asking(unconfined=True)) == "made\nlinked\nSeccomp:\t0\n"
    harness.containerizer.launch(harness.spec("e", "sleep", "1000"))
    await harness.launched("e")
    assert await harness.containerizer.run_beside(harness.shell("e", "! mkdir d")) == 0


@pytest.mark.root
@needs_crun
@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"profile_name": "default", "unconfined": True},
         "Invalid Seccomp configuration: 'profile_name' given even though 'unconfined' Seccomp setting is enabled"),
        ({"unconfined": False}, "Missing Seccomp profile name"),
        ({"profile_name": "../default"}, "'../default' is not the name of a Seccomp profile"),
        ({"profile_name": "none"}, "Failed to read Seccomp profile 'none': No such file or directory"),
        ({"profile_name": "torn"}, "Failed to parse Seccomp profile 'torn': not JSON: "),
    ],
)  # fmt: skip
async def test_what_is_refused(harness: Harness, fields: dict[str, Any], text: str) -> None:
    harness.containerizer.launch(harness.spec("c", "true", container=asking(**fields)))
    assert (await harness.failed("c")).startswith(text)


@pytest.mark.root
@needs_crun
@pytest.mark.parametrize(
    ("flags", "text"),
    [
        ({}, "Missing required `--seccomp_config_dir` flag"),
        ({"seccomp_config_dir": "/no", "seccomp_profile_name": "a"},
         "--seccomp_profile_name: Failed to read Seccomp profile 'a': No such file or directory"),
    ],
)  # fmt: skip
def test_an_agent_that_does_not_start(tmp_path: Path, flags: dict[str, str], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        Harness(tmp_path).isolated(isolation="linux/seccomp", **flags)
    assert str(caught.value) == text
