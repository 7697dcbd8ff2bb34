"""The pytest plugin of ``mesos_py.sdk.testing``: the fixture ``cluster`` and the option ``--sim-seed``.

It is loaded into every run of pytest where mesos_py is installed, so it imports nothing before it is asked for it.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mesos_py.sdk.testing import Cluster


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("mesos_py")
    group.addoption("--sim-seed", type=int, default=0, metavar="N", help="seed of the simulated clusters of fixtures")


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """A simulated cluster of one master and two agents, entered before the test, and judged after it."""
    from mesos_py.sdk.testing import Cluster

    return Cluster(seed=request.config.getoption("--sim-seed"))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """An ``async def`` test with the fixture is ``@simulated``, whether it says so or not; also where another plugin
    would run it on a loop of its own."""
    test = inspect.unwrap(pyfuncitem.obj)
    if "cluster" not in pyfuncitem.funcargs or not inspect.iscoroutinefunction(test):
        return None
    from mesos_py.sdk.testing import Cluster, simulated

    if hasattr(pyfuncitem.obj, "is_simulated") or not isinstance(pyfuncitem.funcargs["cluster"], Cluster):
        return None
    run = simulated(test if pyfuncitem.instance is None else test.__get__(pyfuncitem.instance))
    run(**{name: pyfuncitem.funcargs[name] for name in inspect.signature(run).parameters})
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """A test that fails says which seed it had."""
    outcome = yield
    report = outcome.get_result()
    arguments = getattr(item, "funcargs", {})
    seed = getattr(arguments.get("cluster"), "seed", None)
    if report.when == "call" and report.failed and seed is not None:
        report.sections.append(("simulated cluster", f"again: pytest '{item.nodeid}' --sim-seed={seed}"))
