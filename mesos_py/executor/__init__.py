"""The built-in executors: ``command`` runs one command task, ``default`` runs task groups.

They are cores without a process of their own: the agent's core owns one object per executor and calls it, its tasks'
processes are run by the agent's containerizer. What Mesos does with a helper program per task costs us a dictionary
entry.
"""
