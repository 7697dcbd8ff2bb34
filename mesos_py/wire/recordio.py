"""RecordIO: how events are cut out of a stream. A record is its length in decimal digits, a newline, and its bytes.

No input or output here: `feed` takes whatever the network delivered and returns the records that are complete.
Nothing separates a record from the next length; an empty record is legal; a malformed length ends the stream, because
there is no way to find the next record.

Mesos: 3rdparty/stout/include/stout/recordio.hpp.
"""

from __future__ import annotations

from mesos_py.wire.codec.errors import DecodeError

#: Largest record read unless the caller says otherwise, bytes. Ours; a full GET_STATE of a large cluster fits.
MAX_RECORD_BYTES = 256 * 1024 * 1024


def encode(record: bytes) -> bytes:
    """The record with its frame."""
    return b"%d\n%b" % (len(record), record)


class Decoder:
    """Cuts one stream into records."""

    def __init__(self, max_bytes: int = MAX_RECORD_BYTES) -> None:
        #: Records longer than this are refused; it also bounds what is buffered.
        self.max_bytes = max_bytes
        self._digits = len(str(max_bytes))
        self._buffer = bytearray()
        #: Length of the record whose bytes are awaited; None while its length is.
        self._wanted: int | None = None
        self._broken = False

    @property
    def is_empty(self) -> bool:
        """Whether the stream may end here without a record being cut short."""
        return not self._buffer and self._wanted is None

    def feed(self, data: bytes) -> list[bytes]:
        """The records completed by `data`, in order; raises DecodeError, then and ever after, for a malformed length.

        Records that were complete before the malformed length are lost with the stream; their sender is broken.
        """
        if self._broken:
            raise DecodeError("the stream is broken")
        buffer = self._buffer
        buffer += data
        records: list[bytes] = []
        position = 0
        while True:
            if self._wanted is None:
                newline = buffer.find(b"\n", position, position + self._digits + 1)
                if newline < 0:
                    self._refuse_unless_digits(buffer[position : position + self._digits + 1])
                    break
                self._wanted = self._length(bytes(buffer[position:newline]))
                position = newline + 1
            if len(buffer) - position < self._wanted:
                break
            records.append(bytes(buffer[position : position + self._wanted]))
            position += self._wanted
            self._wanted = None
        del buffer[:position]
        return records

    def _refuse_unless_digits(self, start: bytes | bytearray) -> None:
        """A length that has begun must be digits, and not more of them than the bound has."""
        if start and (not start.isdigit() or len(start) > self._digits):
            self._break(bytes(start))

    def _length(self, digits: bytes) -> int:
        if not digits.isdigit() or int(digits) > self.max_bytes:
            self._break(digits)
        return int(digits)

    def _break(self, start: bytes) -> None:
        self._broken = True
        raise DecodeError(f"Failed to decode length {start[:20]!r} of a record")
