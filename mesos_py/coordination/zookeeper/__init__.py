"""Election and records in ZooKeeper.

::

    <path>/json.info_0000000042            ephemeral, sequential: a candidate, its data MasterInfo as JSON   (election)
    <path>/log_replicas/registry/ledger    who owns the records, and how many there are                     (records)
    <path>/log_replicas/registry/7f/agents:<id>
                                           one record; 256 buckets keep every list of children short
    <path>/log_replicas/registry/intent/3  part of a commit that is too large for one request

The candidates are Mesos' own, so that every client of Mesos finds the leader. Such clients overlook ``log_replicas``,
where Mesos keeps what belongs to its replicated log; a child of another name they might take for a master.

Mesos: src/master/contender/zookeeper.cpp, src/master/detector/zookeeper.cpp, src/zookeeper/group.cpp.
"""
