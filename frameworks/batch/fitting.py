"""Whether any host that the master knows could ever run a task of a job, however much of it is in use now. Pure.

Looked at are whole hosts: their resources, attributes and domains, with the filters that offers go through. Who is
already there is not, nor what quotas allow: a job that is not refused here may still have to wait.
"""

from __future__ import annotations

from collections.abc import Sequence

from frameworks.batch.job import Job
from mesos_py.sdk.matching import Census, Host, View, explain
from mesos_py.sdk.matching.explain import judge, room
from mesos_py.sdk.matching.filters import FILTERS

HINT = '"wait_for_hosts": true takes it all the same'


def fits(job: Job, hosts: Sequence[Host]) -> bool:
    """A task of it has room on one of ``hosts``, or all of its gang on all of them. A look at one host, mostly."""
    request, view = job.request, _view(job)
    if job.gang:
        return room(request, hosts, view, FILTERS, job.gang) == job.gang
    return any(not judge(request, host, view) for host in hosts)


def misfit(job: Job, hosts: Sequence[Host]) -> str | None:
    """Why it does not; None: it does, or there are no hosts, and nobody knows."""
    if not hosts or fits(job, hosts):
        return None
    return explain(job.request, hosts, _view(job), wanted=job.gang or 1).text


def _view(job: Job) -> View:
    """Nobody is there yet, and nobody is about to leave."""
    return View(census=Census(job.request.fields), draining_s=None)
