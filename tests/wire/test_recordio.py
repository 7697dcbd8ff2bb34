"""Records are found wherever the network cuts the stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.recordio import Decoder, encode

RECORDS = [b'{"type":"HEARTBEAT"}', b"", b"\n", b"12\nab", "é\u2028".encode() * 40, b"x" * 1000]
STREAM = b"".join(map(encode, RECORDS))


def test_frame() -> None:
    """The length counts bytes; nothing follows the record."""
    assert encode("é".encode()) == b"2\n\xc3\xa9"
    assert encode(b"") == b"0\n"


def test_cut_at_every_byte() -> None:
    """Two deliveries, cut anywhere, give the same records as one."""
    for cut in range(len(STREAM) + 1):
        decoder = Decoder()
        assert decoder.feed(STREAM[:cut]) + decoder.feed(STREAM[cut:]) == RECORDS
        assert decoder.is_empty


def test_byte_by_byte() -> None:
    """A record is complete with its last byte, not later."""
    decoder = Decoder()
    got = [record for byte in STREAM for record in decoder.feed(bytes([byte]))]
    assert got == RECORDS


@given(st.lists(st.binary(max_size=30)), st.lists(st.integers(1, 9)))
def test_any_records_in_any_pieces(records: list[bytes], sizes: list[int]) -> None:
    """Framing loses nothing and invents nothing."""
    stream = b"".join(map(encode, records))
    decoder = Decoder()
    got: list[bytes] = []
    for size in sizes:
        got += decoder.feed(stream[:size])
        stream = stream[size:]
    assert got + decoder.feed(stream) == records


@pytest.mark.parametrize(
    "stream", [b"x", b"-1\n", b"1x\nab", b"\n", b" 5\nhello", b"+5\nhello", b"0x1\na", b"99999", b"1001\n"]
)
def test_malformed_length(stream: bytes) -> None:
    """Noticed with the first wrong byte, and final."""
    decoder = Decoder(max_bytes=1000)
    with pytest.raises(DecodeError):
        decoder.feed(stream)
    with pytest.raises(DecodeError):
        decoder.feed(encode(b"fine"))


def test_end_inside_a_record() -> None:
    """The reader can tell a clean end from a cut record."""
    decoder = Decoder()
    assert decoder.feed(b"5\nhel") == []
    assert not decoder.is_empty
    assert decoder.feed(b"lo") == [b"hello"]
    assert decoder.feed(b"1") == []
    assert not decoder.is_empty


@given(st.binary(max_size=60))
def test_any_bytes(data: bytes) -> None:
    """Records or DecodeError, nothing else."""
    try:
        Decoder(max_bytes=50).feed(data)
    except DecodeError:
        return
