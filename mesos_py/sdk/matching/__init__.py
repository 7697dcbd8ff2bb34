"""Which offers a task fits, and what of them it is given. Pure; knows offers and tasks, and nothing of masters.

    hosts = hosts_of(offers)                                   # what each agent offers to each role
    web = Request.of(cpus=0.5, mem=128, ports=[0], constraints=[("hostname", "UNIQUE")])
    round = Round(hosts)
    for match in round.place(Part(web, 3, Census(web.fields))):
        print(match.host.hostname, match.share.resources, match.share.ports)
    print(explain(web, hosts).text)                            # 0 of 2 hosts fit; ... nearest is ...

=============  ======================================================================
request        what one task needs; equal requests are one class
host           what one agent offers to one role, and what is left of it
filters        the pipeline that a host goes through: functions that refuse or do not
constraints    UNIQUE, CLUSTER, GROUP_BY, LIKE, UNLIKE, MAX_PER, IS, as in Marathon
census         where the other tasks of a group stand
locality       hosts and zones a task would rather have, and how long it waits
take           which resources and ports are taken: reserved before unreserved
round          tasks placed on hosts, class by class; all of a gang or none
refusals       why not, as data, in words, and counted
explain        every filter about every host, and the smallest change that would fit
=============  ======================================================================
"""

from mesos_py.sdk.matching.census import Census
from mesos_py.sdk.matching.constraints import Constraint, Operator
from mesos_py.sdk.matching.explain import Explanation, explain
from mesos_py.sdk.matching.filters import FILTERS, Filter, View
from mesos_py.sdk.matching.host import Host, hosts_of
from mesos_py.sdk.matching.locality import Level, Locality
from mesos_py.sdk.matching.refusals import Funnel, Near, Refusal, Step
from mesos_py.sdk.matching.request import Request
from mesos_py.sdk.matching.round import Match, Part, Room, Round
from mesos_py.sdk.matching.take import Share

__all__ = [
    "FILTERS", "Census", "Constraint", "Explanation", "Filter", "Funnel", "Host", "Level", "Locality", "Match", "Near",
    "Operator", "Part", "Refusal", "Request", "Room", "Round", "Share", "Step", "View", "explain", "hosts_of",
]  # fmt: skip
