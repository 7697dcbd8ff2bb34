"""The agent: runs executors and their tasks on one machine and reports them to the master.

``core.py`` decides, ``server.py`` puts it on the network; ``containerizer/`` runs the processes.
"""
