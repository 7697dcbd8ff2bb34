"""What an image says about itself: read strictly, because anybody may have written it."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from mesos_py.agent.provisioner import manifest
from mesos_py.agent.provisioner.manifest import ImageConfig, Manifest

HEX = "0a" * 32
DIGEST = f"sha256:{HEX}"


def test_a_whole_config() -> None:
    config = {
        "Env": ["A=b", "B=c=d", "C=", "NOTHING", "=x"], "Entrypoint": ["/e"], "Cmd": ["c", ""], "WorkingDir": "/srv",
        "User": "nobody:nogroup", "StopSignal": "SIGINT", "Volumes": {"/data": {}, "relative": {}},
        "Labels": {"a": "b"},
    }  # fmt: skip
    assert manifest.parse_config({"config": config}) == ImageConfig(
        {"A": "b", "B": "c=d", "C": ""}, entrypoint=("/e",), cmd=("c", ""), workdir="/srv", user="nobody:nogroup",
        stop_signal=signal.SIGINT, volumes=("/data",),
    )  # fmt: skip


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": {}}, {"config": {"Env": None, "Cmd": None,
                         "Entrypoint": None, "WorkingDir": "", "User": "", "Volumes": None}}])  # fmt: skip
def test_a_config_that_says_nothing(config: Any) -> None:
    """Docker writes null and empty texts for what is not there."""
    assert manifest.parse_config(config) == ImageConfig({})


@pytest.mark.parametrize(
    "config",
    [
        None, [], "x", {"config": [1]}, {"config": "x"}, {"config": {"Env": "A=b"}}, {"config": {"Env": {"A": "b"}}},
        {"config": {"Env": [1]}}, {"config": {"Env": ["A=\0"]}}, {"config": {"Cmd": "sh"}}, {"config": {"Cmd": [None]}},
        {"config": {"Entrypoint": ["\0"]}}, {"config": {"WorkingDir": 1}}, {"config": {"WorkingDir": "/\0"}},
        {"config": {"User": ["root"]}}, {"config": {"StopSignal": 9}}, {"config": {"Volumes": ["/a"]}},
        {"config": {"Volumes": {"/\0": {}}}},
    ],
)  # fmt: skip
def test_what_is_no_config(config: Any) -> None:
    with pytest.raises(ValueError, match="config"):
        manifest.parse_config(config)


@pytest.mark.parametrize(
    ("text", "workdir"), [("/a", "/a"), ("a/b", "/a/b"), ("//a", "/a"), ("../../etc", "/../../etc")]
)
def test_working_directories_are_absolute(text: str, workdir: str) -> None:
    """They are entered inside of the container's root, above which there is nothing."""
    assert manifest.parse_config({"config": {"WorkingDir": text}}).workdir == workdir


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("SIGTERM", 15), ("TERM", 15), ("sigquit", 3), ("15", 15), ("64", 64), ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("SIGRTMIN", int(signal.SIGRTMIN)), ("0", None), ("65", None), ("-1", None), ("SIGNOTHING", None), ("", None),
        ("SIGRTMIN+", None), ("SIGRTMIN+99", None), ("SIGRTMIN+-3", None), ("²", None),
    ],
)  # fmt: skip
def test_signals(text: str, number: int | None) -> None:
    assert manifest.parse_signal(text) == number


def test_a_manifest() -> None:
    """Digests become names of files, so they are digests and nothing else."""
    parts = {"config": {"digest": DIGEST, "size": 1}, "layers": [{"digest": DIGEST}, {"digest": f"sha256:{'1' * 64}"}]}
    assert manifest.parse_manifest(parts) == Manifest(HEX, (HEX, "1" * 64))
    assert manifest.parse_index({"manifests": [{"digest": DIGEST}]}) == HEX


@pytest.mark.parametrize(
    "found",
    [
        None, {}, {"config": {}, "layers": []}, {"config": {"digest": DIGEST}}, {"layers": []},
        {"config": {"digest": DIGEST}, "layers": {}}, {"config": {"digest": DIGEST}, "layers": [{}]},
        {"config": {"digest": "sha256:../../etc/passwd"}, "layers": []}, {"config": {"digest": HEX}, "layers": []},
        {"config": {"digest": f"sha512:{HEX}{HEX}"}, "layers": []}, {"config": {"digest": f"{DIGEST}\n"}, "layers": []},
    ],
)  # fmt: skip
def test_what_is_no_manifest(found: Any) -> None:
    with pytest.raises(ValueError, match="manifest"):
        manifest.parse_manifest(found)


@pytest.mark.parametrize("found", [None, {}, {"manifests": []}, {"manifests": [{}]}, {"manifests": [{}, {}]}])
def test_what_is_no_index(found: Any) -> None:
    with pytest.raises(ValueError, match="index"):
        manifest.parse_index(found)
