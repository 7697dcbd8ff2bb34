"""``secret-files``: secrets from a directory, a file each; ``source`` is the path below it.

    {"plugin": "Secrets", "implementation": "secret-files", "configuration": {"directory": "/etc/marathon/secrets"}}

A file is read when a task is launched, so that a secret may change between launches.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from frameworks.marathon_py.shell.plugins import Secrets

SECRET_BYTES_MAX = 1 << 20  # what a task can be told at most


class SecretFiles(Secrets):
    def __init__(self, configuration: Mapping[str, Any]) -> None:
        """Raises OSError, KeyError."""
        super().__init__(configuration)
        self._root = Path(configuration["directory"]).resolve(strict=True)

    def find(self, source: str) -> bytes | None:
        """Nothing that lies outside of the directory, wherever links lead."""
        if "\0" in source:
            return None
        try:
            path = (self._root / source.lstrip("/")).resolve(strict=True)
            if not path.is_relative_to(self._root) or not path.is_file() or path.stat().st_size > SECRET_BYTES_MAX:
                return None
            return path.read_bytes()
        except (OSError, RuntimeError):  # RuntimeError: links go round in circles
            return None
