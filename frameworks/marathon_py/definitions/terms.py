"""What an app or a pod says with labels about deployments that are about it. Marathon has nothing of that, and clients
of Marathon see labels as any others.

=========================================  ==========================================================================
label                                      meaning
=========================================  ==========================================================================
MARATHON_DEPLOYMENT_CANARY=N               of a rolling update, N new instances come first; when they are healthy and
                                           ready, the deployment waits until somebody says that it may continue
MARATHON_DEPLOYMENT_CANARY_SECONDS=S       or goes on by itself when they have been so for S seconds
MARATHON_DEPLOYMENT_MAX_FAILURES=N         the deployment has failed when new instances have ended N times by
                                           themselves, or because they were unhealthy
MARATHON_DEPLOYMENT_DEADLINE_SECONDS=S     the deployment has failed when it is not over after S seconds
MARATHON_DEPLOYMENT_AUTO_ROLLBACK=true     a deployment that has failed is taken back; else it stops where it is
=========================================  ==========================================================================

Labels of the new definition count. Who takes back a deployment has no terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

PREFIX = "MARATHON_DEPLOYMENT_"
CANARY, CANARY_SECONDS = f"{PREFIX}CANARY", f"{PREFIX}CANARY_SECONDS"
MAX_FAILURES, DEADLINE = f"{PREFIX}MAX_FAILURES", f"{PREFIX}DEADLINE_SECONDS"
AUTO_ROLLBACK = f"{PREFIX}AUTO_ROLLBACK"

NUMBERS = (CANARY, CANARY_SECONDS, MAX_FAILURES, DEADLINE)
NUMBER_MAX = 10**9


@attrs.frozen(kw_only=True)
class Terms:
    """None: not said."""

    canaries: int | None = None
    canary_s: int | None = None
    failures_max: int | None = None
    deadline_s: int | None = None
    is_taken_back: bool = False


NONE = Terms()


def terms(labels: Mapping[str, str]) -> Terms:
    """``problems`` has nothing against them."""
    if not any(name.startswith(PREFIX) for name in labels):
        return NONE
    canaries, canary_s, failures, deadline = (
        int(labels[name]) if _is_number(labels.get(name, "")) else None for name in NUMBERS
    )
    return Terms(
        canaries=canaries, canary_s=canary_s, failures_max=failures, deadline_s=deadline,
        is_taken_back=labels.get(AUTO_ROLLBACK) == "true",
    )  # fmt: skip


def problems(labels: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The labels that mean nothing, and why."""
    for name in NUMBERS:
        if name in labels and not _is_number(labels[name]):
            yield name, f"must be a whole number from 1 to {NUMBER_MAX}"
    if labels.get(AUTO_ROLLBACK, "true") not in ("true", "false"):
        yield AUTO_ROLLBACK, "must be true or false"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and 1 <= int(text) <= NUMBER_MAX
