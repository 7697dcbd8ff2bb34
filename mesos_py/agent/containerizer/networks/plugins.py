"""Running one plugin: what it is told by its environment and on its standard input, and what it answers.

Source: CNI specification, section 2.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from typing import Any, Final

from mesos_py.agent.containerizer.networks import results
from mesos_py.agent.containerizer.networks.catalogue import Catalogue, NoNetwork
from mesos_py.agent.containerizer.networks.configuration import Malformed
from mesos_py.agent.provisioner.tools import DIE_WITH_US, ToolFailed, run

AT_ONCE: Final = 8  # plugins that work at the same time; each takes some hundredths of a second
PLUGIN_TIMEOUT_S: Final = 60  # DHCP takes its time; Mesos waits for ever

#: Plugins run iptables.
PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_VERBS: Final = {"ADD": ("attach", "to"), "DEL": ("detach", "from")}


class Plugins:
    """Runs the plugins of ``catalogue``, so many at once."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def call(
        self, command: str, told: Mapping[str, Any], *, container_id: str, interface: str, namespace: str
    ) -> dict[str, Any]:
        """The plugin that is ``told`` this has carried out ``command``; what it answers. Raises NoNetwork.

        ``namespace`` is a path; empty if there is none any more.
        """
        program = self._catalogue.plugin(told["type"])
        env = {
            "CNI_COMMAND": command, "CNI_CONTAINERID": container_id, "CNI_IFNAME": interface,
            "CNI_NETNS": namespace, "CNI_PATH": self._catalogue.path, "PATH": os.environ.get("PATH", PATH),
        }  # fmt: skip
        stdin = os.memfd_create("cni")
        try:
            os.write(stdin, json.dumps(told).encode())
            os.lseek(stdin, 0, os.SEEK_SET)
            async with self._turns:
                printed = await run(*DIE_WITH_US, program, env=env, timeout_s=PLUGIN_TIMEOUT_S, stdin=stdin)
            return results.parse(printed) if command == "ADD" else {}
        except (ToolFailed, Malformed) as error:
            said = results.failure(error.printed) if isinstance(error, ToolFailed) else ""
            verb, whither = _VERBS[command]
            raise NoNetwork(
                f"The CNI plugin '{told['type']}' failed to {verb} container {container_id} {whither} CNI network "
                f"'{told['name']}': {said or error}"
            ) from error
        finally:
            os.close(stdin)
