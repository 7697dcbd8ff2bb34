"""``mesos-py framework``: what other distributions have installed is listed and run."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import orjson
import pytest

from mesos_py.cli.command import CommandFailed
from mesos_py.cli.framework import COMMAND
from mesos_py.config import parse

CODE = '''
from mesos_py import sdk

class Mine(sdk.Scheduler):
    async def run(self):
        print("runs as", self.roles[0], "at", self.master, "with", self.store)

async def tool(arguments):
    print("is given", *arguments)
    return len(arguments)

number = 7
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution with frameworks of every kind, good and bad."""
    (tmp_path / "their_frameworks.py").write_text(CODE)
    info = tmp_path / "theirs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
    points = ("mine = their_frameworks:Mine", "tool = their_frameworks:tool", "number = their_frameworks:number",
              "gone = their_frameworks:gone")  # fmt: skip
    (info / "entry_points.txt").write_text("[mesos_py.frameworks]\n" + "\n".join(points) + "\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "their_frameworks", raising=False)


def framework(*arguments: str) -> int:
    return asyncio.run(COMMAND.main(parse(arguments, COMMAND.options)))


@pytest.mark.usefixtures("installed")
def test_list(capfd: pytest.CaptureFixture[str]) -> None:
    """With what they are, and whose."""
    assert framework("list", "--json") == 0
    found = {one["name"]: one for one in orjson.loads(capfd.readouterr().out)}
    assert found["mine"] == {
        "name": "mine", "from": "their_frameworks:Mine", "distribution": "theirs", "version": "1.2"}  # fmt: skip
    assert framework("list") == 0
    assert "their_frameworks:tool" in capfd.readouterr().out


@pytest.mark.usefixtures("installed")
def test_run(capfd: pytest.CaptureFixture[str]) -> None:
    """A scheduler with the settings of the command line, a function with what stands behind --."""
    assert framework("run", "mine", "--master=m:1", "--store=memory", "--role=r") == 0
    assert framework("run", "tool", "--", "--a", "b") == 2
    assert capfd.readouterr().out == "runs as r at m:1 with memory\nis given --a b\n"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("arguments", "code", "text"), [
    (("run", "min"), 1, "no framework 'min'; did you mean mine"),
    (("run", "number"), 125, "neither a Scheduler nor a coroutine function"),
    (("run", "gone"), 125, "cannot be loaded"),
    (("run", "mine", "--", "x"), 2, "takes no arguments"),
    (("run", "tool", "--role=r"), 2, "put them behind --"),
    (("start", "mine"), 2, "say what to do"),
])  # fmt: skip
def test_what_cannot_be_run(arguments: tuple[str, ...], code: int, text: str) -> None:
    """Says why."""
    with pytest.raises(CommandFailed, match=text) as failed:
        framework(*arguments)
    assert failed.value.code == code
