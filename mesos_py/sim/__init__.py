"""A whole cluster on one deterministic loop: real cores and shells, simulated everything else, faults from a seed.

::

    seed -> Plan (swarm options, workloads, faults)                                             plan.py, faults.py
             |
             v
    Cluster  masters    Session, Reign, registry, core, driver: the real ones                    masters.py
             agents     recovery, locator, core, driver: the real ones                           agents.py, hosts.py
             ZooKeeper, disks, supervisors, containers, network, clocks, schedulers: simulated   zookeeper/, disk.py ...
             |
             v
    checkers see what is said and what changes, never how (checkers/); safety phase, heal, liveness phase (run.py)

Everything random comes from named streams of the one seed, so a run is repeated exactly by its number, faults can be
left out one by one to find those that matter (shrink.py), and two processes with different hash seeds compute the
same digest of everything that happened.

    report = simulate(7)
    assert report.violation is None, report.text()

How to write scenarios, checkers and processes of one's own, and how to read a failure: docs/simulator.md. What is not
modelled: HTTP and its codecs on the way (``encoded`` plans use the codecs alone), sandboxes, images, cgroups, access
lists of ZooKeeper, processes whose clocks run at different rates where ``loop.time()`` is asked instead of the clock.
"""
