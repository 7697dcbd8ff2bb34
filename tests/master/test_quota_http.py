"""Quota over HTTP: the captured calls in the order in which they make sense, what is shown then, and what is kept."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from mesos_py.wire.codec import protobuf
from mesos_py.wire.master_api import Call, Response
from tests.builders import quota
from tests.golden import golden_dir
from tests.golden_compare import read_capture
from tests.master.over_http import API, AgentLink, call, subscribed
from tests.web.raw import Wire, exchange, get, post

#: as an operator would make them
CAPTURES = (
    "SET_QUOTA_no_role", "SET_QUOTA_ok", "SET_QUOTA_again", "UPDATE_QUOTA_ok", "UPDATE_QUOTA_child_gt_parent",
    "UPDATE_QUOTA_overcommit_force", "quota_POST_new", "quota_POST_existing", "quota_DELETE",
)  # fmt: skip


def alike(text: str) -> str:
    """Without the amounts of one cluster, and what it happened to have."""
    return re.sub(r"'[a-z]+:[^']*'", "'...'", text)


def scalars(**amounts: float) -> list[dict[str, Any]]:
    return [
        {"name": name, "role": "*", "scalar": {"value": amount}, "type": "SCALAR"} for name, amount in amounts.items()
    ]


def amounts(**of: float) -> dict[str, Any]:
    return {name: {"value": amount} for name, amount in of.items()}


async def shown(master: MasterServer, path: str) -> Any:
    answer = await exchange(master.port, get(path))
    assert answer.status == 200
    return json.loads(answer.body)


async def test_as_captured_and_as_shown(tmp_path: Path) -> None:
    """Statuses and texts are those of the C++ master; a master that is started again shows the same."""
    async with asyncio.timeout(60):
        async with MasterServer(Options(port=0, work_dir=str(tmp_path))) as master, AgentLink(master):
            for name in CAPTURES:
                capture = read_capture(golden_dir() / "mutate" / f"{name}.txt")
                ours = await exchange(master.port, capture.request)
                assert (name, ours.status, alike(ours.text)) == (name, capture.status, alike(capture.body))
            await _shows(master)
        async with MasterServer(Options(port=0, work_dir=str(tmp_path))) as master:
            await _shows(master)
            removed = await exchange(master.port, call("REMOVE_QUOTA", remove_quota={"role": "ads"}))
            assert (removed.status, removed.body) == (200, b"")
            removed = await exchange(master.port, call("REMOVE_QUOTA", remove_quota={"role": "ads"}))
            assert (removed.status, removed.text) == (400, "Failed to remove quota: Role 'ads' has no quota set")
            for role in ("huge", "eng"):
                request = f"DELETE /master/quota/{role} HTTP/1.1\r\nHost: h\r\n\r\n".encode()
                assert (await exchange(master.port, request)).status == 200
            assert await shown(master, "/quota") == {}
            assert "minimum_capabilities" not in await shown(master, "/registrar(1)/registry")


async def _shows(master: MasterServer) -> None:
    """At every place where quota is told, in its old form and its new one."""
    status = {
        "infos": [
            {"role": "ads", "guarantee": scalars(cpus=2.0, mem=256.0)},
            {"role": "eng", "guarantee": scalars(cpus=1.0, mem=64.0)},
            {"role": "huge", "guarantee": scalars(cpus=100000.0)},
        ],
        "configs": [
            {"role": "ads", "guarantees": amounts(cpus=2.0, mem=256.0), "limits": amounts(cpus=2.0, mem=256.0)},
            {"role": "eng", "guarantees": amounts(cpus=1.0, mem=64.0), "limits": amounts(cpus=4.0, mem=1024.0)},
            {"role": "huge", "guarantees": amounts(cpus=100000.0)},
        ],
    }
    assert await shown(master, "/quota") == status
    assert await shown(master, "/master/quota") == status
    told = await exchange(master.port, call("GET_QUOTA"))
    assert json.loads(told.body) == {"type": "GET_QUOTA", "get_quota": {"status": status}}
    asked = protobuf.encode(Call(type=Call.Type.GET_QUOTA))
    headers = ("Accept: application/x-protobuf",)
    told = await exchange(master.port, post(API, asked, *headers, content_type="application/x-protobuf"))
    response = protobuf.decode(Response, told.body)
    assert response.get_quota is not None
    assert response.get_quota.status.configs[1] == quota("eng", {"cpus": 1, "mem": 64}, {"cpus": 4, "mem": 1024})
    roles = {role["name"]: role["quota"] for role in (await shown(master, "/roles"))["roles"]}
    assert roles == {
        "ads": {"role": "ads", "guarantee": {"cpus": 2, "mem": 256}, "limit": {"cpus": 2, "mem": 256}, "consumed": {}},
        "eng": {"role": "eng", "guarantee": {"cpus": 1, "mem": 64}, "limit": {"cpus": 4, "mem": 1024}, "consumed": {}},
        "huge": {"role": "huge", "guarantee": {"cpus": 100000}, "limit": {}, "consumed": {}},
    }
    kept = await shown(master, "/registrar(1)/registry")
    assert sorted(each["role"] for each in kept["quota_configs"]) == ["ads", "eng", "huge"]
    assert kept["minimum_capabilities"] == [{"capability": "QUOTA_V2"}]


async def test_offers_are_taken_back_on_the_stream() -> None:
    """The answer to the operator and the RESCIND leave together."""
    limited = {"quota_configs": [{"role": "a", "limits": amounts(cpus=1)}]}
    async with asyncio.timeout(60), MasterServer(Options(port=0)) as master, AgentLink(master):
        async with Wire(master.port) as wire:
            await subscribed(wire, role="a")
            while b'"OFFERS"' not in await wire.chunk():
                pass
            assert (await exchange(master.port, call("UPDATE_QUOTA", update_quota=limited))).status == 200
            while b'"RESCIND"' not in await wire.chunk():
                pass
        assert master.core.registry.quotas == {"a": quota("a", {}, {"cpus": 1})}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("[]", "Failed to parse set quota request JSON '[]': Unexpected JSON type parsed"),
        (
            '{"role": 1}',
            "Failed to validate set quota request JSON '{\"role\": 1}': Not expecting a JSON number for field 'role'",
        ),
        (
            "{}",
            "Failed to validate set quota request: QuotaInfo with invalid role: Role names cannot be the empty string",
        ),
    ],
)  # fmt: skip
async def test_what_is_no_request(body: str, text: str) -> None:
    async with asyncio.timeout(60), MasterServer(Options(port=0)) as master:
        answer = await exchange(master.port, post("/quota", body.encode()))
    assert (answer.status, answer.text) == (400, text)
