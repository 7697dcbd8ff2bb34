"""gpu/nvidia: GPUs are counted and named through NVML, and each belongs to one container at a time.

::

    nvml.py         which GPUs there are, by NVIDIA's library; none is needed where nobody asks for GPUs
    allotment.py    which container has which of them    pure

All GPUs' nodes are in a root of a container's own; those that are not the container's are closed by its cgroup (the
devices of v1). Not done: NVIDIA's libraries are not mounted into images; an image brings its own.
Mesos: src/slave/containerizer/mesos/isolators/gpu/
"""
