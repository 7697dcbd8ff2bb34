"""``mesos-py quota`` and ``mesos-py weights``, asked of a master that runs: what is shown, changed and refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from mesos_py.cli import quota, weights
from mesos_py.cli.command import Command, CommandFailed
from mesos_py.config import parse
from mesos_py.master.options import Options
from mesos_py.master.server import MasterServer
from tests import builders
from tests.master.over_http import AgentLink


class Typed:
    """Commands on one master, and what they print."""

    def __init__(self, master: MasterServer, capfd: pytest.CaptureFixture[str]) -> None:
        self.master, self._capfd = master, capfd

    async def __call__(self, command: Command, *words: str) -> str:
        """What is printed on stdout. Raises CommandFailed."""
        self._capfd.readouterr()
        line = parse([*words, f"--master=127.0.0.1:{self.master.port}"], command.options)
        async with asyncio.timeout(60):
            assert await command.main(line) == 0
        return self._capfd.readouterr().out

    async def quota(self, *words: str) -> list[list[str]]:
        """The rows of a table, without its head."""
        return [row.split() for row in (await self(quota.COMMAND, *words)).splitlines()[1:]]

    async def refused(self, command: Command, *words: str) -> tuple[int, str]:
        with pytest.raises(CommandFailed) as caught:
            await self(command, *words)
        return caught.value.code, str(caught.value)


@pytest_asyncio.fixture
async def typed(capfd: pytest.CaptureFixture[str]) -> AsyncIterator[Typed]:
    """A master with one agent of 8 cpus and 1024 MB."""
    async with MasterServer(Options(port=0)) as master, AgentLink(master):
        yield Typed(master, capfd)


async def test_quota_is_set_piece_by_piece(typed: Typed) -> None:
    """What is not named stays; what is named is replaced as a whole, by nothing if it is empty."""
    assert await typed.quota() == []
    await typed(quota.COMMAND, "set", "eng", "--guarantee=cpus:2;mem:512")
    await typed(quota.COMMAND, "set", "eng", "--limit=cpus:4.5;gpus:0")
    kept = "kept free for it"
    assert await typed.quota("show") == [
        ["eng", "cpus", "2", "4.5", "0", "0", "2", *kept.split()],
        ["eng", "gpus", "-", "0", "0", "0", "at", "its", "limit"],
        ["eng", "mem", "512", "-", "0", "0", "512", *kept.split()],
    ]
    await typed(quota.COMMAND, "set", "eng", "--guarantee=")
    expected = builders.quota("eng", {}, {"cpus": 4.5, "gpus": 0})
    assert typed.master.core.registry.quotas == {"eng": expected}
    await typed(quota.COMMAND, "set", "eng", "--limit=")
    assert typed.master.core.registry.quotas == {}


async def test_roles_are_shown_by_name_and_as_json(typed: Typed) -> None:
    """Also one without quota; without names those that have any."""
    await typed(weights.COMMAND, "set", "ops=2")
    await typed(quota.COMMAND, "set", "eng", "--limit=cpus:1")
    told: list[Any] = json.loads(await typed(quota.COMMAND, "show", "ops", "eng", "--json"))
    assert [(each["role"], each["limit"]) for each in told] == [("ops", {}), ("eng", {"cpus": 1.0})]
    assert [each["role"] for each in json.loads(await typed(quota.COMMAND, "--json"))] == ["eng"]
    assert await typed.refused(quota.COMMAND, "show", "enf") == (1, "no role 'enf'; did you mean eng?")


async def test_quota_is_removed_of_all_named_or_of_none(typed: Typed) -> None:
    for role in ("a", "b"):
        await typed(quota.COMMAND, "set", role, "--limit=cpus:1")
    assert await typed.refused(quota.COMMAND, "remove", "a", "zzz") == (1, "no quota of a role 'zzz'")
    assert list(typed.master.core.registry.quotas) == ["a", "b"]
    await typed(quota.COMMAND, "remove", "b", "a")
    assert typed.master.core.registry.quotas == {}


async def test_the_master_has_the_last_word(typed: Typed) -> None:
    """In its own text; --force is handed on."""
    code, text = await typed.refused(quota.COMMAND, "set", "eng", "--guarantee=cpus:9")
    said = "refused with 400: Invalid QuotaConfig: total quota guarantees 'cpus:9' exceed cluster capacity '"
    assert (code, text[: len(said)]) == (1, said)
    await typed(quota.COMMAND, "set", "eng", "--guarantee=cpus:9", "--force")
    assert await typed.quota() == [["eng", "cpus", "9", "-", "0", "0", "9", "kept", "free", "for", "it"]]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (quota.COMMAND, ("add", "eng")), (quota.COMMAND, ("set", "eng")), (quota.COMMAND, ("set", "--limit=cpus:1")),
        (quota.COMMAND, ("set", "a", "b", "--limit=cpus:1")), (quota.COMMAND, ("show", "--force")),
        (quota.COMMAND, ("remove",)), (weights.COMMAND, ("set",)), (weights.COMMAND, ("set", "a")),
        (weights.COMMAND, ("set", "a=0")), (weights.COMMAND, ("show", "a")), (weights.COMMAND, ("a=2",)),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_not_asked(command: Command, words: tuple[str, ...], typed: Typed) -> None:
    assert (await typed.refused(command, *words))[0] == 2
    assert (typed.master.core.registry.quotas, typed.master.core.registry.weights) == ({}, {})


async def test_weights_are_set_and_shown(typed: Typed) -> None:
    """Those of other roles stay as they are."""
    assert await typed(weights.COMMAND) == ""
    await typed(weights.COMMAND, "set", "eng=2", "ops=0.5")
    await typed(weights.COMMAND, "set", "ops=4")
    assert [row.split() for row in (await typed(weights.COMMAND)).splitlines()[1:]] == [["eng", "2"], ["ops", "4"]]
    told = json.loads(await typed(weights.COMMAND, "show", "--json"))
    assert told == [{"weight": 2.0, "role": "eng"}, {"weight": 4.0, "role": "ops"}]
