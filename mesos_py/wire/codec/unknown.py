"""What a message's `unknown_fields` holds: what the sender said and we have no field for.

A framework newer than this kernel may put fields into a TaskInfo that only its executor understands; they pass
through master and agent untouched. Three codecs meet here, so there are three shapes:

- None: nothing unknown, by far the most frequent;
- bytes: protobuf fields with their tags, as read;
- a dict: text keys are unknown JSON members, positive int keys are unknown msgpack fields, and key 0 keeps protobuf
  bytes next to those.

Unknown fields reappear in the codec they came from, and survive a passage through msgpack, which is what the master
and the agent speak. They cannot be translated: JSON members have no number, protobuf fields no name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from mesos_py.wire.codec.errors import DecodeError

#: Nesting that Mesos' JSON parser allows (Mesos: 3rdparty/stout/include/stout/json.hpp STOUT_JSON_MAX_DEPTH).
MAX_DEPTH = 200

#: The msgpack key of a message that holds unknown fields of other codecs.
FOREIGN = 0

Unknown = bytes | dict[Any, Any] | None


def json_members(unknown: Unknown) -> dict[str, Any]:
    """What of it goes into JSON."""
    if not isinstance(unknown, dict):
        return {}
    return {key: value for key, value in unknown.items() if isinstance(key, str)}


def protobuf_bytes(unknown: Unknown) -> bytes:
    """What of it goes into protobuf."""
    kept = unknown.get(FOREIGN) if isinstance(unknown, dict) else unknown
    return kept if isinstance(kept, bytes) else b""


def to_msgpack(unknown: Unknown) -> dict[int, Any]:
    """All of it, as entries of a msgpack message."""
    if not isinstance(unknown, dict):
        return {FOREIGN: unknown} if unknown else {}
    entries = {key: value for key, value in unknown.items() if isinstance(key, int) and key != FOREIGN}
    members = json_members(unknown)
    raw = unknown.get(FOREIGN)
    if members or raw:
        entries[FOREIGN] = [raw, members] if members and raw else members or raw
    return entries


def from_msgpack(entries: Mapping[Any, Any], known: frozenset[int]) -> Unknown:
    """The reverse; raises DecodeError for keys that are no field numbers."""
    kept: dict[Any, Any] = {}
    for key, value in entries.items():
        if type(key) is not int or key < 0:
            raise DecodeError(f"{key!r} is not a field number")
        if key == FOREIGN:
            for part in value if type(value) is list else (value,):
                if type(part) is bytes:
                    kept[FOREIGN] = part
                else:
                    kept |= printable_members(part)
        elif key not in known:
            check_depth(value)
            kept[key] = value
    if kept.keys() == {FOREIGN}:
        return bytes(kept[FOREIGN])
    return kept or None


def printable_members(part: Any) -> dict[str, Any]:
    """`part`, if it is a JSON object that can be printed again; raises DecodeError."""
    check_depth(part)
    try:
        if type(part) is dict:
            orjson.dumps(part)
            return part
    except TypeError:
        pass  # reported below
    raise DecodeError("unknown fields are neither bytes nor JSON members")


def check_depth(value: Any) -> None:
    """Raise DecodeError for a value nested deeper than any peer would send; encoders would choke on it."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for container in level
            if isinstance(container, (dict, list))
            for child in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return
    raise DecodeError(f"nested deeper than {MAX_DEPTH}")
