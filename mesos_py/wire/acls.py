"""The ACLs file (--acls): who may do what to whom. The first entry whose principals and objects match decides.

Mesos: include/mesos/authorizer/acls.proto.
"""

from __future__ import annotations

from mesos_py.wire.acl import ACL
from mesos_py.wire.schema import message, opt, rep

__all__ = ["ACL", "ACLs"]


@message
class ACLs:
    """All entries by action, and what happens when none matches."""

    permissive: bool = opt(1, default=True)
    register_frameworks: tuple[ACL.RegisterFramework, ...] = rep(2)
    run_tasks: tuple[ACL.RunTask, ...] = rep(3)
    reserve_resources: tuple[ACL.ReserveResources, ...] = rep(5)
    unreserve_resources: tuple[ACL.UnreserveResources, ...] = rep(6)
    create_volumes: tuple[ACL.CreateVolume, ...] = rep(7)
    destroy_volumes: tuple[ACL.DestroyVolume, ...] = rep(8)
    teardown_frameworks: tuple[ACL.TeardownFramework, ...] = rep(11)
    update_weights: tuple[ACL.UpdateWeight, ...] = rep(12)
    get_endpoints: tuple[ACL.GetEndpoint, ...] = rep(13)
    get_quotas: tuple[ACL.GetQuota, ...] = rep(14)
    update_quotas: tuple[ACL.UpdateQuota, ...] = rep(15)
    view_frameworks: tuple[ACL.ViewFramework, ...] = rep(16)
    view_tasks: tuple[ACL.ViewTask, ...] = rep(17)
    view_executors: tuple[ACL.ViewExecutor, ...] = rep(18)
    access_sandboxes: tuple[ACL.AccessSandbox, ...] = rep(19)
    access_mesos_logs: tuple[ACL.AccessMesosLog, ...] = rep(20)
    view_roles: tuple[ACL.ViewRole, ...] = rep(21)
    view_flags: tuple[ACL.ViewFlags, ...] = rep(22)
    launch_nested_containers_as_user: tuple[ACL.LaunchNestedContainerAsUser, ...] = rep(23)
    launch_nested_containers_under_parent_with_user: tuple[ACL.LaunchNestedContainerUnderParentWithUser, ...] = rep(24)
    kill_nested_containers: tuple[ACL.KillNestedContainer, ...] = rep(25)
    wait_nested_containers: tuple[ACL.WaitNestedContainer, ...] = rep(26)
    launch_nested_container_sessions_as_user: tuple[ACL.LaunchNestedContainerSessionAsUser, ...] = rep(27)
    launch_nested_container_sessions_under_parent_with_user: tuple[
        ACL.LaunchNestedContainerSessionUnderParentWithUser, ...
    ] = rep(28)
    attach_containers_input: tuple[ACL.AttachContainerInput, ...] = rep(29)
    attach_containers_output: tuple[ACL.AttachContainerOutput, ...] = rep(30)
    view_containers: tuple[ACL.ViewContainer, ...] = rep(31)
    set_log_level: tuple[ACL.SetLogLevel, ...] = rep(32)
    remove_nested_containers: tuple[ACL.RemoveNestedContainer, ...] = rep(33)
    register_agents: tuple[ACL.RegisterAgent, ...] = rep(34)
    update_maintenance_schedules: tuple[ACL.UpdateMaintenanceSchedule, ...] = rep(35)
    get_maintenance_schedules: tuple[ACL.GetMaintenanceSchedule, ...] = rep(36)
    start_maintenances: tuple[ACL.StartMaintenance, ...] = rep(37)
    stop_maintenances: tuple[ACL.StopMaintenance, ...] = rep(38)
    get_maintenance_statuses: tuple[ACL.GetMaintenanceStatus, ...] = rep(39)
    mark_agents_gone: tuple[ACL.MarkAgentGone, ...] = rep(40)
    launch_standalone_containers: tuple[ACL.LaunchStandaloneContainer, ...] = rep(41)
    kill_standalone_containers: tuple[ACL.KillStandaloneContainer, ...] = rep(42)
    wait_standalone_containers: tuple[ACL.WaitStandaloneContainer, ...] = rep(43)
    remove_standalone_containers: tuple[ACL.RemoveStandaloneContainer, ...] = rep(44)
    modify_resource_provider_configs: tuple[ACL.ModifyResourceProviderConfig, ...] = rep(45)
    view_standalone_containers: tuple[ACL.ViewStandaloneContainer, ...] = rep(46)
    prune_images: tuple[ACL.PruneImages, ...] = rep(47)
    resize_volumes: tuple[ACL.ResizeVolume, ...] = rep(48)
    create_block_disks: tuple[ACL.CreateBlockDisk, ...] = rep(49)
    destroy_block_disks: tuple[ACL.DestroyBlockDisk, ...] = rep(50)
    create_mount_disks: tuple[ACL.CreateMountDisk, ...] = rep(51)
    destroy_mount_disks: tuple[ACL.DestroyMountDisk, ...] = rep(52)
    view_resource_providers: tuple[ACL.ViewResourceProvider, ...] = rep(53)
    mark_resource_providers_gone: tuple[ACL.MarkResourceProvidersGone, ...] = rep(54)
    destroy_raw_disks: tuple[ACL.DestroyRawDisk, ...] = rep(55)
    drain_agents: tuple[ACL.DrainAgent, ...] = rep(56)
    deactivate_agents: tuple[ACL.DeactivateAgent, ...] = rep(57)
    reactivate_agents: tuple[ACL.ReactivateAgent, ...] = rep(58)
