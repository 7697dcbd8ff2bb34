"""What an agent offers when ``--resources`` is silent (Mesos: agent semantics, section 2)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mesos_py.agent import resources
from mesos_py.algebra.resources import Resources


def detect(flag: str, default_role: str, work_dir: str) -> Resources:
    return Resources.of(resources.detect(flag, default_role, work_dir))


def test_everything_is_detected(tmp_path: Path) -> None:
    """Cores, memory and disk less what the system needs, and the usual ports."""
    found = detect("", "*", str(tmp_path))
    assert found.names() == ("cpus", "mem", "disk", "ports")
    assert found.scalar("cpus") == 1000 * (os.cpu_count() or 1)
    total_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    assert 0 < found.scalar("mem") / 1000 < total_mb
    assert found.scalar("mem") % 1000 == 0
    assert str(found.ranges("ports")) == "[31000-32000]"


def test_what_is_given_counts(tmp_path: Path) -> None:
    """A name that is given is not detected; given as 0 it is not offered."""
    found = detect("cpus:3.5;disk:0;ports:[1-2]", "*", str(tmp_path))
    assert found.scalar("cpus") == 3500
    assert "disk" not in found.names()
    assert str(found.ranges("ports")) == "[1-2]"
    assert "mem" in found.names()


def test_the_default_role(tmp_path: Path) -> None:
    """What names no role is reserved to it, detected or not."""
    found = detect("cpus:3;mem(other):64", "eng", str(tmp_path))
    assert set(found.reservations()) == {"eng", "other"}
    assert not found.unreserved()


def test_a_work_dir_that_is_not_there_yet(tmp_path: Path) -> None:
    """The file system is that of the nearest directory above it."""
    assert detect("", "*", str(tmp_path / "a" / "b")).scalar("disk") > 0


def test_star_is_not_said(tmp_path: Path) -> None:
    assert all(message.role is None for message in resources.detect("cpus:1", "*", str(tmp_path)))


@pytest.mark.parametrize("flag", ["cpus", "cpus:-1", "cpus:x"])
def test_nonsense_is_refused(flag: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"resources|Bad|cpus"):
        detect(flag, "*", str(tmp_path))
