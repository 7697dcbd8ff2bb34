"""A master's way through elections: candidate, perhaps leader, and never leader again.

::

    candidate --lost--> candidate again
    candidate --the detector names us--> leader --lost, or somebody else or nobody is named--> LeadershipLost

Who has led and leads no more ends: others may already act on what it does not know (Mesos does the same). What the
detector said before a new candidacy is not believed after it: it may have been about the old one.

Mesos: src/master/master.cpp Master::contended, lostCandidacy, detected.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

from mesos_py.coordination import Detector, Elector
from mesos_py.wire.master import MasterInfo


class LeadershipLost(Exception):
    """This master led and must not any more; it says nothing further and ends."""


async def campaign(
    elector: Elector,
    detector: Detector,
    info: MasterInfo,
    *,
    heard: Callable[[MasterInfo | None], None],
    lead: Callable[[], Awaitable[None]],
) -> NoReturn:
    """Stand for election as long as it takes. ``heard`` is told who leads; ``lead`` is run once, when that is us.

    Raises LeadershipLost, DetectionFailed, AccessDenied, and whatever ``lead`` raises.
    """
    await elector.contend(info)
    leaders = detector.leaders()
    losing, hearing = asyncio.ensure_future(elector.lost()), asyncio.ensure_future(anext(leaders))
    leading: asyncio.Future[None] | None = None
    is_leading = False
    try:
        while True:
            waiting = {task for task in (losing, hearing, leading) if task is not None}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if leading is not None and leading.done():
                leading.result()
                leading = None
            if losing.done():
                if is_leading:
                    raise LeadershipLost(losing.result())
                heard(None)
                await elector.contend(info)
                losing = asyncio.ensure_future(elector.lost())
                hearing.cancel()
                leaders = detector.leaders()
                hearing = asyncio.ensure_future(anext(leaders))
            elif hearing.done():
                leader = hearing.result()
                is_us = leader is not None and leader.id == info.id
                if is_leading and not is_us:
                    raise LeadershipLost("nobody leads now" if leader is None else f"{leader.pid} leads now")
                heard(leader)
                if is_us and not is_leading:
                    is_leading = True
                    leading = asyncio.ensure_future(lead())
                hearing = asyncio.ensure_future(anext(leaders))
    finally:
        for task in (losing, hearing, leading):
            if task is not None:
                task.cancel()
