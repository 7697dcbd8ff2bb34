"""``mesos-py certify``: each broken framework breaks the promises that it must, and good ones none."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from mesos_py import sdk
from mesos_py.cli.certify import COMMAND
from mesos_py.cli.command import CommandFailed
from mesos_py.config import parse
from mesos_py.sdk.testing.certify import SCENARIOS, trial
from mesos_py.sdk.testing.promises import PROMISES
from tests.acceptance.cluster import ROOT
from tests.sdk import broken
from tests.sdk.test_hello_simulated import example, hello

services = example("services")

HELLO, BROKEN_FILE = str(ROOT / "examples" / "hello.py"), str(ROOT / "tests" / "sdk" / "broken.py")
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

#: framework, a scenario that is enough, what it breaks there
BROKEN: list[tuple[type[sdk.Scheduler], str, set[str]]] = [
    (broken.ForgetsToAcknowledge, "calm", {"acknowledges", "settles"}),
    (broken.SubscribesWithoutItsId, "F17", {"keeps its id", "settles"}),
    (broken.NeverDeclines, "calm", {"answers offers"}),
    (broken.LaunchesTwice, "calm", {"launches once", "launches well", "settles"}),
    (broken.NeverReconciles, "F17", {"reconciles"}),
    (broken.IgnoresRescinds, "F24", {"heeds rescinds"}),
    (broken.FailsInAHandler, "calm", {"does not fail", "settles"}),
    (broken.LeavesInAHandler, "calm", {"does not fail", "settles"}),
    (broken.MakesNoSense, "calm", {"makes sense"}),
    (broken.NeverLaunchesAgain, "F16", {"makes up"}),
    (broken.FailsOnRescind, "F24", {"does not fail", "settles"}),
    (broken.FailsOnWhatItDoesNotKnow, "seldom", {"does not fail"}),
    (broken.FailsWhenDisconnected, "F02", {"does not fail"}),
    (broken.UsesMoreThanThereIs, "calm", {"launches well"}),
    (broken.LaunchesOnNobody, "calm", {"launches well", "uses what is offered"}),
    (broken.UsesOffersOfOthers, "calm", {"uses what is offered"}),
    (broken.UsesWhatItHasGivenBack, "calm", {"heeds rescinds"}),
    (broken.UsesIdsAgain, "calm", {"launches once", "settles"}),
    (broken.NeverNoticesSilence, "F14", {"notices silence"}),
]

#: words in which a breach is told
TOLD = {
    broken.UsesMoreThanThereIs: "is told: Total resources cpus(allocated: *):0.5; mem(allocated: *):1000000",
    broken.LaunchesOnNobody: "on nobody's, with an offer of master-m0.1-S",
    broken.UsesOffersOfOthers: "which it was never offered",
    broken.UsesWhatItHasGivenBack: "which it has given back",
    broken.NeverLaunchesAgain: "has launched nothing since",
    broken.NeverNoticesSilence: "not even a heartbeat, and stays",
    broken.FailsOnRescind: "KeyError: 'master-m0.1-O",
}


@pytest.mark.parametrize(("make", "name", "promises"), BROKEN, ids=[one[0].__name__ for one in BROKEN])
def test_broken_frameworks_are_found(make: type[sdk.Scheduler], name: str, promises: set[str]) -> None:
    """By the promise that they break; what nobody cleans up after them is found in the end."""
    made = trial(make, BY_NAME[name], 1)
    assert {breach.promise for breach in made.breaches} == promises, made.breaches
    assert TOLD.get(make, "") in " ".join(breach.text for breach in made.breaches)


GOOD: list[tuple[type[sdk.Scheduler], str]] = [
    *[(hello.Hello, name) for name in BY_NAME],
    *[(broken.Keeper, name) for name in ("seldom", "F01", "F05", "F13", "F14", "F16", "F17", "F24", "F32")],
    *[(services.Services, name) for name in ("seldom", "F01", "F10", "F14", "F16", "F17", "F18", "F24", "drawn")],
]


@pytest.mark.parametrize(("make", "name"), GOOD)
def test_good_frameworks_keep_their_promises(make: type[sdk.Scheduler], name: str) -> None:
    """All of them, whatever goes wrong."""
    made = trial(make, BY_NAME[name], 2)
    assert made.breaches == () and made.tasks >= 3


def test_every_promise_is_broken_by_somebody() -> None:
    """A promise that nobody can be seen to break would be no promise; the session keeps ``backs off`` for everybody."""
    assert set(PROMISES) - set().union(*[one[2] for one in BROKEN]) == {"backs off"}


def certify(*arguments: str) -> int:
    return asyncio.run(COMMAND.main(parse(arguments, COMMAND.options)))


def test_the_command_says_what_is_broken_and_how_to_see_it_again(capfd: pytest.CaptureFixture[str]) -> None:
    """And a program can read it."""
    assert certify(f"{BROKEN_FILE}:NeverDeclines", "--scenario=calm", "--seeds=1", "--first=1") == 1
    text = capfd.readouterr().out
    assert "BROKEN  answers offers: it has master-" in text
    assert f"mesos-py certify {BROKEN_FILE}:NeverDeclines --scenario=calm --first=1 --seeds=1" in text
    assert certify(f"{HELLO}:Hello", "--scenario=f01", "--seeds=1", "--json") == 0
    (told,) = orjson.loads(capfd.readouterr().out)
    assert (told["scenario"], told["breaches"], told["has_ended"]) == ("F01", [], True)


def test_who_has_nothing_to_do_is_told_that_it_proves_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    assert certify("mesos_py.sdk:Scheduler", "--scenario=calm", "--seeds=1") == 0
    assert "It has launched no task" in capfd.readouterr().out


@pytest.mark.parametrize(("arguments", "text"), [
    ((HELLO,), "expecting MODULE:CLASS"),
    (("nowhere.py:Hello",), "cannot be imported"),
    ((f"{HELLO}:Goodbye",), "has no Scheduler 'Goodbye'"),
    ((f"{HELLO}:Hello", "--scenario=F99"), "no 'F99'; there are calm, seldom, F01"),
    ((), "say which framework"),
])  # fmt: skip
def test_what_cannot_be_certified(arguments: tuple[str, ...], text: str) -> None:
    """Says why, as a wrong command line."""
    with pytest.raises(CommandFailed, match=text) as failed:
        certify(*arguments)
    assert failed.value.code == 2
