"""Everything a C++ Mesos was heard to say in its v1 APIs is in our vocabulary, and we say it the same way.

Two habits of Mesos' own printer of operator answers are evened out before comparing: it prints empty lists, and it
lets the v0 field `checkpoint` of SlaveInfo show in agent_info.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from mesos_py.wire import agent_api, executor_api, master_api, scheduler_api
from mesos_py.wire.agent import AgentInfo
from mesos_py.wire.codec import json, msgpack, protobuf
from mesos_py.wire.codec.errors import DecodeError
from mesos_py.wire.schema import fields, is_message
from tests.golden import golden_dir

#: (folder, file name pattern, class of the records in it); the first match counts.
SOURCES = (
    (r"(master_v1|extras)", r"SUBSCRIBE_stream", master_api.Event),
    (r"agent_v1", r"SESSION", agent_api.ProcessIO),
    (r"agent_v1", r"", agent_api.Response),
    (r"extras", r"^agent_(GET|LIST|READ)", agent_api.Response),
    (r"extras", r"executor_api", executor_api.Event),
    (r"extras", r"sched_stream", scheduler_api.Event),
    (r"scheduler", r"", scheduler_api.Event),
    (r"errors", r"sched_", scheduler_api.Event),
    (r"(master_v1|extras|mutate)", r"^(GET|LIST|READ)_", master_api.Response),
)


def _records() -> Iterator[tuple[str, type, bytes]]:
    folder = golden_dir()
    for path in sorted(folder.glob("*/*")):
        cls = _class_of(path)
        if cls is None or path.suffix not in (".json", ".txt"):
            continue
        # Requests are left out: our client printed them with a blank behind the colon, Mesos prints none.
        for number, line in enumerate(re.findall(rb'^(\{"type":"[A-Z_]+".*)$', path.read_bytes(), re.MULTILINE)):
            yield f"{path.parent.name}/{path.name}:{number}", cls, _first_value(line)


def _class_of(path: Path) -> type | None:
    for folder, name, cls in SOURCES:
        if re.match(folder, path.parent.name) and re.search(name, path.name):
            return cls
    return None


def _first_value(line: bytes) -> bytes:
    """A line of a capture may continue behind the record (RecordIO has no newline between records)."""
    depth = 0
    for match in re.finditer(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}]', line):
        depth += {b"{": 1, b"}": -1}.get(match[0], 0)
        if depth == 0:
            return line[: match.end()]
    raise AssertionError(f"cut short: {line[-80:]!r}")


def _evened(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _evened(v) for k, v in value.items() if v != []}
    return [_evened(item) for item in value] if isinstance(value, list) else value


def _unknown(msg: Any, where: str) -> Iterator[str]:
    """Paths of members that are not in our vocabulary."""
    strange = set(msg.unknown_fields or ())
    if isinstance(msg, AgentInfo):
        strange.discard("checkpoint")
    yield from (f"{where}.{name}" for name in strange)
    for field in fields(type(msg)):
        value = getattr(msg, field.name)
        for item in value if isinstance(value, tuple) else value.values() if isinstance(value, dict) else (value,):
            if is_message(type(item)):
                yield from _unknown(item, f"{where}.{field.name}")


def test_every_answer_is_in_our_vocabulary() -> None:
    """Decoding finds a field for everything; encoding gives the equal value, in all three codecs."""
    count = 0
    for name, cls, record in _records():
        message: Any = json.decode(cls, record)
        assert list(_unknown(message, name)) == []
        assert orjson.loads(json.encode(message)) == _evened(orjson.loads(record)), name
        assert msgpack.decode(cls, msgpack.encode(message)) == message, name
        again: Any = protobuf.decode(cls, protobuf.encode(message))
        assert protobuf.encode(again) == protobuf.encode(message), name
        count += 1
    assert count > 250


def test_events_are_printed_byte_for_byte() -> None:
    """Members come in the order Mesos declares them, and numbers look the same.

    Timestamps excepted: of two 17-digit texts for the same double Mesos and orjson do not always choose the same.
    """
    timestamp = re.compile(rb'"timestamp":[0-9.]+')
    count = 0
    for name, cls, record in _records():
        if cls in (scheduler_api.Event, executor_api.Event) and b'"checkpoint":' not in record:
            printed = json.encode(json.decode(cls, record))
            assert timestamp.sub(b"", printed) == timestamp.sub(b"", record), name
            count += 1
    assert count > 150


def _refusals() -> Iterator[tuple[str, type, bytes, str]]:
    """(name, class, body, answer) of every captured request that the JSON decoder must refuse, or let pass (\"\")."""
    for path in sorted((golden_dir() / "errors").glob("*.txt")):
        prefix = path.name.partition("_")[0]
        cls: type | None = {
            "sched": scheduler_api.Call,
            "exec": executor_api.Call,
            "op": master_api.Call,
            "agent": agent_api.Call,
        }.get(prefix)
        match = re.match(r">>> REQUEST\nPOST .*?\n\n(.*?)\n*<<< RESPONSE(.*)", path.read_text(), re.DOTALL)
        if cls is not None and match is not None:
            yield path.name, cls, match[1].encode(), _refusal(match[2])
    text = (golden_dir() / "scheduler" / "invalid_tasks.txt").read_text()
    for operations, answer in re.findall(r">>> ACCEPT operations: (.*)\n<<< (.*)", text):
        body = f'{{"type": "ACCEPT", "accept": {{"operations": {operations}}}}}'
        yield "invalid_tasks.txt", scheduler_api.Call, body.encode(), _refusal(answer)


def _refusal(answer: str) -> str:
    match = re.search(r"Failed to (convert JSON into Call|parse body into JSON).*", answer)
    return match[0] if match else ""


def test_refusals_have_mesos_texts() -> None:
    """What Mesos refused while decoding we refuse with the same text; what it let pass to validation we let pass."""
    seen = set()
    for name, cls, body, expected in _refusals():
        try:
            json.decode(cls, body)
            text = ""
        except DecodeError as error:
            text = str(error)
        assert text == expected, name
        seen.add(text)
    if len(seen) < 10:
        pytest.fail(f"only {len(seen)} different answers: the captures were not found")
