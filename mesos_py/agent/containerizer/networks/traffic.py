"""What has gone through the links of a network namespace, as /proc/net/dev says it. Pure.

Mesos: cni.cpp NetworkCniIsolatorProcess::_usage, which adds the links up, too.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

#: Columns of a line after its name, and the fields of ResourceStatistics that they count for.
_COLUMNS: Final = {
    0: "net_rx_bytes", 1: "net_rx_packets", 2: "net_rx_errors", 3: "net_rx_dropped",
    8: "net_tx_bytes", 9: "net_tx_packets", 10: "net_tx_errors", 11: "net_tx_dropped",
}  # fmt: skip


def total(text: str, links: Collection[str]) -> dict[str, int]:
    """Fields of ResourceStatistics: all of these links together."""
    found = dict.fromkeys(_COLUMNS.values(), 0)
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name.strip() in links:
            numbers = rest.split()
            for column, field in _COLUMNS.items():
                found[field] += int(numbers[column])
    return found
