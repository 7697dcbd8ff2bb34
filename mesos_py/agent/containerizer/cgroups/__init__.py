"""Control groups: what a container may use, what it has used, and a directory by which all of it is killed.

::

    controls.py     what to write for which resources          pure, v1 and v2
    readings.py     what the files say                         pure, v1 and v2
    hierarchy.py    where controllers are mounted; directories made, written, read, removed
    oom.py          v1 says through an eventfd that memory has run out; v2 kills all of the container and counts
    isolator.py     the cgroups of one agent's containers

A container has a directory in every hierarchy that is used: ``<cgroups_root>/<container>``, a nested one
``<cgroups_root>/<parent>/mesos/<container>``. A nested container that shares its parent's (the default) has one of its
own only to be killed by. In v2 processes live in its child ``leaf``, because inner directories may hold none.

Nothing but file operations: no runtime knows all of v1, v2 and hybrid hosts (crun refuses the last).
Mesos: src/slave/containerizer/mesos/isolators/cgroups, cgroups2; src/linux/cgroups.cpp
"""
