"""The words: every message declared once (Mesos' v1 names), encoded three ways; no behaviour.

==================  ============================================================================================
schema              how a message is declared; fields(), evolve(), payload_field()
ids, value          identifiers; times, addresses, scalars, ranges, sets, labels, domains
resource, role      Resource, TaskResourceLimitation, Request; Role, WeightInfo
command, executor   CommandInfo, Environment; ExecutorInfo
task, health        TaskInfo, Task, TaskStatus, TaskState, KillPolicy; HealthCheck, CheckInfo, CheckStatusInfo
container, volume   ContainerInfo, ContainerStatus, CgroupInfo; Volume (also: image, network, linux, secret, seccomp)
agent, master       AgentInfo, Drain*; MasterInfo
framework, offer    FrameworkInfo, OfferFilters; Offer, InverseOffer, Filters (constraints: OfferConstraints)
operation           Operation, OperationStatus, OperationState
quota, maintenance  QuotaConfig and others; MachineID, Schedule, ClusterStatus
stats, misc         ResourceStatistics and its parts; VersionInfo, Flag, Metric, FileInfo, RateLimits
*_api               Call, Event, Response of an API: scheduler_api, executor_api, master_api, agent_api
resource_provider   Call and Event of resource providers (provider: ResourceProviderInfo)
internal            what master and agent say to each other
registry            what survives a master; agent_state: what survives an agent; acls, flags: files operators write
recordio            framing of streams
codec               json, protobuf, msgpack
==================  ============================================================================================
"""
