"""A whole cluster on one deterministic loop: real cores, simulated everything else, faults drawn from a seed.

::

    seed -> Plan (swarm options, workloads, faults)                                  plan.py, workloads.py, faults.py
             |
             v
    Cluster: Master and Agent cores under the real Driver, scheduler and executor doubles     cluster.py, processes.py
             on virtual time (loop.py), joined by a network that fails (net.py), running scripted containers
             |
             v
    checkers see what is said and what changes, never how (checkers/); safety phase, heal, liveness phase (run.py)

Everything random comes from named streams of the one seed, so a run is repeated exactly by its number, faults can be
left out one by one to find those that matter (shrink.py), and two processes with different hash seeds compute the
same digest of everything that happened.

    report = simulate(7)
    assert report.violation is None, report.text()

What is modelled: connections as TCP has them (order within one, loss only with the connection, half-open ends, delay),
slow stores, clocks that disagree, containers that fail, schedulers and executors that misbehave. What is not: disks
that lose writes and processes that come back with their state, since masters and agents keep no state yet.
"""
