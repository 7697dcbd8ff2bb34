"""The shapes of the entries of the ACLs file, one per action; acls.py has the file.

Mesos: include/mesos/authorizer/acls.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req


@message
class ACL:
    """Holds the shapes of the entries; all are pairs of subjects and objects."""

    @message
    class Entity:
        """Some, any or none."""

        class Type(WireEnum):
            SOME = 0
            ANY = 1
            NONE = 2

        type: Type = opt(1, default=Type.SOME)
        values: tuple[str, ...] = rep(2)

    @message
    class RegisterFramework:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class RunTask:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class TeardownFramework:
        principals: ACL.Entity = req(1)
        framework_principals: ACL.Entity = req(2)

    @message
    class ReserveResources:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class UnreserveResources:
        principals: ACL.Entity = req(1)
        reserver_principals: ACL.Entity = req(2)

    @message
    class CreateVolume:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class DestroyVolume:
        principals: ACL.Entity = req(1)
        creator_principals: ACL.Entity = req(2)

    @message
    class ResizeVolume:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class GetQuota:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class UpdateQuota:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class ViewRole:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class UpdateWeight:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class GetEndpoint:
        principals: ACL.Entity = req(1)
        paths: ACL.Entity = req(2)

    @message
    class ViewFramework:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class ViewTask:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class ViewExecutor:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class AccessSandbox:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class AccessMesosLog:
        principals: ACL.Entity = req(1)
        logs: ACL.Entity = req(2)

    @message
    class ViewFlags:
        principals: ACL.Entity = req(1)
        flags: ACL.Entity = req(2)

    @message
    class LaunchNestedContainerAsUser:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class LaunchNestedContainerUnderParentWithUser:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class LaunchNestedContainerSessionAsUser:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class LaunchNestedContainerSessionUnderParentWithUser:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class AttachContainerInput:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class AttachContainerOutput:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class KillNestedContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class WaitNestedContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class ViewContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class RemoveNestedContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class SetLogLevel:
        principals: ACL.Entity = req(1)
        level: ACL.Entity = req(2)

    @message
    class RegisterAgent:
        principals: ACL.Entity = req(1)
        agents: ACL.Entity = req(2)

    @message
    class UpdateMaintenanceSchedule:
        principals: ACL.Entity = req(1)
        machines: ACL.Entity = req(2)

    @message
    class GetMaintenanceSchedule:
        principals: ACL.Entity = req(1)
        machines: ACL.Entity = req(2)

    @message
    class StartMaintenance:
        principals: ACL.Entity = req(1)
        machines: ACL.Entity = req(2)

    @message
    class StopMaintenance:
        principals: ACL.Entity = req(1)
        machines: ACL.Entity = req(2)

    @message
    class GetMaintenanceStatus:
        principals: ACL.Entity = req(1)
        machines: ACL.Entity = req(2)

    @message
    class DrainAgent:
        principals: ACL.Entity = req(1)
        agents: ACL.Entity = req(2)

    @message
    class DeactivateAgent:
        principals: ACL.Entity = req(1)
        agents: ACL.Entity = req(2)

    @message
    class ReactivateAgent:
        principals: ACL.Entity = req(1)
        agents: ACL.Entity = req(2)

    @message
    class MarkAgentGone:
        principals: ACL.Entity = req(1)
        agents: ACL.Entity = req(2)

    @message
    class LaunchStandaloneContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class KillStandaloneContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class WaitStandaloneContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class RemoveStandaloneContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class ViewStandaloneContainer:
        principals: ACL.Entity = req(1)
        users: ACL.Entity = req(2)

    @message
    class MarkResourceProvidersGone:
        principals: ACL.Entity = req(1)
        resource_providers: ACL.Entity = req(2)

    @message
    class ModifyResourceProviderConfig:
        principals: ACL.Entity = req(1)
        resource_providers: ACL.Entity = req(2)

    @message
    class PruneImages:
        principals: ACL.Entity = req(1)
        images: ACL.Entity = req(2)

    @message
    class CreateBlockDisk:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class DestroyBlockDisk:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class CreateMountDisk:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class DestroyMountDisk:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class DestroyRawDisk:
        principals: ACL.Entity = req(1)
        roles: ACL.Entity = req(2)

    @message
    class ViewResourceProvider:
        principals: ACL.Entity = req(1)
        resource_providers: ACL.Entity = req(2)
