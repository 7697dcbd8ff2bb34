"""Testing frameworks against simulated clusters: real programs, real masters and agents, virtual time, faults.

::

    from mesos_py.sdk.testing import Cluster, Fate, simulated

    @simulated
    async def test_hello_survives_its_master():
        async with Cluster(agents=10, masters=3, seed=7, outcomes=lambda task: Fate(run=30)) as cluster:
            hello = cluster.start(Hello)
            await cluster.until(lambda: cluster.running)
            cluster.inject("restart master", for_s=20)     # kill -9 of the leader, back after 20 s
            await cluster.until(lambda: hello.has_ended, within_s=300)

An hour of the cluster takes as long as what happens in it. A test is repeated exactly by its seed: it must not ask
``time`` or ``random`` for anything; ``asyncio`` is as always.

**Judged at every event** are the promises of masters and agents (``sim.checkers``). **At the end** everything is
healed, and whatever is owed must be paid: the framework is subscribed or has ended, every update is acknowledged, what
it believes to run runs, and nothing else does.

**Programs** (``cluster.start``) are processes: ``crash()`` is kill -9, ``start()`` starts the next run, which finds
what earlier ones have kept; ``stop()`` and ``go_on()`` are SIGSTOP and SIGCONT. One that ends with an error is started
again, and ``errors`` has why. What it prints is in ``output``.

**Faults** by name (``sim.faults.KINDS``): "restart master", "stop master", "cut off from zookeeper", "lose quorum",
"restart agent", "lose host", "partition", "reset", "restart framework", "rival", "stall framework", ...

**Outcomes** are what becomes of tasks: ``Fate(run=30, exit=1)`` fails after 30 s, ``Fate(fail=1)`` cannot be started,
``Fate()`` runs until it is killed; see ``sim.fate``.

**Executors** of the SDK run as they are: ``Cluster(executors=lambda info: MyExecutor)`` starts one in its container, in
a process that is killed with it and outlives its agent. All other custom executors are simulated.

The fixture ``cluster`` of the pytest plugin is a small one, and an ``async def`` test that has it needs no decorator;
``pytest --sim-seed=N`` gives it another seed.
"""

from __future__ import annotations

from mesos_py.sdk.testing.cluster import Cluster, NotSettled
from mesos_py.sdk.testing.loop import simulated
from mesos_py.sdk.testing.program import Program
from mesos_py.sim.fate import Fate
from mesos_py.sim.faults import LEADER, Fault
from mesos_py.sim.observe import Violation

__all__ = ["LEADER", "Cluster", "Fate", "Fault", "NotSettled", "Program", "Violation", "simulated"]
