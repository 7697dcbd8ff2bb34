"""What an app or a pod says with labels about deployments that are about it, and an app about its health. Marathon has
nothing of that, and clients of Marathon see labels as any others.

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
MARATHON_DEPLOYMENT_MAX_UNAVAILABLE=N      instead of minimumHealthCapacity: all but N are healthy, at least
MARATHON_DEPLOYMENT_MAX_ADDITIONAL=N       instead of maximumOverCapacity: N more are there, at most
MARATHON_HEALTH_MIN_RUNNING=N              no health check of Marathon's ends an instance while fewer than N others
                                           run: a check that is wrong, or slow, ends a few at a time, not all
=========================================  ==========================================================================

Labels of the new definition count. Who takes back a deployment has none of its terms but MAX_UNAVAILABLE and
MAX_ADDITIONAL.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

PREFIX = "MARATHON_DEPLOYMENT_"
CANARY, CANARY_SECONDS = f"{PREFIX}CANARY", f"{PREFIX}CANARY_SECONDS"
MAX_FAILURES, DEADLINE = f"{PREFIX}MAX_FAILURES", f"{PREFIX}DEADLINE_SECONDS"
AUTO_ROLLBACK = f"{PREFIX}AUTO_ROLLBACK"
MAX_UNAVAILABLE, MAX_ADDITIONAL = f"{PREFIX}MAX_UNAVAILABLE", f"{PREFIX}MAX_ADDITIONAL"
MIN_RUNNING = "MARATHON_HEALTH_MIN_RUNNING"

#: the least that each may be
NUMBERS = {CANARY: 1, CANARY_SECONDS: 1, MAX_FAILURES: 1, DEADLINE: 1, MAX_UNAVAILABLE: 0, MAX_ADDITIONAL: 0}
NUMBER_MAX = 10**9


@attrs.frozen(kw_only=True)
class Terms:
    """None: not said."""

    canaries: int | None = None
    canary_s: int | None = None
    failures_max: int | None = None
    deadline_s: int | None = None
    is_taken_back: bool = False
    #: of instances that are to be there: how many fewer are healthy, how many more are there
    fewer: int | None = None
    more: int | None = None


NONE = Terms()


def terms(labels: Mapping[str, str]) -> Terms:
    """``problems`` has nothing against them."""
    if not any(name.startswith(PREFIX) for name in labels):
        return NONE
    canaries, canary_s, failures, deadline, fewer, more = (
        int(labels[name]) if _is_number(labels.get(name, ""), least) else None for name, least in NUMBERS.items()
    )
    return Terms(
        canaries=canaries, canary_s=canary_s, failures_max=failures, deadline_s=deadline,
        is_taken_back=labels.get(AUTO_ROLLBACK) == "true", fewer=fewer, more=more,
    )  # fmt: skip


def min_running(labels: Mapping[str, str]) -> int:
    """So many others run when a health check ends an instance; 0: however many do."""
    text = labels.get(MIN_RUNNING, "0")
    return int(text) if _is_number(text, 0) else 0


def problems(labels: Mapping[str, str], may_be_more: bool = True) -> Iterator[tuple[str, str]]:
    """The labels that mean nothing, and why. ``may_be_more``: there may be more instances than there are to be."""
    for name, least in {**NUMBERS, MIN_RUNNING: 0}.items():
        if name in labels and not _is_number(labels[name], least):
            yield name, f"must be a whole number from {least} to {NUMBER_MAX}"
    if labels.get(AUTO_ROLLBACK, "true") not in ("true", "false"):
        yield AUTO_ROLLBACK, "must be true or false"
    if not may_be_more and labels.get(MAX_ADDITIONAL, "0") != "0":
        yield MAX_ADDITIONAL, "must be 0 where there may not be more instances than there are to be"


def _is_number(text: str, least: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 10 and least <= int(text) <= NUMBER_MAX
