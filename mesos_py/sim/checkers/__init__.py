"""What must never happen, judged by what is said and by the facts that are told, not by looking into cores.

Each checker keeps a ledger of its own and raises ``Violation`` at the first event after which it does not add up::

    Writers   I6 one master writes and speaks, the one that was elected last
    Offers    I1 nothing is offered or used twice   I2 an offer has one owner, and is good once
              I7 nothing of an agent that is not there is offered
    Updates   I3 a task ends once   I4 updates arrive in the order in which they were made
    Facts     I5 nothing is said before what it rests on is kept; the next master finds what was kept
    Presence  I7 an agent is given up after its time, not before, and one that is gone stays away
    Tidings   I5 what becomes of a task is told
    Kills     I11 what is to be killed is told to its agent, now or when it is back
    Lives     I8 a framework that is away is left alone until its failover timeout, and not after
    Containers  I12 nothing is begun twice, nothing is ended that nobody asked to end
    Quotas    I9 nothing is offered beyond a limit, whoever leads and whoever has yet to come back

I14 (nobody's unread messages pile up) is the network's bound; I15 is the cluster's digest. What is owed rather than
forbidden (I4, I5, I9's guarantees, I11, I12) is judged after healing, in ``settled``. I10 is a scenario (fairness in
steady state), I13 belongs to frameworks that deploy.
"""
