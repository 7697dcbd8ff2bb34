"""Who is offered what: the part of the master core that divides agents among roles and frameworks.

=========  ==================================================================================================
core       the public face: what happens to agents and frameworks, and ``allocate``
sorter     whose turn it is: dominant resource fairness over a tree of roles; or a weighted draw
roles      the tree of roles: weights, members, reservations (quota will hang here)
ledger     per agent: total, held by whom, what is left
filters    what a framework does not want to hear of again: declines, and how they lapse
=========  ==================================================================================================
"""
