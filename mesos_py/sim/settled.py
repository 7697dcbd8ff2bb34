"""What is owed once nothing breaks any more: a list of debts that must become empty, and stay so, in bounded time.

Compared are the three views of the world that must agree in the end: what schedulers have in their books, what the
master's facts say is running, and what really runs on the hosts.

    I4   no update is left unacknowledged           I5   no task is silently lost
    I11  every framework gets a last task through   I12  nothing runs that nobody wants
    I9   and so does every one that is guaranteed what it takes
"""

from __future__ import annotations

from mesos_py.sim.book import top
from mesos_py.sim.checkers.lives import Lives
from mesos_py.sim.checkers.offers import Offers
from mesos_py.sim.checkers.updates import Updates
from mesos_py.sim.cluster import Cluster
from mesos_py.sim.supervisor import framework_of

UNHEALTHY_S = 30.0  # three checks of 5 s and a kill of 3 s, with all that delays them


def debts(cluster: Cluster, offers: Offers, updates: Updates, lives: Lives) -> list[str]:
    """What is still missing, empty when the cluster is settled."""
    running: dict[tuple[str, str], str] = {}
    for agent in cluster.agents.values():
        for key in agent.tasks():
            running[key] = agent.name
    known = {
        (str(record.framework_id), str(record.id)): record
        for scheduler in cluster.schedulers.values()
        for record in scheduler.book.values()
    }
    roles = {one.host: top(one.role) for one in cluster.plan.frameworks}
    left: list[str] = []
    for host, scheduler in cluster.schedulers.items():
        if not scheduler.subscribed:
            left.append(f"I11 {host} is not subscribed")
        elif not scheduler.is_probed:
            invariant = "I9" if roles.get(host) in cluster.operators.guaranteed else "I11"
            left.append(f"{invariant} {host} has not run its last task")
        for record in scheduler.open_records():
            states = [status.state.name for status in record.heard[-4:]]
            if scheduler.is_ending and not record.is_probe and not record.is_unreachable:
                left.append(f"I11 {host} has asked for the end of {record.id} again and again ({states})")
            if (record.framework_id, record.id) not in running and not record.is_unreachable:
                left.append(f"I5 {host} believes that {record.id} is under way after {states}, but it runs nowhere")
    for key, name in running.items():
        if key[0] in lives.away or key[0] in lives.waiting:
            continue  # its failover timeout is not over, or nobody has told the master what it is
        owner = known.get(key)
        if owner is None or not owner.is_open:
            states = [status.state.name for status in owner.heard[-4:]] if owner is not None else []
            left.append(f"I12 {key} runs on {name}, but nobody wants it ({states})")
        elif key not in offers.tasks:
            left.append(f"I5 {key} runs on {name}, but not to the master's knowledge")
    left += [
        f"I5 the master believes that {key} is under way, but it runs nowhere"
        for key in offers.tasks if key not in running
    ]  # fmt: skip
    for agent in cluster.agents.values():
        running_here = agent.supervisor.running.values()
        left += [f"I12 {one.spec.container_id} of {framework_of(one.spec)}, which is removed, runs on {agent.name}"
                 for one in running_here if framework_of(one.spec) in lives.removed]  # fmt: skip
        left += [f"{one.fate.task} is unhealthy since {one.sick_at:.0f} s, and runs on {agent.name}"
                 for one in running_here if cluster.loop.time() > one.sick_at + UNHEALTHY_S]  # fmt: skip
    ears = {str(scheduler.framework_id): None for scheduler in cluster.schedulers.values()}
    for host, owed in updates.owed.items():
        left += [f"I4 {host} is owed an acknowledgement of {status.state.name} of {key[:2]}"
                 for key, status in owed.items() if key[0] in ears]  # fmt: skip
    left += cluster.operators.debts()
    return left if cluster.guests is None else [*left, *cluster.guests.debts()]
