"""Who is offered what: the part of the master core that divides agents among roles and frameworks.

========  ====================================================================================================
core      the public face: what happens to agents and frameworks goes in, ``allocate`` returns grants
rounds    when to look at which agents
visits    a look at one agent: who gets what of it
offering  what of an agent a framework may be offered
sorter    whose turn it is: a tree of roles, ordered by ``drf`` (dominant resource fairness) or ``lottery``
turns     everybody's order, or that of a few
filters   what a framework does not want to hear of again: declines, and how they lapse
books     who takes part and who holds what; changes everything below together
quotas    what quota leaves to each role: limits, guarantees, headroom
ledger    one agent: total, held by whom, what is left
roles     the tree of roles: weights, quotas, members, and what subtrees hold, use and have reserved
sums      amounts kept by adding and subtracting
expected  agents that have not come back after a failover
========  ====================================================================================================
"""
