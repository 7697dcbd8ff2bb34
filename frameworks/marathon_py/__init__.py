"""Marathon on the kernel: apps, groups and pods that are kept running, served by Marathon's v2 REST API.

=============  ============================================================================
definitions/   apps, pods and groups as people define them: read, completed, judged, written
words          what the core hears, says and tells
core           everything that runs, and the ways in which it changes
broken         records that cannot be understood
instances/     copies of an app or a pod: goals, conditions, health, kills, what is kept
launching/     offers, back-off, the queue with its reasons; what a task is told
deployments/   changes of definitions, the plan of a change, and how it is carried out
views/         what people see, as JSON; why something waits, in sentences
shell/         the program on the SDK, REST, events, leaders, probes, and ``marathon-py``
=============  ============================================================================

All but the shell is pure: one ``core.Marathon`` behind a session of the SDK decides everything, and the simulator runs
it as it is. Source: mesosphere/marathon 1.11, docs and src/main/scala/mesosphere/marathon.
"""
