"""What a person types: every command is a module here with one ``COMMAND``, found by name in ``__main__``.

Exit codes: 0 done; 1 refused or not found; 2 the command line is wrong; 69 no master or agent could be reached;
``mesos-py run`` exits as its task did (128 + signal when a signal ended it), or 125 when the task never ran to an end.
"""
