"""Moments as clients see them."""

from __future__ import annotations

import pytest

from frameworks.marathon_py.definitions.timestamps import canonical, moment, timestamp


def test_a_moment_has_three_digits_of_a_second_and_is_in_utc() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"
    assert timestamp(1_714_557_600_007_999_999) == "2024-05-01T10:00:00.007Z"
    assert moment("2024-05-01T10:00:00.007Z") == 1_714_557_600_007_000_000


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2024-05-01T10:00:00Z", "2024-05-01T10:00:00.000Z"),
        ("2024-05-01T12:00:00.5+02:00", "2024-05-01T10:00:00.500Z"),
        ("2024-05-01T10:00:00.123", "2024-05-01T10:00:00.123Z"),
        ("2024-05-01", "2024-05-01T00:00:00.000Z"),
    ],
)
def test_other_ways_to_write_it_are_the_same_version(text: str, same: str) -> None:
    assert canonical(text) == same


@pytest.mark.parametrize("text", ["", "v1", "2024-13-01T00:00:00Z", "0001-01-01T00:00:00+99:00"])
def test_what_is_no_moment_is_refused_with_the_text_clients_know(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Invalid timestamp provided '.*'\. Expecting ISO-8601 datetime string\.$"):
        moment(text)
