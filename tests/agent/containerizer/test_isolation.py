"""What --isolation may say, and in which order it is done."""

from __future__ import annotations

import pytest

from mesos_py.agent.containerizer.isolation import parse_isolation, settle
from mesos_py.agent.options import AgentOptions


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ("filesystem/posix", "environment_secret")),
        ("process", ("filesystem/posix", "posix/cpu", "posix/mem", "environment_secret")),
        (
            " posix/rlimits , cgroups",
            ("filesystem/posix", "posix/rlimits", "cgroups/cpu", "cgroups/mem", "environment_secret"),
        ),
        (
            "namespaces/pid,filesystem/linux",
            ("filesystem/linux", "namespaces/pid", "volume/sandbox_path", "volume/host_path", "volume/image",
             "environment_secret"),
        ),
        ("cgroups/all,posix/cpu", ("filesystem/posix", "posix/cpu", "cgroups/all", "environment_secret")),
    ],
)  # fmt: skip
def test_aliases_order_and_what_is_always_there(text: str, names: tuple[str, ...]) -> None:
    assert parse_isolation(text) == names


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cgroups/cpu,no-such", "Unknown or unsupported isolator 'no-such'"),
        ("posix/cpu,", "Unknown or unsupported isolator ''"),
        ("docker/runtime", "The 'docker/runtime' isolator requires the 'filesystem/linux' isolator"),
        ("filesystem/linux,filesystem/posix", "Using multiple filesystem isolators simultaneously is disallowed"),
        ("cgroups,cgroups/mem", "Duplicate entries found in --isolation flag: 'cgroups/mem'"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as refused:
        parse_isolation(text)
    assert str(refused.value) == problem


@pytest.mark.parametrize(
    ("text", "wanted", "launcher"),
    [("process", None, "posix"), ("process", "linux", "linux"), ("cgroups", None, "linux")],
)
def test_launcher(text: str, wanted: str | None, launcher: str) -> None:
    assert settle(text, wanted).launcher == launcher


def test_cgroups_need_the_linux_launcher() -> None:
    with pytest.raises(ValueError, match="The 'cgroups/cpu' isolator requires --launcher=linux"):
        settle("cgroups", "posix")


def test_images_need_a_root_of_their_own() -> None:
    with pytest.raises(ValueError, match="The 'filesystem/linux' isolator must be enabled for container image support"):
        settle("cgroups", None, has_images=True)


@pytest.mark.parametrize("text", ["disk/du", "network/cni,disk/du"])
def test_networks_are_isolated_where_there_are_any(text: str) -> None:
    """Whether the isolator is named or not, as in Mesos."""
    without, having = settle(text, None), settle(text, None, has_networks=True)
    assert ("network/cni" in without, without.needs_runtime, without.launcher) == (False, False, "posix")
    assert having.names == ("filesystem/posix", "disk/du", "network/cni", "environment_secret")
    assert (having.needs_runtime, having.launcher) == (True, "linux")


def test_default_isolates_nothing() -> None:
    options = AgentOptions(master="127.0.0.1:1", work_dir="work")
    assert settle(options.isolation, options.launcher).launcher == "posix"
