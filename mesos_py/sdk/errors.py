"""How a scheduler or an executor ends that did not mean to. What can be tried again is tried again instead."""

from __future__ import annotations


class SdkError(Exception):
    """The program ends, and somebody has to look why."""


class SubscriptionRefused(SdkError):
    """The master does not take this framework as it is; asking again would not help."""


class FailedOver(SdkError):
    """Another instance has subscribed with our framework id: it is the framework now, and we are not."""


class FrameworkRemoved(SdkError):
    """Somebody has torn the framework down while we were there. Started again, it is a new framework."""


class NotKept(SdkError):
    """What was to be kept may not have been, and nothing that follows from it may be told: the session has ended, and
    whoever takes its events learns why."""


class AgentGone(SdkError):
    """The agent did not come back within the recovery timeout: an executor that it does not know must not go on."""
