"""The networks there are: read whenever one is asked for, so that an operator adds and changes them without a restart.

Every file of the directory is a network, as in Mesos, but for hidden ones and what editors leave behind. A file that
makes no sense is left out, and whoever asks for a network that is not there is told of it.
Mesos: cni.cpp NetworkCniIsolatorProcess::loadNetworkConfigs
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

from mesos_py.agent.containerizer.networks.configuration import Malformed, Network, parse

FILE_MAX: Final = 1 << 20  # bytes; a configuration has some hundred


class NoNetwork(Exception):
    """A container cannot join a network; the text is why."""


class Catalogue:
    """``config_dir`` is one directory, ``plugins_dir`` one or several with colons between."""

    def __init__(self, config_dir: str, plugins_dir: str) -> None:
        self._config_dir = config_dir
        #: CNI_PATH
        self.path = plugins_dir

    def network(self, name: str) -> Network:
        """As its file has it now. Raises NoNetwork."""
        networks, problems = self.read()
        if name in networks:
            return networks[name]
        why = "; ".join([f"{file}: {text}" for file, text in problems.items()])
        raise NoNetwork(f"Unknown CNI network '{name}'" + (f" ({why})" if why else ""))

    def plugin(self, kind: str) -> str:
        """The path of its program. Raises NoNetwork."""
        found = self._find(kind)
        if found is None:
            raise NoNetwork(f"Unable to find the plugin {kind} in '{self.path}'")
        return found

    def read(self) -> tuple[dict[str, Network], dict[str, str]]:
        """Networks by their names; and what is wrong with the other files, which have none."""
        networks: dict[str, Network] = {}
        problems: dict[str, str] = {}
        try:
            files = sorted(os.listdir(self._config_dir))
        except OSError as error:
            return {}, {self._config_dir: str(error.strerror)}
        for file in files:
            path = Path(self._config_dir, file)
            if file.startswith(".") or file.endswith("~") or path.is_dir():
                continue
            try:
                network = parse(_text(path))
                self._check(network, networks)
            except Malformed as error:
                problems[file] = str(error)
            except OSError as error:
                problems[file] = str(error.strerror)
            else:
                networks[network.name] = network
        return networks, problems

    def _check(self, network: Network, known: dict[str, Network]) -> None:
        if network.name in known:
            raise Malformed(f"there is a network '{network.name}' already")
        for plugin in network.plugins:
            ipam: Any = plugin.get("ipam")
            kinds = [plugin["type"], ipam.get("type") if isinstance(ipam, dict) else None]
            missing = next((kind for kind in kinds if isinstance(kind, str) and self._find(kind) is None), None)
            if missing is not None:
                raise Malformed(f"there is no plugin '{missing}' in '{self.path}'")

    def _find(self, kind: str) -> str | None:
        for directory in self.path.split(os.pathsep):
            path = os.path.join(directory, kind)
            if "/" not in kind and os.path.isfile(path) and os.access(path, os.X_OK):
                return path
        return None


def _text(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(FILE_MAX + 1)
    if len(text) > FILE_MAX:
        raise Malformed(f"it is longer than {FILE_MAX} bytes")
    return text
