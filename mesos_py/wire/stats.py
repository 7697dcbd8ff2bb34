"""What a container used. Everything here is optional, units are in the names.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.container import CgroupInfo
from mesos_py.wire.executor import ExecutorInfo
from mesos_py.wire.ids import ContainerID, TaskID
from mesos_py.wire.resource import Resource
from mesos_py.wire.schema import message, opt, rep, req
from mesos_py.wire.value import Labels, Value


@message
class TrafficControlStatistics:
    """Counters of one queueing discipline."""

    id: str = req(1)
    backlog: int | None = opt(2, kind="uint64")
    bytes: int | None = opt(3, kind="uint64")
    drops: int | None = opt(4, kind="uint64")
    overlimits: int | None = opt(5, kind="uint64")
    packets: int | None = opt(6, kind="uint64")
    qlen: int | None = opt(7, kind="uint64")
    ratebps: int | None = opt(8, kind="uint64")
    ratepps: int | None = opt(9, kind="uint64")
    requeues: int | None = opt(10, kind="uint64")


@message
class IpStatistics:
    """Counters of /proc/net/snmp, line Ip."""

    Forwarding: int | None = opt(1)
    DefaultTTL: int | None = opt(2)
    InReceives: int | None = opt(3)
    InHdrErrors: int | None = opt(4)
    InAddrErrors: int | None = opt(5)
    ForwDatagrams: int | None = opt(6)
    InUnknownProtos: int | None = opt(7)
    InDiscards: int | None = opt(8)
    InDelivers: int | None = opt(9)
    OutRequests: int | None = opt(10)
    OutDiscards: int | None = opt(11)
    OutNoRoutes: int | None = opt(12)
    ReasmTimeout: int | None = opt(13)
    ReasmReqds: int | None = opt(14)
    ReasmOKs: int | None = opt(15)
    ReasmFails: int | None = opt(16)
    FragOKs: int | None = opt(17)
    FragFails: int | None = opt(18)
    FragCreates: int | None = opt(19)


@message
class IcmpStatistics:
    """Counters of /proc/net/snmp, line Icmp."""

    InMsgs: int | None = opt(1)
    InErrors: int | None = opt(2)
    InCsumErrors: int | None = opt(3)
    InDestUnreachs: int | None = opt(4)
    InTimeExcds: int | None = opt(5)
    InParmProbs: int | None = opt(6)
    InSrcQuenchs: int | None = opt(7)
    InRedirects: int | None = opt(8)
    InEchos: int | None = opt(9)
    InEchoReps: int | None = opt(10)
    InTimestamps: int | None = opt(11)
    InTimestampReps: int | None = opt(12)
    InAddrMasks: int | None = opt(13)
    InAddrMaskReps: int | None = opt(14)
    OutMsgs: int | None = opt(15)
    OutErrors: int | None = opt(16)
    OutDestUnreachs: int | None = opt(17)
    OutTimeExcds: int | None = opt(18)
    OutParmProbs: int | None = opt(19)
    OutSrcQuenchs: int | None = opt(20)
    OutRedirects: int | None = opt(21)
    OutEchos: int | None = opt(22)
    OutEchoReps: int | None = opt(23)
    OutTimestamps: int | None = opt(24)
    OutTimestampReps: int | None = opt(25)
    OutAddrMasks: int | None = opt(26)
    OutAddrMaskReps: int | None = opt(27)


@message
class TcpStatistics:
    """Counters of /proc/net/snmp, line Tcp."""

    RtoAlgorithm: int | None = opt(1)
    RtoMin: int | None = opt(2)
    RtoMax: int | None = opt(3)
    MaxConn: int | None = opt(4)
    ActiveOpens: int | None = opt(5)
    PassiveOpens: int | None = opt(6)
    AttemptFails: int | None = opt(7)
    EstabResets: int | None = opt(8)
    CurrEstab: int | None = opt(9)
    InSegs: int | None = opt(10)
    OutSegs: int | None = opt(11)
    RetransSegs: int | None = opt(12)
    InErrs: int | None = opt(13)
    OutRsts: int | None = opt(14)
    InCsumErrors: int | None = opt(15)


@message
class UdpStatistics:
    """Counters of /proc/net/snmp, line Udp."""

    InDatagrams: int | None = opt(1)
    NoPorts: int | None = opt(2)
    InErrors: int | None = opt(3)
    OutDatagrams: int | None = opt(4)
    RcvbufErrors: int | None = opt(5)
    SndbufErrors: int | None = opt(6)
    InCsumErrors: int | None = opt(7)
    IgnoredMulti: int | None = opt(8)


@message
class SNMPStatistics:
    """A container's /proc/net/snmp."""

    ip_stats: IpStatistics | None = opt(1)
    icmp_stats: IcmpStatistics | None = opt(2)
    tcp_stats: TcpStatistics | None = opt(3)
    udp_stats: UdpStatistics | None = opt(4)


@message
class DiskStatistics:
    """Use of one volume."""

    source: Resource.DiskInfo.Source | None = opt(1)
    persistence: Resource.DiskInfo.Persistence | None = opt(2)
    limit_bytes: int | None = opt(3, kind="uint64")
    used_bytes: int | None = opt(4, kind="uint64")


@message
class PerfStatistics:
    """What perf(1) counted over `duration` seconds."""

    timestamp: float = req(1)
    duration: float = req(2)
    cycles: int | None = opt(3, kind="uint64")
    stalled_cycles_frontend: int | None = opt(4, kind="uint64")
    stalled_cycles_backend: int | None = opt(5, kind="uint64")
    instructions: int | None = opt(6, kind="uint64")
    cache_references: int | None = opt(7, kind="uint64")
    cache_misses: int | None = opt(8, kind="uint64")
    branches: int | None = opt(9, kind="uint64")
    branch_misses: int | None = opt(10, kind="uint64")
    bus_cycles: int | None = opt(11, kind="uint64")
    ref_cycles: int | None = opt(12, kind="uint64")
    cpu_clock: float | None = opt(13)
    task_clock: float | None = opt(14)
    page_faults: int | None = opt(15, kind="uint64")
    minor_faults: int | None = opt(16, kind="uint64")
    major_faults: int | None = opt(17, kind="uint64")
    context_switches: int | None = opt(18, kind="uint64")
    cpu_migrations: int | None = opt(19, kind="uint64")
    alignment_faults: int | None = opt(20, kind="uint64")
    emulation_faults: int | None = opt(21, kind="uint64")
    l1_dcache_loads: int | None = opt(22, kind="uint64")
    l1_dcache_load_misses: int | None = opt(23, kind="uint64")
    l1_dcache_stores: int | None = opt(24, kind="uint64")
    l1_dcache_store_misses: int | None = opt(25, kind="uint64")
    l1_dcache_prefetches: int | None = opt(26, kind="uint64")
    l1_dcache_prefetch_misses: int | None = opt(27, kind="uint64")
    l1_icache_loads: int | None = opt(28, kind="uint64")
    l1_icache_load_misses: int | None = opt(29, kind="uint64")
    l1_icache_prefetches: int | None = opt(30, kind="uint64")
    l1_icache_prefetch_misses: int | None = opt(31, kind="uint64")
    llc_loads: int | None = opt(32, kind="uint64")
    llc_load_misses: int | None = opt(33, kind="uint64")
    llc_stores: int | None = opt(34, kind="uint64")
    llc_store_misses: int | None = opt(35, kind="uint64")
    llc_prefetches: int | None = opt(36, kind="uint64")
    llc_prefetch_misses: int | None = opt(37, kind="uint64")
    dtlb_loads: int | None = opt(38, kind="uint64")
    dtlb_load_misses: int | None = opt(39, kind="uint64")
    dtlb_stores: int | None = opt(40, kind="uint64")
    dtlb_store_misses: int | None = opt(41, kind="uint64")
    dtlb_prefetches: int | None = opt(42, kind="uint64")
    dtlb_prefetch_misses: int | None = opt(43, kind="uint64")
    itlb_loads: int | None = opt(44, kind="uint64")
    itlb_load_misses: int | None = opt(45, kind="uint64")
    branch_loads: int | None = opt(46, kind="uint64")
    branch_load_misses: int | None = opt(47, kind="uint64")
    node_loads: int | None = opt(48, kind="uint64")
    node_load_misses: int | None = opt(49, kind="uint64")
    node_stores: int | None = opt(50, kind="uint64")
    node_store_misses: int | None = opt(51, kind="uint64")
    node_prefetches: int | None = opt(52, kind="uint64")
    node_prefetch_misses: int | None = opt(53, kind="uint64")


@message
class ResourceStatistics:
    """A snapshot of what a container uses."""

    @message
    class RatePercentiles:
        min: int | None = opt(1, kind="uint64")
        max: int | None = opt(2, kind="uint64")
        p50: int | None = opt(3, kind="uint64")
        p90: int | None = opt(4, kind="uint64")
        p95: int | None = opt(5, kind="uint64")
        p99: int | None = opt(6, kind="uint64")
        p999: int | None = opt(7, kind="uint64")
        p9999: int | None = opt(8, kind="uint64")
        samples: int | None = opt(9, kind="uint64")

    @message
    class RateStatistics:
        rx_rate: ResourceStatistics.RatePercentiles | None = opt(1)
        rx_packet_rate: ResourceStatistics.RatePercentiles | None = opt(2)
        rx_drop_rate: ResourceStatistics.RatePercentiles | None = opt(3)
        rx_error_rate: ResourceStatistics.RatePercentiles | None = opt(4)
        tx_rate: ResourceStatistics.RatePercentiles | None = opt(5)
        tx_packet_rate: ResourceStatistics.RatePercentiles | None = opt(6)
        tx_drop_rate: ResourceStatistics.RatePercentiles | None = opt(7)
        tx_error_rate: ResourceStatistics.RatePercentiles | None = opt(8)
        sampling_window_secs: float | None = opt(9)
        sampling_interval_secs: float | None = opt(10)

    timestamp: float = req(1)
    processes: int | None = opt(30, kind="uint32")
    threads: int | None = opt(31, kind="uint32")
    cpus_user_time_secs: float | None = opt(2)
    cpus_system_time_secs: float | None = opt(3)
    cpus_limit: float | None = opt(4)
    cpus_soft_limit: float | None = opt(45)
    cpus_nr_periods: int | None = opt(7, kind="uint32")
    cpus_nr_throttled: int | None = opt(8, kind="uint32")
    cpus_throttled_time_secs: float | None = opt(9)
    mem_total_bytes: int | None = opt(36, kind="uint64")
    mem_total_memsw_bytes: int | None = opt(37, kind="uint64")
    mem_limit_bytes: int | None = opt(6, kind="uint64")
    mem_soft_limit_bytes: int | None = opt(38, kind="uint64")
    mem_file_bytes: int | None = opt(10, kind="uint64")
    mem_anon_bytes: int | None = opt(11, kind="uint64")
    mem_cache_bytes: int | None = opt(39, kind="uint64")
    mem_rss_bytes: int | None = opt(5, kind="uint64")
    mem_mapped_file_bytes: int | None = opt(12, kind="uint64")
    mem_swap_bytes: int | None = opt(40, kind="uint64")
    mem_unevictable_bytes: int | None = opt(41, kind="uint64")
    mem_kmem_usage_bytes: int | None = opt(52, kind="uint64")
    mem_kmem_tcp_usage_bytes: int | None = opt(53, kind="uint64")
    mem_low_pressure_counter: int | None = opt(32, kind="uint64")
    mem_medium_pressure_counter: int | None = opt(33, kind="uint64")
    mem_critical_pressure_counter: int | None = opt(34, kind="uint64")
    disk_limit_bytes: int | None = opt(26, kind="uint64")
    disk_used_bytes: int | None = opt(27, kind="uint64")
    disk_statistics: tuple[DiskStatistics, ...] = rep(43)
    blkio_statistics: CgroupInfo.Blkio.Statistics | None = opt(44)
    perf: PerfStatistics | None = opt(13)
    net_rx_packets: int | None = opt(14, kind="uint64")
    net_rx_bytes: int | None = opt(15, kind="uint64")
    net_rx_errors: int | None = opt(16, kind="uint64")
    net_rx_dropped: int | None = opt(17, kind="uint64")
    net_tx_packets: int | None = opt(18, kind="uint64")
    net_tx_bytes: int | None = opt(19, kind="uint64")
    net_tx_errors: int | None = opt(20, kind="uint64")
    net_tx_dropped: int | None = opt(21, kind="uint64")
    net_tcp_rtt_microsecs_p50: float | None = opt(22)
    net_tcp_rtt_microsecs_p90: float | None = opt(23)
    net_tcp_rtt_microsecs_p95: float | None = opt(24)
    net_tcp_rtt_microsecs_p99: float | None = opt(25)
    net_tcp_active_connections: float | None = opt(28)
    net_tcp_time_wait_connections: float | None = opt(29)
    net_traffic_control_statistics: tuple[TrafficControlStatistics, ...] = rep(35)
    net_snmp_statistics: SNMPStatistics | None = opt(42)
    net_tx_rate_limit: int | None = opt(46, kind="uint64")
    net_tx_burst_rate_limit: int | None = opt(47, kind="uint64")
    net_tx_burst_size: int | None = opt(48, kind="uint64")
    net_rx_rate_limit: int | None = opt(49, kind="uint64")
    net_rx_burst_rate_limit: int | None = opt(50, kind="uint64")
    net_rx_burst_size: int | None = opt(51, kind="uint64")
    net_rate_statistics: RateStatistics | None = opt(54)
    net_ephemeral_ports: Value.Range | None = opt(55)


@message
class ResourceUsage:
    """What all executors of an agent use."""

    @message
    class Executor:
        @message
        class Task:
            name: str = req(1)
            id: TaskID = req(2)
            resources: tuple[Resource, ...] = rep(3)
            labels: Labels | None = opt(4)

        executor_info: ExecutorInfo = req(1)
        allocated: tuple[Resource, ...] = rep(2)
        statistics: ResourceStatistics | None = opt(3)
        container_id: ContainerID = req(4)
        tasks: tuple[Task, ...] = rep(5)

    executors: tuple[Executor, ...] = rep(1)
    total: tuple[Resource, ...] = rep(2)
