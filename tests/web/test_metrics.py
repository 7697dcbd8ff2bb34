"""Metrics as Mesos' snapshot tells them and as Prometheus reads them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.web.metrics import Sample, Timer, percentile, prometheus

#: One line of the text exposition format: a type, or a sample with labels.
TYPE = re.compile(r"# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge)")
LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(\{{{LABEL}(?:,{LABEL})*\}})? (-?[0-9.e+-]+|NaN|[+-]Inf)")


def parsed(text: str) -> dict[str, tuple[str, dict[str, float]]]:
    """Family -> type and samples by labels; asserts that the text is well formed."""
    families: dict[str, tuple[str, dict[str, float]]] = {}
    assert not text or text.endswith("\n")
    name = ""
    for line in text.removesuffix("\n").split("\n") if text else ():
        if (kind := TYPE.fullmatch(line)) is not None:
            name = kind[1]
            assert name not in families, f"{name} has two types"
            families[name] = (kind[2], {})
            continue
        sample = SAMPLE.fullmatch(line)
        assert sample is not None, line
        assert sample[1] == name, "a sample outside of its family"
        labels = sample[2] or ""
        assert labels not in families[name][1], f"{line} is told twice"
        families[name][1][labels] = float(sample[3])
    return families


@pytest.mark.parametrize(
    ("name", "is_counter", "metric", "labels"),
    [
        ("master/tasks_running", False, "mesos_master_tasks_running", ""),
        ("master/tasks_finished", True, "mesos_master_tasks_finished_total", ""),
        ("master/slave_removals/reason_unhealthy", True, "mesos_master_slave_removals_reason_unhealthy_total", ""),
        ("registrar/state_store_ms", False, "mesos_registrar_state_store_ms", ""),
        ("registrar/state_store_ms/p999", False, "mesos_registrar_state_store_ms_quantile", '{quantile="0.999"}'),
        (
            "master/task_lost/source_master/reason_slave_removed", True, "mesos_master_task_updates_total",
            '{state="lost",source="master",reason="slave_removed"}',
        ),
        (
            "master/frameworks/a%2Fb/m-0000/calls/accept", True, "mesos_master_framework_calls_accept_total",
            '{framework="a/b",framework_id="m-0000"}',
        ),
        (
            "master/frameworks/f/m-0000/roles/eng/web/suppressed", False, "mesos_master_framework_role_suppressed",
            '{framework="f",framework_id="m-0000",role="eng/web"}',
        ),
    ],
)  # fmt: skip
def test_what_mesos_puts_into_names_becomes_labels(name: str, is_counter: bool, metric: str, labels: str) -> None:
    families = parsed(prometheus([Sample(name, 2.5, is_counter)], "mesos"))
    assert families == {metric: ("counter" if is_counter else "gauge", {labels: 2.5})}


@given(st.lists(st.builds(Sample, st.text(max_size=40), st.floats(), st.booleans()), max_size=20))
def test_whatever_the_names_the_text_is_well_formed(samples: list[Sample]) -> None:
    parsed(prometheus([Sample(f"master/frameworks/{one.name}/x/y", one.number) for one in samples] + samples, "p"))


def test_a_timer_that_was_never_used_is_not_told() -> None:
    assert list(Timer("x_ms").samples()) == []


def test_a_timer_tells_its_last_value_and_its_window() -> None:
    timer = Timer("x_ms")
    for duration in (3.0, 1.0, 2.0):
        timer.record(duration)
    told = {sample.name: sample.number for sample in timer.samples()}
    assert told["x_ms"] == 2.0
    assert (told["x_ms/count"], told["x_ms/min"], told["x_ms/max"], told["x_ms/p50"]) == (3.0, 1.0, 3.0, 2.0)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 1))
def test_percentiles_lie_within_the_window(window: list[float], share: float) -> None:
    ordered = sorted(window)
    assert ordered[0] <= percentile(ordered, share) * (1 + 1e-12) + 1e-9
    assert percentile(ordered, share) <= ordered[-1] * (1 + 1e-12) + 1e-9
