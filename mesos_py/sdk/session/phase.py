"""Where a framework's session stands."""

from __future__ import annotations

import enum


class Phase(enum.Enum):
    WAITING = "for a leader, or until the next attempt"
    CONNECTING = "somebody was asked to subscribe us"
    SUBSCRIBED = "the master has said so"
    OVER = "there will not be another attempt"
