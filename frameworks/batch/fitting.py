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


def misfit(job: Job, hosts: Sequence[Host]) -> str | None:
    """Why none of ``hosts`` could run a task of it, or not all of its gang together; None: they could, or there are no
    hosts, and nobody knows. A job that fits costs one look at a host, mostly."""
    request, wanted = job.request, job.gang or 1
    view = View(census=Census(request.fields), draining_s=None)
    if not hosts:
        return None
    if wanted == 1:
        if any(not judge(request, host, view) for host in hosts):
            return None
    elif room(request, hosts, view, FILTERS, wanted) == wanted:
        return None
    return explain(request, hosts, view, wanted=wanted).text
