"""Images without a Docker daemon: from the name of an image to a root file system of one's own and what it runs.

::

    Image --reference--> Source --store--> one unpacked copy, shared --rootfs--> a writable root for one container
    (a name)     (where to pull)    skopeo pulls, umoci unpacks             overlayfs of the kernel, or a copy

    image config + CommandInfo --runtime--> argv, environment, working directory

What decides is pure; what runs programs is the store and what is after it. No layer is read here: archives, registries
and whiteouts are skopeo's and umoci's work. Images have Mesos' type DOCKER; OCI images are the same thing to skopeo.
Appc and fetching from HDFS are left out. Mesos: src/slave/containerizer/mesos/provisioner/
"""
