"""mesos_py: a Mesos-style two-level scheduling kernel.

Glossary, one word per idea:

=============  ==================================================================================
master         the process that owns the cluster's state and offers resources
agent          the process on each machine that launches executors and reports their tasks
framework      a scheduler registered at the master, named by its FrameworkID
executor       the process that runs a framework's tasks on one agent
role           a path such as ``eng/web`` that resources are reserved for and shared by
offer          resources of one agent, given to one framework in one role until answered
core           pure state machine: events in, frames out; never waits, never fails
frame          everything one event caused: writes, sends, changes
driver         the only asyncio object that knows a core: commits writes, then speaks
=============  ==================================================================================
"""

__version__ = "0.1.0"

#: The Mesos version whose wire behaviour we speak, as every version string on the wire says it.
#: Dotted integers only: clients call int() on each part.
MESOS_VERSION = "1.12.0"
