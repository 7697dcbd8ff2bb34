"""``marathon-py serve`` as a process: it listens at once, and ends with the code that says why."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import aiohttp
import pytest

from frameworks.marathon_py.shell import ends
from frameworks.marathon_py.shell.ends import Ended, why
from frameworks.marathon_py.shell.flags import read
from frameworks.marathon_py.shell.kept import FrameworkIdMissing, NotTakenOver
from frameworks.marathon_py.shell.serve import serve
from mesos_py.coordination import Fenced, NotReached, StoreFailed
from mesos_py.coordination.campaign import LeadershipLost
from mesos_py.logs import Threshold
from mesos_py.sdk import FailedOver, FrameworkRemoved, SubscriptionRefused
from tests.marathon.shell.running import HERE, NO_MASTER, Marathon
from tests.ports import free_ports


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": aiohttp.encode_basic_auth(user, password)}


async def test_it_serves_and_is_told_to_end(tmp_path: Path) -> None:
    """Without a master, too: what is asked for is kept until there is one."""
    marathon = Marathon(f"--state_file={tmp_path}/state", "--http_credentials=me:pw", headers=basic("me", "pw"))
    try:
        url = marathon.url
        marathon.until_leading()
        async with aiohttp.ClientSession(headers=basic("me", "pw")) as client:
            async with client.get(f"{url}/v2/info") as answer:
                info = await answer.json()
                assert answer.headers["X-Marathon-Leader"] == url
            assert (info["leader"], info["elected"]) == (url.removeprefix("http://"), True)
            assert (info["marathon_config"]["master"], info["http_config"]["http_port"]) == (NO_MASTER, 0)
            async with client.get(f"{url}/metrics") as answer:
                metrics = await answer.json()
            assert metrics["gauges"]["marathon.groups.active.gauge"] == {"value": 1}
            assert metrics["gauges"]["marathon.http.requests.active.gauge"] == {"value": 1}
            assert metrics["timers"]["marathon.http.requests.get.duration.timer.seconds"]["count"] > 0
            assert metrics["counters"]["marathon.http.responses.size.counter.bytes"]["count"] > 1000
            async with client.get(f"{url}/metrics/prometheus") as answer:
                assert "marathon_instances_running_gauge 0" in await answer.text()
            for level, status in (("debug", 200), ("loud", 422)):
                async with client.post(f"{url}/logging", json={"level": level, "durationSeconds": 9}) as answer:
                    assert answer.status == status
            async with client.get(f"{url}/logging") as answer:
                levels = await answer.json()
            assert (levels["ROOT"], levels["frameworks.marathon_py.shell.serve"]) == ("DEBUG", "DEBUG (inherited)")
            async with client.get(f"{url}/ping", headers=basic("me", "no")) as answer:
                assert answer.status == 401
    finally:
        marathon.process.send_signal(signal.SIGTERM)
    assert marathon.ended()[0] == 0
    assert (tmp_path / "state").exists()


async def test_abdication_backs_up_and_restores(tmp_path: Path) -> None:
    """The process ends with 105; the next one does what was asked for before it serves."""
    marathon = Marathon(state := f"--state_file={tmp_path}/state")
    url, place = marathon.url, f"file://{tmp_path}/backup"
    marathon.until_leading()
    async with aiohttp.ClientSession() as client:
        async with client.delete(f"{url}/v2/leader?restore=s3://bucket") as answer:
            assert answer.status == 422
        async with client.delete(f"{url}/v2/leader?backup={place}") as answer:
            assert (answer.status, await answer.json()) == (200, {"message": "Leadership abdicated"})
    assert marathon.ended()[0] == ends.GRACEFUL == 105
    assert not (tmp_path / "backup").exists()
    marathon = Marathon(state)
    marathon.until_leading()
    assert (tmp_path / "backup").exists()
    marathon.process.send_signal(signal.SIGTERM)
    assert marathon.ended()[0] == 0


def test_whoever_opens_the_file_takes_over(tmp_path: Path) -> None:
    """The one before takes nothing any more, says so to whoever asks, and ends."""
    app = {"id": "/kept", "cmd": "sleep 1000", "cpus": 0.1, "mem": 16}
    before = Marathon(state := f"--state_file={tmp_path}/state")
    before.until_leading()
    assert before.ask("POST", "/v2/apps", app)[0] == 201
    after = Marathon(state)
    after.until_leading()
    status, said, _ = before.ask("PUT", "/v2/apps/kept?force=true", {"instances": 7})
    assert status in (0, 502) or (status, said) == (
        503, {"message": "This instance leads no more; the next one knows whether this was done."})
    assert before.ended()[0] == ends.LEADERSHIP_LOST == 103
    assert after.ask("GET", "/v2/apps/kept")[1]["app"]["instances"] == 1
    after.stop()


async def ended(*arguments: str) -> Ended:
    """How it ends that never served, in this process."""
    with pytest.raises(Ended) as caught:
        await serve(read([f"--master={NO_MASTER}", *HERE, *arguments], {}), Threshold("INFO"))
    return caught.value


async def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        end = await ended(f"--http_port={taken.getsockname()[1]}", "--internal_store_backend=mem")
    assert end.code == ends.NO_PORT == 111
    assert "cannot listen on port" in str(end)


async def test_a_zookeeper_that_is_not_there() -> None:
    end = await ended(f"--zk=zk://127.0.0.1:{free_ports(1)[0]}/x", "--zk_connection_timeout=100")
    assert end.code == ends.NO_ZOOKEEPER == 100
    assert "cannot be reached" in str(end)


@pytest.mark.parametrize(("error", "code"), [
    (NotReached("zk://x cannot be reached"), 100), (FailedOver("another one"), 103), (Fenced("taken over"), 103),
    (FrameworkIdMissing("lost"), 108), (NotTakenOver("newer"), 104), (StoreFailed("full"), 104),
    (FrameworkRemoved("torn down"), 110), (SubscriptionRefused("no such role"), 106), (RuntimeError("a bug"), 107),
])  # fmt: skip
def test_codes_of_ends(error: Exception, code: int) -> None:
    assert why(error).code == code


@pytest.mark.parametrize(("lost", "code"), [
    ("the session with ZooKeeper has ended", 101), ("http://other:8080 leads now", 103),
])  # fmt: skip
def test_a_leader_that_has_lost_that_says_how(lost: str, code: int) -> None:
    fenced = Fenced("we are not the first any more")
    fenced.__cause__ = LeadershipLost(lost)
    assert why(fenced).code == code
