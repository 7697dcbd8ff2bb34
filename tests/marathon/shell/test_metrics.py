"""Metrics: meters and timers by Dropwizard's arithmetic, what is counted, and both forms in which it is shown."""

from __future__ import annotations

import math

import pytest

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.shell.metrics.counts import Counts, gauges
from frameworks.marathon_py.shell.metrics.formats import as_json, exposition
from frameworks.marathon_py.shell.metrics.kinds import Counter, Gauge, Meter, Timer
from frameworks.marathon_py.shell.metrics.requests import Requests
from mesos_py.machine.frame import Frame
from mesos_py.wire.ids import OfferID, TaskID
from mesos_py.wire.offer import Offer
from mesos_py.wire.scheduler_api import Call
from mesos_py.wire.task import TaskState, TaskStatus
from tests.marathon.app_of import app_of
from tests.marathon.world import world_of


def test_a_meter_decays() -> None:
    """By e every minute, five minutes and quarter of an hour; the first tick sets the rate."""
    meter = Meter(100.0)
    for _ in range(10):
        meter.mark(101.0)
    assert meter.rates(104.0)["m1_rate"] == 0.0
    assert meter.rates(105.0) == {"m1_rate": 2.0, "m5_rate": 2.0, "m15_rate": 2.0, "mean_rate": 2.0}
    later = meter.rates(165.0)
    assert later["m1_rate"] == pytest.approx(2.0 / math.e)
    assert later["m5_rate"] == pytest.approx(2.0 * math.exp(-0.2))
    assert (meter.count, later["mean_rate"]) == (10, pytest.approx(10 / 65))


def test_a_timer_sums_up_its_last_samples() -> None:
    timer = Timer(0.0)
    assert timer.summary()["p99"] == 0.0
    for number in range(2000):
        timer.record(number / 1000, 1.0)
    summary = timer.summary()
    assert (timer.meter.count, summary["min"], summary["max"]) == (2000, 0.972, 1.999)
    assert summary["p50"] == pytest.approx(1.4855)


def test_both_forms() -> None:
    """Names of Prometheus have no dots and dashes; a timer is a summary there, and what else is known are gauges."""
    meter, timer = Meter(0.0), Timer(0.0)
    meter.mark(1.0)
    timer.record(0.25, 1.0)
    readings = {
        "apps.active.gauge": Gauge(3), "mesos.offer-operations.launch.counter": Counter(2),
        "http.responses.2xx.rate.meter": meter, "http.requests.duration.timer.seconds": timer,
    }  # fmt: skip
    shown = as_json(readings, "marathon", 4.0)
    assert shown["gauges"] == {"marathon.apps.active.gauge": {"value": 3}}
    assert shown["counters"] == {"marathon.mesos.offer-operations.launch.counter": {"count": 2}}
    assert shown["meters"] == {"marathon.http.responses.2xx.rate.meter": {
        "count": 1, "m1_rate": 0.0, "m5_rate": 0.0, "m15_rate": 0.0, "mean_rate": 0.25, "units": "events/second",
    }}  # fmt: skip
    timed = shown["timers"]["marathon.http.requests.duration.timer.seconds"]
    assert (timed["count"], timed["p999"], timed["duration_units"], timed["rate_units"]) == (
        1, 0.25, "seconds", "calls/second",
    )  # fmt: skip
    assert (shown["version"], shown["histograms"]) == ("4.0.0", {})
    lines = exposition(readings, "marathon", 4.0).splitlines()
    assert "# TYPE marathon_apps_active_gauge gauge" in lines
    assert "marathon_mesos_offer_operations_launch_counter 2" in lines
    assert "# TYPE marathon_http_responses_2xx_rate_meter_count gauge" in lines
    assert "marathon_http_responses_2xx_rate_meter_count 1" in lines
    assert "marathon_http_responses_2xx_rate_meter_mean_rate 0.25" in lines
    of_timer = "marathon_http_requests_duration_timer_seconds"
    assert {line.split()[2].removeprefix(of_timer) for line in lines if line.startswith(f"# TYPE {of_timer}")} == {
        "", "_min", "_mean", "_max", "_stddev", "_mean_rate", "_m1_rate", "_m5_rate", "_m15_rate",
    }  # fmt: skip
    assert f"{of_timer}_max 0.25" in lines
    assert 'marathon_http_requests_duration_timer_seconds{quantile="0.99"} 0.25' in lines
    assert "marathon_http_requests_duration_timer_seconds_count 1" in lines


def counted(counts: Counts) -> dict[str, int]:
    """Those that are not 0."""
    return {name: one.count for name, one in counts.readings().items() if isinstance(one, Counter) and one.count}


def test_what_the_core_says_is_counted() -> None:
    """Offers, launches, declines, wishes, deployments."""
    counts, frame = Counts(), Frame(0)
    accept = Call.Accept(offer_ids=(OfferID("o"),), operations=(
        Offer.Operation(type=Offer.Operation.Type.LAUNCH, launch=Offer.Operation.Launch(task_infos=())),))
    frame.send(words.SCHEDULER, Call(type=Call.Type.ACCEPT, accept=accept))
    decline = Call.Decline(offer_ids=(OfferID("p"), OfferID("q")))
    frame.send(words.SCHEDULER, Call(type=Call.Type.DECLINE, decline=decline))
    frame.send(words.SCHEDULER, Call(type=Call.Type.REVIVE, revive=Call.Revive(roles=("*",))))
    frame.change(words.GroupChanged(PathId("/"), "v"))
    frame.change(words.GroupChanged(PathId("/"), "v", "too late"))
    counts.caused(frame)
    refused = Frame(0)
    refused.reply = words.Refused(403, "too many")
    counts.caused(refused)
    counts.offered(3)
    counts.updated(TaskStatus(
        task_id=TaskID("t"), state=TaskState.TASK_FAILED,
        reason=TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY,
    ))  # fmt: skip
    assert counted(counts) == {
        "mesos.offers.incoming.counter": 3, "mesos.offers.used.counter": 1, "mesos.offers.declined.counter": 2,
        "mesos.offer-operations.launch.counter": 1, "mesos.calls.revive.counter": 1, "deployments.counter": 1,
        "deployments.dismissed.counter": 1, "mesos.task-updates.task-failed.counter": 1,
        "mesos.task.oom.memory-limit-exceeded.counter": 1,
    }  # fmt: skip


def test_gauges_follow_from_the_state() -> None:
    world = world_of()
    world.define(app_of(instances=2))
    world.run()
    numbers = {name: one.number for name, one in gauges(world.core, world.now).items() if isinstance(one, Gauge)}
    assert {name: number for name, number in numbers.items() if number} == {
        "apps.active.gauge": 1, "groups.active.gauge": 1, "instances.running.gauge": 2,
    }  # fmt: skip


def test_every_name_of_the_documentation_is_there() -> None:
    """Behaviour §18, but for the JVM's; those of which nothing can happen here are 0."""
    world, requests = world_of(), Requests(lambda: 5)
    requests.event_bytes = 7
    found = {**Counts().readings(), **gauges(world.core, world.now), **requests.readings()}
    assert found.keys() >= {
        *(f"{what}.active.gauge" for what in ("apps", "pods", "groups", "deployments")),
        *(f"instances.{what}.gauge" for what in (
            "running", "staged", "launch-overdue", "inflight-kills", "inflight-kill-attempts")),
        "tasks.launched.counter", "deployments.counter", "deployments.dismissed.counter", "mesos.calls.revive.counter",
        "mesos.calls.suppress.counter", *(f"mesos.offers.{what}.counter" for what in ("incoming", "used", "declined")),
        *(f"mesos.offer-operations.{what}.counter" for what in ("launch", "launch-group", "reserve")),
        "mesos.task-updates.task-running.counter", "mesos.task.oom.memory-limit-exceeded.counter",
        "mesos.task.oom.memory-limit-unfulfillable.counter", "persistence.gc.runs.counter",
        "persistence.gc.compaction.duration.timer.seconds", "persistence.gc.scan.duration.timer.seconds",
        "http.requests.active.gauge", "http.requests.size.counter.bytes", "http.responses.size.counter.bytes",
        "http.responses.size.gzipped.counter.bytes", "http.responses.event-stream.size.counter.bytes",
        *(f"http.responses.{number}xx.rate.meter" for number in range(1, 6)),
        *(f"http.requests{method}.duration.timer.seconds" for method in ("", ".get", ".post", ".put", ".delete")),
    }  # fmt: skip
    assert found["http.responses.size.gzipped.counter.bytes"] == Counter(5)
    assert found["http.responses.event-stream.size.counter.bytes"] == Counter(7)
