"""The pytest plugin, in a run of pytest of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cluster import environment

TESTS = '''
import random
import pytest
from mesos_py import sdk
from mesos_py.sdk.testing import simulated


class Once(sdk.Scheduler):
    async def on_offers(self, offers):
        if not self.tasks:
            await self.launch(offers[0], [sdk.command("once", "true")])

    async def on_update(self, status):
        if sdk.is_end(status.state):
            await self.teardown()


@simulated
async def test_well(cluster):
    once = cluster.start(Once)
    await cluster.until(lambda: once.has_ended)
    print("it was", list(once.book), cluster.seed)


async def test_unsaid(cluster, tmp_path):
    once = cluster.start(Once)
    await cluster.until(lambda: once.has_ended)
    assert cluster.now_s > 1 and tmp_path.exists()


class TestMethods:
    async def test_unsaid(self, cluster):
        assert isinstance(self, TestMethods) and cluster.now_s == 0


@pytest.mark.parametrize("number", [1, 2])
@simulated
async def test_fails(number, cluster):
    assert cluster.seed == -number
'''


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_the_fixture_and_the_seed(tmp_path: Path, mode: str) -> None:
    """The cluster is there when the test begins, whoever else would run async tests; a failure says how to see it
    again."""
    (tmp_path / "test_mine.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "mesos_py.pytest_plugin", "-p", "no:cacheprovider", "-rP",
         "-p", "pytest_asyncio.plugin", f"--asyncio-mode={mode}",
         "--sim-seed=7", "."],
        cwd=tmp_path, env=environment(PYTEST_DISABLE_PLUGIN_AUTOLOAD="1"), capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert "3 passed" in done.stdout and "2 failed" in done.stdout, done.stdout
    assert "it was ['once-" in done.stdout
    assert "again: pytest 'test_mine.py::test_fails[2]' --sim-seed=7" in done.stdout
