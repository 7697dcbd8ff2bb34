"""The supervisor: one small process per agent that spawns, signals and reaps every container, and outlives the agent.

::

    agent (asyncio)                      supervisor (this package)                 containers
    client.py  <--- Unix socket ----->   server.py   one epoll loop           -->  own session, cwd = sandbox
               LAUNCH SIGNAL DESTROY     spawn.py    sandbox, outputs         <--  SIGCHLD, wait status
                                         program.py  fork or posix_spawn, into hostfiles.py if a runtime needs that
               LAUNCHED FAILED EXITED    tree.py     who belongs to whom, kill until nothing is left
                                         procfs.py   /proc    frames.py  the words
                                         switchboard.py  terminals and pipes, and who is attached to them
                                         outputs.py  pipes to the logger (logger.py), if files are to be bounded

It decides nothing about tasks: it does what it is told and reports what became of it. Exit reports stay here until
the agent acknowledges them, so an agent may be killed at any moment and hear everything when it comes back.

It runs as ``python -I -S`` and imports C modules and ``os`` only (start-up and memory count, and nothing of the
agent can break it), which is why this package imports nothing from the rest of the house.
Mesos: no counterpart; it stands for src/slave/containerizer/mesos/launch.cpp, the POSIX launcher and the reaper.
"""
