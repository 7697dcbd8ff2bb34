"""REST without a network: routes, statuses, and what is seen."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from frameworks.batch.shell.api import ROUTES, SCHEMAS, Api, document
from frameworks.batch.shell.program import BatchScheduler
from mesos_py.algebra.resources import Resources
from mesos_py.machine.usage import Usage
from mesos_py.machine.values import SECOND
from mesos_py.sdk import NotKept
from mesos_py.sdk.hearers import Hearers
from mesos_py.sdk.host import KnownAgent, NotReached, Refused
from mesos_py.sdk.testing import simulated
from mesos_py.web.response import Chunked, HttpError, Response
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.task import TaskState
from tests.batch.world import Agent, World, world_of

J = {"name": "j", "command": "x"}


class Offline(BatchScheduler):
    """Its session is a world."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.agents_told: Any = tuple(agent_of(agent) for agent in world.agents.values())
        self._hearers = Hearers()
        self.is_lost = False
        self.asked = 0

    @property
    def core(self) -> Any:
        return self.world.core

    def now(self) -> int:
        return self.world.now

    async def agents(self) -> Any:
        self.asked += 1
        if isinstance(self.agents_told, Exception):
            raise self.agents_told
        return self.agents_told

    async def tell(self, body: Any) -> Any:
        frame = self.world.tell(body)
        self._hearers.tell(frame.changes)
        return frame.reply

    async def stored(self) -> None:
        """Everything is, at once; or nobody can say."""
        if self.is_lost:
            raise NotKept

    @property
    def is_subscribed(self) -> bool:
        return True

    @property
    def framework_id(self) -> Any:
        return "f"


def agent_of(agent: Agent) -> KnownAgent:
    """As a master describes it."""
    offer = agent.template
    info = AgentInfo(hostname=offer.hostname, id=offer.agent_id, attributes=offer.attributes, domain=offer.domain)
    total = Resources.of(offer.resources).unallocate().messages()
    return KnownAgent(agent_info=info, active=True, version="1.12.0", total_resources=total)


class Asked:
    """As much of a request as handlers look at."""

    def __init__(self, method: str, path: str, body: Any, query: dict[str, str]) -> None:
        self.method, self.path, self.query = method, path, query
        self.headers: dict[str, str] = {}
        self._body = body if isinstance(body, bytes) else orjson.dumps(body)

    def body(self) -> bytes:
        return self._body


class Site:
    """``await site.ask("GET", "/v1/jobs")``: status and answer."""

    def __init__(self, **habits: Any) -> None:
        self.world = world_of(**habits)
        self.batch = Offline(self.world)
        self.api = Api(self.batch)

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> tuple[int, Any]:
        try:
            answer = await self.api(Asked(method, path, body, query))  # type: ignore[arg-type]
        except HttpError as error:
            return error.response.status, error.response.body.decode()
        assert isinstance(answer, Response)
        return answer.status, orjson.loads(answer.body) if answer.body else None


async def test_a_job_through_its_life() -> None:
    site = Site()
    job = {"name": "a", "command": "x", "array": "3-5", "labels": {"team": "red"}}
    assert await site.ask("POST", "/v1/jobs", job) == (201, {"jobs": ["a"], "warnings": []})
    site.world.offer_all()
    site.world.advance(3 * SECOND)
    site.world.fail(site.world.launched[1], 3)
    status, seen = await site.ask("GET", "/v1/jobs/a")
    assert (status, seen["state"], seen["definition"]) == (200, "running", job)
    assert seen["tasks"] == {"total": 3, "succeeded": 0, "failed": 1, "running": 2, "waiting": 0}
    _, tasks = await site.ask("GET", "/v1/jobs/a/tasks", state="failed")
    [task] = tasks["tasks"]
    assert task["index"] == 4
    attempt = task["attempts"][0]
    assert (attempt["exit_code"], attempt["seconds"], attempt["outcome"]) == (3, 3.0, "failed")
    assert attempt["hostname"] in ("h0", "h1") and attempt["agent_id"] in ("a0", "a1")
    assert (await site.ask("POST", "/v1/jobs/a/cancel"))[1]["state"] == "stopping"
    site.world.drain()
    assert (await site.ask("GET", "/v1/jobs"))[1]["jobs"][0]["state"] == "cancelled"
    assert (await site.ask("GET", "/v1/jobs", state="open"))[1] == {"jobs": []}
    assert len((await site.ask("GET", "/v1/jobs", label="team=red"))[1]["jobs"]) == 1
    assert (await site.ask("GET", "/v1/jobs", label="team=blue"))[1] == {"jobs": []}
    assert (await site.ask("POST", "/v1/jobs/a/retry"))[1]["state"] == "queued"
    site.world.drain()
    assert await site.ask("DELETE", "/v1/jobs/a") == (204, None)
    assert await site.ask("GET", "/v1/jobs/a") == (404, "there is no job 'a'")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/v1/jobs", b"{", 400, "The body is no JSON: "),
        ("POST", "/v1/jobs", {"name": "b"}, 400, "command: it, or 'arguments', must be given"),
        ("POST", "/v1/jobs", {"name": "a", "command": "x"}, 409, "name: there is a job 'a' already"),
        ("POST", "/v1/jobs", {"jobs": [{**J, "array": "1-1000000000"}]}, 400, "jobs[0].array: an"),
        ("GET", "/v1/jobs?limit=0", None, 404, "404"),
        ("GET", "/v1/nothing", None, 404, "404"),
        ("PUT", "/v1/jobs", None, 405, "405 Method Not Allowed: POST, GET may be."),
        ("POST", "/v1/jobs/x/cancel", None, 404, "there is no job 'x'"),
        ("DELETE", "/v1/jobs/a", None, 409, "job 'a' has not ended"),
        ("PUT", "/v1/schedules/s", {"cron": "61 * * * *", "jobs": [J]}, 400, "cron: minute"),
        ("PUT", "/v1/schedules/s", {"name": "t", "cron": "@daily", "jobs": [J]}, 400, "name:"),
        ("PUT", "/v1/schedules/s", [], 400, "must be an object, not a list"),
        ("POST", "/v1/schedules/s/run", None, 404, "there is no schedule 's'"),
    ],
)  # fmt: skip
async def test_refusals(method: str, path: str, body: Any, status: int, text: str) -> None:
    """With a status and a sentence, and nothing is changed."""
    site = Site()
    await site.ask("POST", "/v1/jobs", {"name": "a", "command": "x"})
    records = dict(site.world.records)
    found = await site.ask(method, path, body)
    assert found[0] == status and found[1].startswith(text)
    assert site.world.records == records


async def test_pages_of_other_sites_are_refused() -> None:
    """A browser says where a page is from; one from here may ask."""
    site = Site()
    for origin, status in (("http://evil.example", 403), ("http://here:5070", 201), ("null", 403)):
        asked = Asked("POST", "/v1/jobs", J, {})
        asked.headers = {"Origin": origin, "Host": "here:5070"}
        try:
            found = (await site.api(asked)).status  # type: ignore[arg-type, union-attr]
        except HttpError as error:
            found = error.response.status
        assert found == status


async def test_bad_queries() -> None:
    site = Site()
    assert (await site.ask("GET", "/v1/jobs", limit="0"))[0] == 400
    assert (await site.ask("GET", "/v1/jobs", offset="x"))[0] == 400


LACKING = "0 of 2 hosts fit; 2 refused by resources; nearest is h0: cpus: 9 wanted, 4 found"


@pytest.mark.parametrize(("job", "why"), [
    ({"resources": {"cpus": 9}}, LACKING),
    ({"constraints": [["hostname", "LIKE", "x.*"]]},
     "0 of 2 hosts fit; 2 refused by attributes; nearest is h0: hostname: LIKE x.* wanted, h0 found"),
    ({"gang": 9}, "2 of 2 hosts fit, with room for 8 of 9 tasks"),
    ({"gang": 3, "constraints": [["hostname", "UNIQUE"]]}, "2 of 2 hosts fit, with room for 2 of 3 tasks"),
])  # fmt: skip
@simulated
async def test_what_no_host_could_run_is_refused_when_it_is_submitted(job: dict[str, Any], why: str) -> None:
    """With the reason; nothing of the submission is taken. Who says that he waits for other hosts is warned."""
    site = Site()
    jobs = [{"name": "a", "command": "x"}, {"name": "b", "command": "x", "resources": {"cpus": 1}, **job}]
    status, text = await site.ask("POST", "/v1/jobs", {"jobs": jobs})
    assert (status, text) == (400, f"job 'b' could never be run: {why}; \"wait_for_hosts\": true takes it all the same")
    assert (await site.ask("GET", "/v1/jobs"))[1] == {"jobs": []}
    status, text = await site.ask("PUT", "/v1/schedules/s", {"cron": "@daily", "jobs": jobs})
    assert status == 400 and why in text
    jobs[1]["wait_for_hosts"] = True
    status, taken = await site.ask("POST", "/v1/jobs", {"jobs": jobs})
    assert (status, taken["warnings"]) == (201, [f"job 'b' fits no host that is known: {why}"])


@simulated
async def test_a_queue_that_is_none_of_ours_is_refused() -> None:
    """Nothing would ever be offered there, whatever hosts come."""
    site = Site()
    job = {"name": "a", "command": "x", "queue": "prod", "wait_for_hosts": True}
    status, text = await site.ask("POST", "/v1/jobs", job)
    assert (status, text) == (400, "job 'a' could never be run: there is no queue 'prod', but *")
    assert (await site.ask("GET", "/v1/jobs"))[1] == {"jobs": []}
    site.batch.roles = ("*", "prod")
    assert (await site.ask("POST", "/v1/jobs", job))[0] == 201


@simulated
async def test_the_master_is_not_asked_about_what_fits() -> None:
    """Some host that was offered, or that it has named lately."""
    site = Site()
    job = {"command": "x", "resources": {"cpus": 4}}
    for name in ("a", "b"):
        assert (await site.ask("POST", "/v1/jobs", {"name": name, **job}))[0] == 201
        await asyncio.sleep(60)
    assert site.batch.asked == 1
    await asyncio.sleep(900)
    site.world.offer_all()
    site.world.submit({"name": "more", "array": "1-9", "resources": {"cpus": 4}})
    site.world.offer_all()
    assert (await site.ask("POST", "/v1/jobs", {"name": "c", "command": "x", "resources": {"cpus": 0.1}}))[0] == 201
    assert site.batch.asked == 2, "nothing was left of what was offered"


@simulated
async def test_hosts_that_are_still_coming_are_waited_for() -> None:
    """A cluster that has just been started knows the first of its hosts only."""
    site = Site()
    _, *site.batch.agents_told = whole = site.batch.agents_told
    asking = asyncio.create_task(site.ask("POST", "/v1/jobs", {"name": "a", "command": "x", "gang": 8}))
    await asyncio.sleep(3)
    assert not asking.done()
    site.batch.agents_told = whole
    assert (await asking)[0] == 201
    began = asyncio.get_running_loop().time()
    assert (await site.ask("POST", "/v1/jobs", {"name": "b", "command": "x", "gang": 9}))[0] == 400
    assert asyncio.get_running_loop().time() - began >= 4
    assert (await site.ask("POST", "/v1/jobs", {"name": "b", "command": "x", "gang": 9}))[0] == 400
    assert asyncio.get_running_loop().time() - began < 6  # they are known by now


@pytest.mark.parametrize("silence", [NotReached("no master"), Refused("for operators only"), None])
async def test_what_nobody_knows_is_no_reason_to_refuse(silence: Exception | None) -> None:
    """No master answers, or tells us; or there are no hosts yet."""
    site = Site()
    site.batch.agents_told = silence or ()
    assert await site.ask("POST", "/v1/jobs", {"name": "a", "command": "x", "resources": {"cpus": 9}}) == (
        201, {"jobs": ["a"], "warnings": []}
    )  # fmt: skip


async def test_why() -> None:
    """Where it stands, what it waits for, what hosts lack."""
    site = Site()
    big = {"command": "x", "resources": {"cpus": 9}, "wait_for_hosts": True}
    await site.ask("POST", "/v1/jobs", {"name": "first", **big, "priority": 1})
    site.world.offer_all()
    _, taken = await site.ask("POST", "/v1/jobs", {"name": "big", **big})
    lacking = f"job 'big' fits no host that is known: {LACKING}"
    assert taken["warnings"] == [lacking]
    _, why = await site.ask("GET", "/v1/jobs/big/why")
    assert (why["position"], why["reasons"]) == (2, ["1 jobs are served before it", lacking])
    assert why["offers"].startswith("0 of 2 hosts fit; 2 refused by resources; nearest is h0: cpus: 9 wanted, 4 found")
    later = {"name": "later", "command": "x", "depends": [{"job": "big"}]}
    await site.ask("POST", "/v1/jobs", later)
    _, why = await site.ask("GET", "/v1/jobs/later/why")
    assert why["reasons"] == ["it waits for the success of 'big', which is queued"] and why["position"] is None
    await site.ask("POST", "/v1/jobs/big/hold")
    assert "it is held" in (await site.ask("GET", "/v1/jobs/big/why"))[1]["reasons"]
    await site.ask("POST", "/v1/jobs", {"name": "array", "command": "x", "array": "1-9%1", "retry": {"max": 1}})
    site.world.offer_all()
    assert (await site.ask("GET", "/v1/jobs/array/why"))[1]["reasons"] == [
        "1 of its tasks run, and no more may at a time"
    ]
    site.world.fail(site.world.launched[-1])
    assert (await site.ask("GET", "/v1/jobs/array/why"))[1]["reasons"][0].startswith("1 tasks wait after a failure")


async def test_why_it_has_ended_as_it_has() -> None:
    """The first tasks that have failed, and how; a deadline; what a job that was skipped has needed."""
    site = Site()

    async def why(name: str) -> list[str]:
        return list((await site.ask("GET", f"/v1/jobs/{name}/why"))[1]["reasons"])

    jobs = [
        {"name": "a", "command": "x", "array": "1-6"}, {"name": "b", "command": "x", "depends": [{"job": "a"}]},
        {"name": "late", "command": "x", "deadline_s": 5},
        {"name": "c", "command": "x", "depends": [{"job": "b", "on": "failure"}]},
    ]  # fmt: skip
    await site.ask("POST", "/v1/jobs", {"jobs": jobs})
    site.world.offer_all()
    running = site.world.alive("a")
    site.world.end(running.pop())
    assert (await why("a"))[-1] == "all that is left of it runs: 5 of 6 tasks"
    for task_id in running:
        site.world.fail(task_id, 3)
    assert await why("a") == [
        "it has ended: failed", "5 of 6 tasks have not succeeded",
        *[f"index {index}, attempt 1: failed: Command exited with status 3" for index in (1, 2, 3)],
    ]  # fmt: skip
    assert await why("b") == ["it has ended: skipped", "it needed the success of 'a', which has failed"]
    assert await why("c") == ["it has ended: skipped", "it needed the failure of 'b', which has been skipped"]
    site.world.advance(6 * SECOND)
    for task_id in site.world.alive("late"):
        site.world.end(task_id, TaskState.TASK_KILLED)
    assert (await why("late"))[:2] == ["it has ended: failed", "its deadline has passed"]


async def test_what_an_attempt_has_used_and_when_it_began_outlives_restarts() -> None:
    """As far as its agent has said; nothing is made up."""
    site = Site()
    await site.ask("POST", "/v1/jobs", {"name": "a", "command": "x", "array": "1-3"})
    site.world.offer_all()
    site.world.advance(3 * SECOND)
    site.world.start()
    whole, one, unknown = site.world.launched
    site.world.end(whole, labels=Usage(1_500_000, 250_000, 20 << 20, 30 << 20).labels)
    site.world.end(one, labels=Usage(0, 1_000, 20 << 20).labels)
    site.world.advance(SECOND)
    site.world.end(unknown)
    site.world.submit({"name": "b", "command": "x"})  # keeps the first one's records after the restart
    site.world.start()
    _, told = await site.ask("GET", "/v1/jobs/a/tasks")
    attempts = [task["attempts"][0] for task in told["tasks"]]
    assert [attempt["cpu_seconds"] for attempt in attempts] == [1.75, 0.001, None]
    assert [(attempt["memory_mb"], attempt["memory_of"]) for attempt in attempts] == [
        (30.0, "container"), (20.0, "process"), (None, None),
    ]  # fmt: skip
    assert [attempt["seconds"] for attempt in attempts] == [3.0, 3.0, 4.0]
    _, job = await site.ask("GET", "/v1/jobs/a")
    assert job["started"] == attempts[0]["started"] == "1970-01-01T00:16:40Z"


async def test_a_schedule_through_its_life() -> None:
    """What was put is what is seen, whatever has run since."""
    site = Site()
    definition = {"cron": "*/10 * * * *", "jobs": [{"name": "j", "command": "x"}]}
    status, seen = await site.ask("PUT", "/v1/schedules/s", definition)
    assert (status, seen["definition"]) == (200, {"name": "s", **definition})
    assert seen["next"] == "1970-01-01T00:20:00+00:00"
    site.world.advance(600 * SECOND)
    _, seen = await site.ask("GET", "/v1/schedules/s")
    assert seen["definition"] == {"name": "s", **definition}
    assert seen["runs"] == [{"due": "1970-01-01T00:20:00Z", "jobs": {"s.19700101T002000Z.j": "queued"}}]
    assert (await site.ask("POST", "/v1/schedules/s/pause"))[1]["next"] is None
    assert (await site.ask("POST", "/v1/schedules/s/resume"))[1]["paused"] is False
    assert (await site.ask("POST", "/v1/schedules/s/run"))[0] == 201
    assert len((await site.ask("GET", "/v1/schedules"))[1]["schedules"]) == 1
    assert await site.ask("DELETE", "/v1/schedules/s") == (204, None)
    assert (await site.ask("GET", "/v1/schedules"))[1] == {"schedules": []}


async def test_nobody_is_told_what_may_not_be_kept() -> None:
    """Another instance leads by now, or nobody can write: neither a change nor a look is answered."""
    site = Site()
    site.batch.is_lost = True
    for method, path, body in (("POST", "/v1/jobs", J), ("GET", "/v1/jobs", None)):
        status, text = await site.ask(method, path, body)
        assert (status, text.partition(":")[0]) == (503, "this instance leads no more")


async def test_events() -> None:
    """In their order, each with a number; whoever does not read is cut off."""
    site = Site()
    answer = await site.api(Asked("GET", "/v1/events", None, {}))  # type: ignore[arg-type]
    assert isinstance(answer, Chunked) and answer.content_type == "text/event-stream"
    await site.ask("POST", "/v1/jobs", {"name": "a", "command": "x"})
    assert await anext(answer.pieces) == b": events\n\n"
    text = await anext(answer.pieces)
    assert text == b'id: 1\nevent: job\ndata: {"name":"a","state":"submitted","schedule":""}\n\n'
    await answer.pieces.aclose()  # type: ignore[attr-defined]
    assert len(site.batch._hearers) == 0


def test_the_document_describes_every_route_and_class() -> None:
    described = document()
    assert sum(len(methods) for methods in described["paths"].values()) == len(ROUTES) + 1  # who leads
    assert described["components"]["schemas"].keys() == {cls.__name__ for cls in SCHEMAS}
    text = orjson.dumps(described).decode()
    for name in described["components"]["schemas"]:
        assert text.count(f'"#/components/schemas/{name}"') >= 1
    assert all(one["summary"] for methods in described["paths"].values() for one in methods.values())
