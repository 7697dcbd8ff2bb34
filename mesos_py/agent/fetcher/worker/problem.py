"""Why a fetch fails."""

from __future__ import annotations


class FetchError(Exception):
    """One sentence for the task's owner; becomes part of the launch failure."""
