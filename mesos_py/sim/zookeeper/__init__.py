"""A ZooKeeper ensemble that fails as real ones do, below the very sessions, elections and records that masters use.

::

    coordination/zookeeper/{election, records}     the real ones
    coordination/zookeeper/session                 the real one
    client     connects to one server after the other, over the simulated network, which breaks      (kazoo's place)
    server     one of the ensemble: answers reads from what it has applied, sends writes to the leader
    ensemble   who leads it, what is committed, whose sessions live
    tree       znodes

What is modelled, because something here relies on it or has to survive it: an order of all writes, each client's
requests in their order, reads that are behind, ``sync``; ephemeral and sequential znodes; multi-operations; watches
that are called once and end with the connection; sessions that the leader ends when it has not heard of them, told of
them by the other servers only every half tick; servers that die, stop or are cut off from their leader and go on to
answer reads; a new leader, which gives every session its full time again; a write whose proposer died, which is
carried out or not.

What is not: access lists, quotas of memory, ``SetWatches`` (kazoo has none), observers, reconfiguration.
"""
