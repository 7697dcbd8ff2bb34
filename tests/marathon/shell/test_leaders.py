"""Several instances on a real ZooKeeper: one leads, the others relay; who leads no more writes no more."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from frameworks.marathon_py.shell import ends
from tests.coordination.conftest import address, zookeeper  # noqa: F401 - fixtures
from tests.marathon.shell.running import Marathon

pytestmark = [pytest.mark.zk, pytest.mark.xdist_group("zookeeper")]

APP = {"id": "/kept", "cmd": "sleep 1000", "cpus": 0.1, "mem": 16, "instances": 1}


class Fleet:
    """Instances on one path, all of which are gone in the end."""

    def __init__(self, zk: str) -> None:
        self._zk, self._started = zk, list[Marathon]()

    def start(self) -> Marathon:
        impatient = ("--zk_session_timeout=4000", "--leader_proxy_read_timeout=2000")
        self._started.append(Marathon(f"--zk={self._zk}", *impatient))
        return self._started[-1]

    def stop(self) -> None:
        for one in self._started:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.stop(signal.SIGKILL)


@pytest.fixture
def fleet(address: Any) -> Iterator[Fleet]:  # noqa: F811
    made = Fleet(str(address))
    yield made
    made.stop()


def test_a_standby_relays_and_takes_over(fleet: Fleet) -> None:
    """With everything that was answered: when the leader abdicates, and when it is killed."""
    first = fleet.start()
    first.until_leading()
    second = fleet.start()
    second.until_following()
    status, _, headers = second.ask("POST", "/v2/apps", APP)
    assert (status, headers["X-Marathon-Via"]) == (201, f"1.1 {second.url.removeprefix('http://')}")
    assert headers["X-Marathon-Leader"] == first.url
    assert second.ask("GET", "/v2/leader")[1] == {"leader": first.url.removeprefix("http://")}
    assert second.ask("DELETE", "/v2/leader")[0] == 200
    assert first.ended()[0] == ends.GRACEFUL
    second.until_leading()
    assert second.ask("GET", "/v2/apps//kept")[1]["app"]["instances"] == 1
    assert second.ask("PUT", "/v2/apps//kept?force=true", {"instances": 2})[0] == 200
    third = fleet.start()
    third.until_following()
    assert third.ask("GET", "/v2/info")[1]["elected"] is True
    second.stop(signal.SIGKILL)
    third.until_leading()
    assert third.ask("GET", "/v2/apps/kept")[1]["app"]["instances"] == 2


def test_marathon_1039_a_leader_of_before_writes_nothing(fleet: Fleet) -> None:
    """F03, Marathon issue 1039: stopped for longer than its session and woken up, it overwrote what its successor had
    kept. Here what it is asked meanwhile is not taken, and it ends."""
    before = fleet.start()
    before.until_leading()
    assert before.ask("POST", "/v2/apps", APP)[0] == 201
    after = fleet.start()
    after.until_following()
    before.process.send_signal(signal.SIGSTOP)
    answers: list[int] = []
    asking = threading.Thread(
        target=lambda: answers.append(before.ask("PUT", "/v2/apps//kept?force=true", {"instances": 7})[0]))
    asking.start()  # it is heard once the old leader wakes up
    after.until_leading()
    status, changed, _ = after.ask("PUT", "/v2/apps//kept?force=true", {"instances": 3})
    assert status == 200
    before.process.send_signal(signal.SIGCONT)
    asking.join(90)
    assert answers[0] in (0, 502, 503)
    assert before.ended()[0] in (ends.ZOOKEEPER_LOST, ends.LEADERSHIP_LOST)
    kept = after.ask("GET", "/v2/apps/kept")[1]["app"]
    assert (kept["instances"], kept["version"]) == (3, changed["version"])
    after.stop(signal.SIGKILL)
    successor = fleet.start()
    successor.until_leading()
    assert successor.ask("GET", "/v2/apps/kept")[1]["app"]["instances"] == 3
