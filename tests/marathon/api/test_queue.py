"""What waits, and why, as clients read it."""

from __future__ import annotations

from mesos_py.wire.task import TaskState
from tests.marathon.api.served import served
from tests.marathon.app_of import app_of

BIG = app_of(id="/shop/big", cmd="serve", cpus=1000, instances=2)
WEB = app_of(id="/web", cmd="serve")
REASONS = [
    "UnfulfilledRole", "UnfulfilledConstraint", "NoCorrespondingReservationFound", "AgentMaintenance",
    "InsufficientCpus", "InsufficientMemory", "InsufficientDisk", "InsufficientGpus", "InsufficientPorts",
    "DeclinedScarceResources",
]  # fmt: skip


async def test_what_waits_tells_what_became_of_the_offers() -> None:
    async with served(BIG) as site:
        site.world.offer_all()
        [item] = (await site.ask("GET", "/v2/queue")).json["queue"]
        assert item.keys() == {"app", "count", "since", "delay", "processedOffersSummary"}  # a role breaks clients
        assert (item["app"]["id"], item["count"], item["since"]) == ("/shop/big", 2, "2024-05-01T12:00:00.000Z")
        assert item["delay"] == {"timeLeftSeconds": 0, "overdue": True}
        summary = item["processedOffersSummary"]
        assert (summary["processedOffersCount"], summary["unusedOffersCount"]) == (3, 3)
        assert summary["lastUnusedOfferAt"] == "2024-05-01T12:00:00.000Z" and "lastUsedOfferAt" not in summary
        for name in ("rejectSummaryLastOffers", "rejectSummaryLaunchAttempt"):
            assert [step["reason"] for step in summary[name]] == REASONS
            assert summary[name][4] == {"reason": "InsufficientCpus", "declined": 3, "processed": 3}
            assert summary[name][5] == {"reason": "InsufficientMemory", "declined": 0, "processed": 0}


async def test_the_last_offers_that_were_no_use_are_embedded() -> None:
    async with served(BIG) as site:
        site.world.offer_all()
        [item] = (await site.ask("GET", "/v2/queue?embed=lastUnusedOffers")).json["queue"]
        assert len(item["lastUnusedOffers"]) == 3
        unused = item["lastUnusedOffers"][0]
        assert (unused["reason"], unused["timestamp"]) == (["InsufficientCpus"], "2024-05-01T12:00:00.000Z")
        offer = unused["offer"]
        assert offer.keys() == {"id", "hostname", "agentId", "resources", "attributes"}
        resources = {one["name"]: one for one in offer["resources"]}
        assert resources["cpus"] == {"name": "cpus", "role": "*", "scalar": 100.0, "ranges": [], "set": []}
        assert resources["ports"]["ranges"] == [{"begin": 31000, "end": 32000}]


async def test_a_failure_is_waited_for_until_somebody_clears_that() -> None:
    async with served(WEB) as site:
        site.world.run()
        site.world.end(site.world.alive()[0], TaskState.TASK_FAILED)
        [item] = (await site.ask("GET", "/v2/queue")).json["queue"]
        assert item["delay"] == {"timeLeftSeconds": 1, "overdue": False}
        cleared = await site.ask("DELETE", "/v2/queue//web/delay")
        assert (cleared.status, cleared.body) == (204, b"")
        [item] = (await site.ask("GET", "/v2/queue")).json["queue"]
        assert item["delay"]["overdue"]
        site.world.run()
        assert (await site.ask("GET", "/v2/queue")).json == {"queue": []}
        missing = await site.ask("DELETE", "/v2/queue/web/delay")
        assert (missing.status, missing.json["message"]) == (404, "Application /web not found in tasks queue.")


async def test_why_it_waits_in_sentences() -> None:
    async with served(BIG) as site:
        site.world.offer_all()
        found = (await site.ask("GET", "/v2/queue/shop/big/why")).json
        assert found["id"] == "/shop/big"
        assert any("1000" in text and "cpus" in text for text in found["reasons"])
        assert (await site.ask("GET", "/v2/queue/none/why")).status == 404


async def test_who_may_not_see_an_app_does_not_see_it_wait() -> None:
    async with served(BIG) as site:
        site.program.forbidden_things[("view", "/shop/big")] = None
        assert (await site.ask("GET", "/v2/queue")).json == {"queue": []}
        assert (await site.ask("GET", "/v2/queue/shop/big/why")).status == 403
