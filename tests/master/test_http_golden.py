"""Every refused request of the golden captures, sent to our master byte for byte: same status, same text."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from tests.golden import golden_dir
from tests.golden_compare import Capture, read_capture
from tests.web.raw import Wire, exchange, post

#: The framework whose calls were captured, and its stream.
FRAMEWORK = "19eccc43-7f67-4c5c-ae3d-204f17c6e430-0005"
STREAM = re.compile(rb"Mesos-Stream-Id: [0-9a-f-]{36}")

#: Answered otherwise, and why.
SKIPPED = {
    "op_REMOVE_QUOTA_unknown_CRASHES_MASTER.log": "crashed the C++ master; what ours answers is in test_quota_http",
}
#: Not the text of a refusal but an open stream or an answer with ids and versions.
SHAPED = ("legacy_state_jsonp", "redirect")

SUBSCRIBE = {
    "type": "SUBSCRIBE",
    "subscribe": {
        "framework_info": {"user": "root", "name": "cap", "roles": ["*"], "capabilities": [{"type": "MULTI_ROLE"}]}
    },
}


def names() -> list[str]:
    try:
        folder = golden_dir() / "errors"
    except pytest.skip.Exception:
        return []
    found = (path.name.removesuffix(".txt") for path in folder.iterdir())
    return sorted(name for name in found if not name.startswith(("agent_", "exec_")))


def read(name: str) -> Capture:
    return read_capture(golden_dir() / "errors" / f"{name}.txt")


@pytest_asyncio.fixture
async def master() -> AsyncIterator[MasterServer]:
    async with MasterServer(Options(port=0)) as server:
        yield server


@pytest.mark.parametrize("name", names())
async def test_refusal_is_mesos_refusal(name: str, master: MasterServer) -> None:
    """Status and text are those of the C++ master."""
    if name in SKIPPED:
        pytest.skip(SKIPPED[name])
    capture = read(name)
    async with Wire(master.port) as stream:
        stream.send(post("/api/v1/scheduler", json.dumps(SUBSCRIBE).encode()))
        stream_id = (await stream.head()).headers["mesos-stream-id"]
        framework_id = json.loads((await stream.chunk()).partition(b"\n")[2])["subscribed"]["framework_id"]["value"]
        if name == "sched_resubscribe_completed":
            call = {"type": "TEARDOWN", "framework_id": {"value": framework_id}}
            body = json.dumps(call).encode()
            done = await exchange(master.port, post("/api/v1/scheduler", body, f"Mesos-Stream-Id: {stream_id}"))
            assert done.status == 202
        request = rewritten(capture.request, framework_id, stream_id)
        if capture.headers.get("transfer-encoding") == "chunked":
            await same_stream(master.port, request, capture)
            return
        ours = await exchange(master.port, request)
    assert ours.status == capture.status
    theirs_type = capture.headers.get("content-type")
    assert ours.headers.get("content-type") == theirs_type
    for header in ("allow", "www-authenticate"):
        assert ours.headers.get(header) == capture.headers.get(header)
    if name in SHAPED:
        return
    if theirs_type == "application/x-protobuf":
        assert len(ours.body) == int(capture.headers["content-length"])
    else:
        assert ours.text == capture.body


def rewritten(request: bytes, framework_id: str, stream_id: str) -> bytes:
    """The request with our framework and stream in place of the captured ones."""
    head, _, body = request.partition(b"\r\n\r\n")
    body = body.replace(FRAMEWORK.encode(), framework_id.encode())
    if b"subscribe_with_stream_id" not in head:
        head = STREAM.sub(f"Mesos-Stream-Id: {stream_id}".encode(), head)
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head)
    return head + b"\r\n\r\n" + body


async def same_stream(port: int, request: bytes, capture: Capture) -> None:
    """The first event is the captured one, and the stream ends where the captured one did."""
    async with Wire(port) as wire:
        wire.send(request)
        head = await wire.head()
        assert head.status == capture.status
        assert head.headers["content-type"] == "application/json"
        assert "mesos-stream-id" in head.headers
        first = (await wire.chunk()).partition(b"\n")[2]
        wanted = next(line for line in capture.body.splitlines() if line.startswith("{"))
        theirs, ours = json.loads(wanted), json.loads(first)
        assert ours["type"] == theirs["type"]
        if theirs["type"] == "ERROR":
            assert ours == theirs
            assert await wire.chunk() == b""
