"""Who is offered what: the part of the master core that divides agents among roles and frameworks.

========  ====================================================================================================
core      the public face: what happens to agents and frameworks goes in, ``allocate`` returns grants
rounds    when to look at which agents
offering  what of an agent a framework may be offered
sorter    whose turn it is: a tree of roles, ordered by ``drf`` (dominant resource fairness) or ``lottery``
turns     everybody's order, or that of a few
filters   what a framework does not want to hear of again: declines, and how they lapse
books     who takes part and who holds what; changes everything below together
ledger    one agent: total, held by whom, what is left
roles     the tree of roles: weights, members, reservations (quota will hang here)
========  ====================================================================================================
"""
