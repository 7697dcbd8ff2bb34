"""What runs on when its agent ends: what a later agent will know. The supervisor ends everything else."""

from __future__ import annotations

from mesos_py.agent.core import Agent


def left_running(agent: Agent) -> int | None:
    """How many tasks of checkpointing frameworks have an executor that runs; None: no container runs on."""
    kept = [one for one in agent.state.containers.values() if one.checkpoint and not one.is_over]
    others = [one for one in agent.api_containers.by_key.values() if one.is_kept and not one.is_ending]
    return sum(len(one.queued) + len(one.launched) for one in kept) if kept or others else None
