"""What an operator may get wrong, typed at real programs: each ends, or waits, with a sentence that says what to do."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from kazoo.client import KazooClient
from kazoo.security import CREATOR_ALL_ACL

from tests.acceptance.cluster import environment
from tests.agent.test_full_disk import fill, free, small  # noqa: F401 - a fixture
from tests.coordination.ensemble import Ensemble
from tests.coordination.test_unreachable import closes, stranger
from tests.faults.cluster import AT_ONCE, Agent
from tests.faults.programs import PATIENCE_S, Program, cli, until
from tests.ports import free_ports


async def refused(*words: str, code: int = 1) -> str:
    """What ``mesos-py WORDS`` says when it ends, on its last line."""
    done = await cli(*words)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1]


def master(*flags: str) -> tuple[str, ...]:
    return ("master", "--port=0", *flags)


def agent(directory: Path, *flags: str) -> tuple[str, ...]:
    return ("agent", f"--work_dir={directory}/w", f"--runtime_dir={directory}/r", *flags)


# ---- ZooKeeper is not there


@pytest.mark.parametrize(
    ("what", "host", "why"),
    [
        ("master", "127.0.0.1:{closed}", "Connection refused"),
        ("agent", "no.such.host.invalid", "no.such.host.invalid: "),
        ("master", "127.0.0.1:{stranger}", "closed at once|reset by peer|Broken pipe"),
    ],
    ids=["nobody", "no name", "somebody else"],
)
async def test_no_zookeeper_at_start(tmp_path: Path, what: str, host: str, why: str) -> None:
    """It says so, with the reason, and tries on without being busy; Ctrl-C ends it in order."""
    async with stranger(closes) as (port, came):
        zk = f"zk://user:password@{host.format(closed=free_ports(1)[0], stranger=port)}/mesos"
        words = ("master", f"--zk={zk}") if what == "master" else agent(tmp_path, f"--master={zk}")
        program = Program(what, tmp_path, *words)
        await program.start()
        assert program.process is not None
        await until(lambda: program.said("ZooKeeper cannot be reached; trying on"), "it says so")
        assert re.search(f"reason=.*({why})", program.tail())
        process = psutil.Process(program.process.pid)

        async def is_calm() -> bool:  # once it has started
            before, begin = process.cpu_times(), len(came)
            await asyncio.sleep(1)
            after = process.cpu_times()
            return (after.user + after.system) - (before.user + before.system) < 0.5 and len(came) - begin <= 4

        await until(is_calm, "it is not busy")
        program.signal(signal.SIGINT)
        assert await program.ended() == 0
        assert not program.said("Traceback")
        assert not program.said("password")


async def test_tools_wait_for_a_moment(tmp_path: Path) -> None:
    """And say why, with the exit code for it."""
    zk = f"zk://127.0.0.1:{free_ports(1)[0]}/mesos"
    told = f"{zk} cannot be reached (Connection refused)"
    asked = await asyncio.gather(
        refused("agents", f"--master={zk}", code=69), refused("registry", "show", f"--zk={zk}", code=69),
        refused("registry", "backup", str(tmp_path / "b"), f"--zk={zk}", code=69),
    )  # fmt: skip
    assert asked == [f"mesos-py agents: {told}", f"mesos-py registry: {told}", f"mesos-py registry: {told}"]
    assert os.listdir(tmp_path) == []


# ---- a path that is not for us


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def paths(ensemble: Ensemble) -> AsyncIterator[str]:
    """Somebody else's; zk:// of the ensemble, without a path."""
    alice = KazooClient(hosts=ensemble.hosts, auth_data=[("digest", "alice:secret")])

    def make() -> None:
        alice.start()
        alice.create("/bad/closed", b"", CREATOR_ALL_ACL, makepath=True)
        alice.create("/bad/foreign/json.info_0000000000", b"hello", makepath=True)
        alice.create("/bad/ephemeral", b"", ephemeral=True)

    await asyncio.to_thread(make)
    yield f"zk://{ensemble.hosts}"
    await asyncio.to_thread(alice.stop)
    alice.close()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/bad/closed", "ZooKeeper denies access to /bad/closed.*; check user and password .* or name another path"),
        ("/bad/foreign", "/bad/foreign/json.info_0000000000, first of the candidates, is no MasterInfo .* remove it"),
    ],
)
async def test_a_path_of_somebody_else(paths: str, tmp_path: Path, path: str, told: str) -> None:
    """Masters and agents end, tools are refused, and each says what is in the way."""
    asked = await asyncio.gather(
        refused(*master(f"--zk={paths}{path}")),
        refused(*agent(tmp_path, f"--master={paths}{path}", "--port=0")),
        refused("agents", f"--master={paths}{path}", code=69),
    )
    for line in asked:
        assert re.search(told, line), line


async def test_passwords_and_paths_that_do_not_fit(paths: str, tmp_path: Path) -> None:
    """A wrong password, a path below a candidate, one where nobody ever was, and addresses that make no sense."""
    hosts = paths.removeprefix("zk://")
    denied, below, typo, senseless, again = await asyncio.gather(
        refused(*master(f"--zk=zk://eve:guess@{hosts}/bad/closed")),
        refused(*master(f"--zk={paths}/bad/ephemeral/mesos")),
        refused("agents", f"--master={paths}/bad/typo", code=69),
        refused(*master("--zk=zk://secret@host/mesos")),
        refused(*agent(tmp_path, "--master=zk://user:secret@host", "--port=0")),
    )
    assert "denies access" in denied
    assert "guess" not in denied
    assert "ZooKeeper refuses /bad/ephemeral/mesos (NoChildrenForEphemeralsError); name another path" in below
    assert typo.endswith("there is no such path, so none has ever stood for election there")
    assert "expecting user:password before the @" in senseless
    assert "expecting a (chroot) path" in again
    assert "secret" not in senseless + again


# ---- directories


async def test_directories_of_others(tmp_path: Path) -> None:
    """A master's while it runs, by another master and by an agent; after it, by an agent; and the other way round."""
    first = Program("first", tmp_path, "master", f"--work_dir={tmp_path}/m")
    await first.start()
    assert first.process is not None
    told = await refused(*master(f"--work_dir={tmp_path}/m"))
    assert f"in use by another process (pid {first.process.pid}, at 127.0.0.1:{first.port}); end that one" in told
    wrong = ("agent", "--master=127.0.0.1:1", f"--runtime_dir={tmp_path}/r")
    await first.stop()
    told = await refused(*wrong, "--port=0", f"--work_dir={tmp_path}/m")
    assert "belongs to a master; name another one for an agent" in told
    second = Program("second", tmp_path, "master", f"--work_dir={tmp_path}/m")
    await second.start()
    await second.stop()
    owner = Program("owner", tmp_path, *wrong, f"--work_dir={tmp_path}/a")
    await owner.start()
    told = "belongs to an agent; name another one for a master"
    assert told in await refused(*master(f"--work_dir={tmp_path}/a"))
    await owner.stop()
    assert told in await refused(*master(f"--work_dir={tmp_path}/a"))
    (tmp_path / "cpp" / "replicated_log").mkdir(parents=True)
    assert "is of a C++ Mesos, and this master cannot read it" in await refused(*master(f"--work_dir={tmp_path}/cpp"))


async def test_directories_that_we_may_not_write_to(tmp_path: Path) -> None:
    """Nor read; and a registry in a directory that we may."""
    closed, ours, roots = tmp_path / "closed", tmp_path / "ours", tmp_path / "ours" / "registry.db"
    ours.mkdir()
    roots.write_bytes(b"x")
    roots.chmod(0o000)
    closed.mkdir(mode=0o500)
    told = await asyncio.gather(
        powerless(*master(f"--work_dir={closed}")),
        powerless(*master(f"--work_dir={closed}/below")),
        powerless(*master(f"--work_dir={ours}")),
        powerless("registry", "show", f"--work_dir={ours}"),
    )
    assert f"--work_dir={closed} cannot be used (Permission denied: {closed}/lock); make it a directory" in told[0]
    assert f"--work_dir={closed}/below cannot be used (Permission denied: {closed}/below)" in told[1]
    whose = f"it belongs to user {os.geteuid()}, with mode 0000"
    for line in told[2:]:
        assert f"the registry {roots} may not be used by this user: {whose}" in line


async def powerless(*words: str) -> str:
    """What ``mesos-py WORDS`` says at last, run by one who has no more rights than others, root or not."""
    without: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("needs setpriv, to be without root's rights")
        without = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    done = await asyncio.to_thread(
        subprocess.run, [*without, sys.executable, "-m", "mesos_py", *words], env=environment(), cwd="/", text=True,
        capture_output=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return str(done.stderr.splitlines()[-1])


@pytest.mark.root
async def test_a_disk_that_is_full(small: Path, tmp_path: Path) -> None:  # noqa: F811
    """The master ends and says why; the agent that it could not remember was not told that it is registered."""
    (port,) = free_ports(1)
    alone = Program("master", tmp_path, "master", f"--work_dir={small}", port=port)
    one, two = (Agent(name, tmp_path, f"127.0.0.1:{port}", *AT_ONCE) for name in ("one", "two"))
    try:
        await alone.start()
        await one.start()
        await until(lambda: one.said("registered"), "the first agent is registered")
        fill(small)
        await two.start()
        assert await alone.ended() == 1
        told = f"NoRoom: the registry {small}/registry.db cannot grow: database or disk is full; make space"
        assert told in alone.tail(1)
        assert not alone.said("Traceback")
        assert not two.said("registered")
        fill(small)
        assert "space" in await refused(*master(f"--work_dir={small}/other"))
        free(small)
        await alone.start()

        async def both() -> bool:
            known = await cli("agents", f"--master=127.0.0.1:{port}", "--json")
            return known.returncode == 0 and len(json.loads(known.stdout)) == 2

        await until(both, "both agents are registered")
        await until(lambda: two.said("registered"), "it is told")
    finally:
        for program in (one, two, alone):
            await program.stop()
