"""``@simulated``: an ``async def`` test on virtual time."""

from __future__ import annotations

import contextlib
import functools
import inspect
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from typing import Any, TextIO, TypeVar, overload

from mesos_py.sdk.testing.cluster import Cluster
from mesos_py.sdk.testing.program import OUTPUT
from mesos_py.sim.loop import SimLoop
from mesos_py.sim.run import silent

T = TypeVar("T")
Test = Callable[..., Coroutine[Any, Any, None]]


def run_simulated(main: Coroutine[Any, Any, T], seed: int) -> T:
    """What ``main`` returns, on a loop of its own. Raises what it raises, Violation and Deadlock."""
    loop = SimLoop(seed)
    with silent(), _sorted_output():
        try:
            result: T = loop.run_until_complete(main)
            return result
        finally:
            loop.close()


@contextlib.contextmanager
def _sorted_output() -> Iterator[None]:
    """What a program prints goes to its ``output``."""
    usual: Any = sys.stdout
    sys.stdout = _Output(usual)
    try:
        yield
    finally:
        sys.stdout = usual


class _Output:
    """Standard output, by who writes."""

    def __init__(self, usual: TextIO) -> None:
        self._usual = usual

    def __getattr__(self, name: str) -> Any:
        return getattr(OUTPUT.get() or self._usual, name)


@overload
def simulated(test: Test) -> Callable[..., None]: ...


@overload
def simulated(*, seed: int = ...) -> Callable[[Test], Callable[..., None]]: ...


def simulated(test: Test | None = None, *, seed: int = 0) -> Any:
    """The test runs to its end on a loop of its own whose time is a number; equal seeds, equal runs.

    A ``Cluster`` among its arguments, as the fixture ``cluster`` is one, is entered before and left, and judged, after.
    """
    if test is None:
        return functools.partial(simulated, seed=seed)

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        clusters = [one for one in (*arguments, *named.values()) if isinstance(one, Cluster)]

        async def main() -> None:
            async with AsyncExitStack() as stack:
                for cluster in clusters:
                    await stack.enter_async_context(cluster)
                await test(*arguments, **named)

        run_simulated(main(), clusters[0].seed if clusters else named.get("seed", seed))

    run.is_simulated = True  # type: ignore[attr-defined]
    assert not inspect.iscoroutinefunction(run)
    return run
