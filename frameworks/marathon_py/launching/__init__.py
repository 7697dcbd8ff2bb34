"""From an offer to a task: what an instance needs, who goes first, and what its tasks are told.

=============  ==============================================================================
queue          who waits for an offer, and who does not yet
backoff        how long, after failures
tokens         how many launches may be under way
offers         offers matched with what waits, used and given back
request        what is asked of an offer; what constraints look at; what no offer can do
ports          which ports of the host, and under which numbers they are found
task, pod      tasks as Mesos is asked for them
environment    what they are told
container      images, networks, volumes
checks         health checks and checks of agents
discovery      where they are found
hooks          what plug-ins have to say
reasons        Marathon's words for why an offer was of no use
attempts       the queue for who asks, in numbers; in sentences it is ``views.why``
=============  ==============================================================================
"""
