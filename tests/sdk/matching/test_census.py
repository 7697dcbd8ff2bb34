"""A census says what counting everything anew would say, whatever came and went."""

from __future__ import annotations

from random import Random

import pytest

from mesos_py.sdk.matching import Census


@pytest.mark.parametrize("seed", range(20))
def test_counts_are_right_at_any_time(seed: int) -> None:
    rng, census, standing = Random(seed), Census(["rack", "zone", "rack"]), list[dict[str, str]]()
    for _ in range(300):
        if standing and rng.random() < 0.45:
            census.remove(standing.pop(rng.randrange(len(standing))))
        else:
            values = {"rack": rng.choice("abc"), "zone": rng.choice("xy")}
            standing.append({field: value for field, value in values.items() if rng.random() < 0.8})
            census.add(standing[-1])
        for field in census.fields:
            values = [one[field] for one in standing if field in one]
            counts = {value: values.count(value) for value in values}
            assert dict(census.groups(field)) == counts
            if rng.random() < 0.5:
                assert census.smallest(field) == min(counts.values(), default=0)
