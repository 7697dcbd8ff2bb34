"""Batch jobs: commands, arrays, graphs and gangs, now or by a calendar, on nothing but the SDK.

=============  ============================================================================
fields         how a definition is declared: one field is one line, read and described
job            what is to be run, as people say it; ``array``, ``retry``, ``dag``
outcome        what became of an attempt
cron           lines of a crontab, with a time zone; ``interval``: ISO 8601's R5/start/P1D
schedule       jobs by a calendar: what was missed, what overlaps
core           everything that is decided; ``entry``: jobs and tasks as they are, and kept
queue          who is served first; ``shares``, ``holds``, ``preempt``
views          what people see, and why a job does not run
shell/         the program on the SDK, REST, a client, and ``mesos-batch``
=============  ============================================================================
"""
