"""Containers with a view of their own: what crun is told to make, and what is around that.

::

    bundle.py     what one container is to see; isolators add to it     pure
    runtime.py    bundles on disk, how crun is run, what it has said

Cgroups are not crun's business: its process is in them already (``--cgroup-manager=disabled``).
"""
