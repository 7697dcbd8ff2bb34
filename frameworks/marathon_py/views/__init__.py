"""What people see, as JSON or in sentences: functions of the core that change nothing.

=============  ==============================================
apps           apps with what is embedded in them
tasks          tasks of apps, their health, what became of them
groups         groups with the parts that are asked for
pods           pods, and how their instances are
deployments    deployments under way, as they go
queue          what waits for offers, and why
why            the same in sentences, and whatever else an app or a pod waits for
=============  ==============================================
"""
