"""Instances: one placed copy of an app or of a pod each, which keeps its id while its tasks come and go.

============  ====================================================================
instance      what is known of one: goal, condition, tasks
updates       what became of its tasks (``conditions``)
unreachable   how long it is waited for, and when it is forgotten
overdue       that it comes up in time
kills         that it ends; whom, says ``victims``
scale         that there are as many as are defined
health        what checks say; ``readiness`` for deployments, ``probes`` for both
requests      what people ask
failures      what has ended, for people to see
records       what is kept
dues          timers
============  ====================================================================
"""
