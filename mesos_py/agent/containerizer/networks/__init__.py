"""CNI networks: a network namespace for a container and what is nested in it, and plugins that connect it.

::

    files of --network_cni_config_dir --> configuration.py --> Network: a name and its plugins
    ContainerInfo.network_infos --> networks.py: a namespace, ADD by each plugin --> Joined (isolators/network.py)
    the end of the container    --> DEL by each plugin in reverse, the namespace goes

What is known of a container is on disk before a plugin is run for it (``records.py``), so that the next agent finds
what this one has left: it goes on with what runs and undoes the rest.
Source: the CNI specification, 1.0.0 and before; Mesos: src/slave/containerizer/mesos/isolators/network/cni/cni.cpp
"""
