"""Marathon on simulated clusters with faults: I13 holds at every event, and what runs is what is defined in the end.

F17 (killed and started again), F24 to F27 (races with agents and masters, which the simulated network makes all the
time), F35 (a deployment that is interrupted anywhere). F18, F20 to F23: test_faults.py.
"""

from __future__ import annotations

from typing import Any

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from mesos_py.sdk.testing import Cluster, simulated
from mesos_py.sdk.testing.loop import run_simulated
from tests.marathon.simulated.running import CHECKED, WEB, Running, until_killed
from tests.marathon.simulated.storms import storm


def checked(**fields: Any) -> dict[str, Any]:
    return {"id": "/web", **WEB, **CHECKED, **fields}


@simulated
async def test_calm() -> None:
    """Created, changed, scaled, removed; each deployment ends, and what is defined runs."""
    async with Cluster(agents=3, outcomes=until_killed) as cluster:
        running = Running(cluster)
        reply = await running.put(checked(instances=4), {"id": "/plain", **WEB})
        assert isinstance(reply, words.Started)
        await cluster.until(lambda: not running.wrongs(), within_s=120)
        await running.put({"id": "/web", "cmd": "other"})
        await cluster.until(lambda: not running.wrongs(), within_s=200)
        assert running.core.kills_of_the_well == 4
        await running.put({"id": "/web", "instances": 2}, {"id": "/plain", "instances": 3})
        await cluster.until(lambda: not running.wrongs(), within_s=120)
        assert sum(map(len, cluster.running.values())) == 5
        await running.ask(words.DeleteApp(PathId("/web")))
        await cluster.until(lambda: not running.wrongs(), within_s=120)
        assert sum(map(len, cluster.running.values())) == 3


FAULTS = [
    {"kind": "restart framework", "host": "f0", "for_s": 3.0}, {"kind": "rival", "host": "f0"},
    {"kind": "stall framework", "host": "f0", "for_s": 20.0}, {"kind": "partition", "host": "f0", "for_s": 40.0},
    {"kind": "restart master", "for_s": 10.0}, {"kind": "partition", "host": "a0", "for_s": 100.0},
    {"kind": "restart agent", "host": "a1", "for_s": 10.0}, {"kind": "lose host", "host": "a2", "for_s": 60.0},
    {"kind": "kill containers", "host": "a0"},
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{one['kind']} {one.get('host', '')}" for one in FAULTS])
@pytest.mark.parametrize("after_s", [0.3, 4.0])
@simulated
async def test_f35_a_rolling_update_is_interrupted(fault: dict[str, Any], after_s: float) -> None:
    """Soon after it was asked for, or when some of it is done; it ends all the same."""
    async with Cluster(agents=3, masters=3, seed=int(after_s), outcomes=until_killed) as cluster:
        running = Running(cluster)
        strategy = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0.2}
        await running.put(checked(instances=6, upgradeStrategy=strategy))
        await cluster.until(lambda: not running.wrongs(), within_s=200)
        reply = await running.put({"id": "/web", "cmd": "other"})
        assert isinstance(reply, words.Started)
        began = cluster.now_s
        await cluster.until(lambda: cluster.now_s >= began + after_s)
        cluster.inject(**fault)
        await cluster.until(lambda: cluster.now_s >= began + after_s + fault.get("for_s", 0.0) + 1.0, within_s=200)
        await cluster.until(lambda: not running.wrongs(), within_s=2_000)
        assert running.core.specs[PathId("/web")].version == reply.version  # type: ignore[union-attr]
        assert running.program.errors == [] or fault["kind"] == "rival"


@simulated
async def test_f19_a_framework_that_comes_back_too_late() -> None:
    """Its tasks were killed, and its id is nobody's any more: it is another one, and what is defined runs again."""
    async with Cluster(agents=3, outcomes=until_killed, settles=False) as cluster:
        running = Running(cluster, failover_timeout_s=30.0)
        await running.put(checked(instances=4))
        await cluster.until(lambda: not running.wrongs(), within_s=100)
        running.program.crash()
        await cluster.until(lambda: not cluster.running, within_s=100)
        running.program.start()
        await cluster.until(lambda: not running.wrongs(), within_s=100)
        assert len(running.program.past_ids) == 1


@pytest.mark.parametrize("is_deploying", [False, True], ids=["", "in the middle of an update"])
@simulated
async def test_all_are_killed_at_once(is_deploying: bool) -> None:
    """Master, Marathon and agents are killed and started again: tasks go on, and so does what was being done."""
    async with Cluster(agents=3, outcomes=until_killed) as cluster:
        running = Running(cluster)
        strategy = {"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0}
        await running.put(checked(instances=6, upgradeStrategy=strategy))
        await cluster.until(lambda: not running.wrongs(), within_s=200)
        first = {task for tasks in cluster.running.values() for task in tasks}
        if is_deploying:
            await running.put({"id": "/web", "cmd": "other"})
            await cluster.until(lambda: any(one.incarnation for one in running.core.instances.values()
                                            if f"{one.id}._app.1" not in first))  # fmt: skip
        for kind, host in [("restart framework", "f0"), ("restart master", "m0"),
                           *[("restart agent", f"a{number}") for number in range(3)]]:  # fmt: skip
            cluster.inject(kind, host, for_s=5.0)
        await cluster.until(lambda: not running.is_ready())
        await cluster.until(running.is_ready, within_s=100)
        await cluster.until(lambda: not running.wrongs(), within_s=500)
        last = {task for tasks in cluster.running.values() for task in tasks}
        assert not last & first if is_deploying else last == first
        assert len(last) == 6
        assert len(running.cores) == 2


# ---- anything, in any order


@pytest.mark.parametrize("seed", range(6))
def test_storms(seed: int) -> None:
    """Whatever comes in whatever order."""
    running = run_simulated(storm(seed), seed)
    assert sum(core.launches for core in running.cores) > 0
