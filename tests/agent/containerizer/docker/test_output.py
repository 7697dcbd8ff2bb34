"""What containers print is written once, wherever its stream was cut and begun again."""

from __future__ import annotations

import pytest

from mesos_py.agent.containerizer.docker.output import (
    FRAME_MAX,
    LINE_MAX,
    STDERR,
    STDOUT,
    BadStream,
    Frames,
    LineRecords,
    Position,
    Reader,
)


def frame(output: int, contents: bytes) -> bytes:
    return bytes([output + 1, 0, 0, 0]) + len(contents).to_bytes(4, "big") + contents


def record(output: int, time: int, text: str) -> bytes:
    """``time`` in tenths of a microsecond after noon."""
    return frame(output, f"2026-11-29T12:00:00.{time * 100:09}Z {text}".encode())


LOG = [
    (STDOUT, 1, "a\n"), (STDERR, 1, "A\n"), (STDOUT, 2, "long"), (STDOUT, 2, " line"), (STDOUT, 2, "\n"),
    (STDERR, 3, "B\n"), (STDOUT, 4, "b\n"),
]  # fmt: skip
NOON = 1_795_953_600
OUT, ERR = b"a\nlong line\nb\n", b"A\nB\n"


def told(since: str) -> bytes:
    """What dockerd would send."""
    seconds, _, nanos = (since or "0.0").partition(".")
    start = (int(seconds) - NOON) * 10**9 + int(nanos)
    return b"".join([record(*one) for one in LOG if one[1] * 100 >= start])


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_frames_may_be_cut_anywhere(size: int) -> None:
    stream = b"".join([record(*one) for one in LOG])
    reader = Reader(Position())
    parts = [reader.feed(stream[start : start + size]) for start in range(0, len(stream), size)]
    assert b"".join([out for out, _ in parts]) == OUT
    assert b"".join([err for _, err in parts]) == ERR


@pytest.mark.parametrize("cut", range(len(LOG) + 1))
def test_a_later_reader_goes_on_after_any_record(cut: int) -> None:
    position = Position()
    first = Reader(position).feed(b"".join([record(*one) for one in LOG[:cut]]))
    kept = Position.decode(position.encode(256))
    reader = Reader(kept)
    second = reader.feed(told(reader.since))
    assert (first[0] + second[0], first[1] + second[1]) == (OUT, ERR)


def test_times_of_two_outputs_may_cross() -> None:
    log = [(STDOUT, 5, "late\n"), (STDERR, 4, "early\n")]
    position = Position()
    Reader(position).feed(record(*log[0]))
    reader = Reader(position)
    assert reader.feed(b"".join([record(*one) for one in log])) == (b"", b"early\n")


def test_a_position_is_of_one_length_or_none() -> None:
    assert len(Position().encode(256)) == 256
    assert Position.decode(Position().encode(256)) == Position()
    for wrong in (b"", b"null", b"[[1]]", b"\0" * 256):
        with pytest.raises(ValueError, match="no position"):
            Position.decode(wrong)


@pytest.mark.parametrize(
    "stream", [b"HTTP/1.1", b"\x01\0\0\0\xff\xff\xff\xff", frame(STDOUT, b"no time"), frame(STDOUT, b"yesterdayZ x")]
)
def test_what_is_no_stream_is_said_to_be_none(stream: bytes) -> None:
    position = Position()
    with pytest.raises(BadStream):
        Reader(position).feed(stream)
    assert position == Position()


def test_an_input_is_no_output() -> None:
    assert list(Frames().feed(b"\0\0\0\0\0\0\0\1x")) == [(STDOUT, b"x")]


def line(time: int, text: str) -> bytes:
    """As a container with a terminal has it."""
    return f"2026-11-29T12:00:00.{time * 100:09}Z {text}".encode()


LONG = "x" * LINE_MAX


@pytest.mark.parametrize("size", [1, 7, 1000, 1 << 20])
def test_lines_of_a_terminal_may_be_cut_anywhere(size: int) -> None:
    """1 a record ends with its line; 2 or where dockerd has cut that; 3 or with the stream; 4 a time is no record."""
    fake = line(9, "no record")
    stream = line(1, "a\r\n") + line(2, LONG) + line(2, "rest\n") + line(3, f"{fake.decode()}\n") + line(4, "prompt ")
    reader = Reader(Position(), LineRecords())
    parts = [reader.feed(stream[start : start + size])[0] for start in range(0, len(stream), size)]
    assert b"".join(parts) == b"a\r\n" + LONG.encode() + b"rest\n" + fake + b"\n"
    assert reader.end() == (b"prompt ", b"")
    assert reader.end() == (b"", b"")


@pytest.mark.parametrize("cut", range(5))
def test_a_later_reader_of_a_terminal_goes_on_after_any_record(cut: int) -> None:
    records = [line(1, "a\n"), line(2, LONG), line(2, "rest\n"), line(2, "b\n"), line(3, "c\n")]
    first = Reader(position := Position(), LineRecords())
    written = first.feed(b"".join(records[:cut]))[0] + first.end()[0]
    second = Reader(Position.decode(position.encode(256)), LineRecords())
    written += second.feed(b"".join(records))[0]
    assert written == b"a\n" + LONG.encode() + b"rest\nb\nc\n"


def test_a_line_without_an_end_is_not_kept_for_ever() -> None:
    with pytest.raises(BadStream):
        Reader(Position(), LineRecords()).feed(line(1, "x" * (FRAME_MAX + 1)))
