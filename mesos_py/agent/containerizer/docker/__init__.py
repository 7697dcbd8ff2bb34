"""Containers of type DOCKER, run by dockerd; Mesos' docker containerizer.

::

    spec --request, parameters, policy (pure)--> what dockerd is asked for
    containerizer --> sandbox made, URIs fetched --> image there --> created --> started --> runs --> ended --> removed
        dockerd.py: the SDK in a bounded pool of threads     logs.py: what containers print, into their sandboxes

Nothing here waits for dockerd but tasks of the container concerned: if it hangs, those hang, are repeated with
back-off, and go on when it is back. What ran is known again by its name and labels, not by anything of ours on disk.
Mesos: src/slave/containerizer/docker.cpp, src/docker/
"""
