"""A cluster of real processes around a real ZooKeeper, every master behind a proxy of its own to it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

import aiohttp
from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from mesos_py.coordination.ledger import Ledger, unseal
from mesos_py.master.registry.store import to_message
from mesos_py.wire.codec import json as codec
from mesos_py.wire.master import MasterInfo
from tests.acceptance.cluster import destroy
from tests.coordination.ensemble import Ensemble, Proxy
from tests.faults.programs import PATIENCE_S, Program, until

SESSION_S = 6.0  # long enough for two busy cores, short enough to be waited for
PINGS = ("--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=5")
UNREAD_MAX = 1 << 20  # bytes
AT_ONCE = ("--registration_backoff_factor=0secs",)  # of agents; nobody else wants to register
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
REGISTRY = "log_replicas/registry"


class Master(Program):
    """A master that reaches ZooKeeper through ``proxy``."""

    def __init__(self, name: str, directory: Path, path: str, proxy: Proxy, session_s: float) -> None:
        super().__init__(
            name, directory, "master", f"--zk=zk://127.0.0.1:{proxy.port}{path}",
            f"--zk_session_timeout={session_s:g}secs", f"--max_unread_events_size={UNREAD_MAX}B", *PINGS,
        )
        self.proxy = proxy

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class Agent(Program):
    """An agent with a directory of its own, which it keeps when it is started again."""

    def __init__(
        self,
        name: str,
        directory: Path,
        master: str,
        *flags: str,
        cpus: float = 4,
        port: int = 0,
        work_dir: Path | None = None,
    ) -> None:
        self.work_dir = work_dir or directory / name
        super().__init__(
            name, directory, "agent", f"--master={master}", f"--work_dir={self.work_dir}",
            f"--runtime_dir={self.work_dir}/run", f"--resources=cpus:{cpus};mem:2048;disk:1024;ports:[31000-31099]",
            f"--attributes=name:{name}", *flags, port=port,
        )

    async def stop(self) -> None:
        """It ends, and with it everything that it has started."""
        try:
            await super().stop()
        finally:
            await asyncio.to_thread(destroy, self.work_dir)


class Cluster:
    """``masters`` and ``agents`` by name; what tests kill is started again by ``settle``."""

    def __init__(
        self,
        ensemble: Ensemble,
        path: str,
        directory: Path,
        *,
        masters: int = 3,
        agents: int = 2,
        session_s: float = SESSION_S,
        flags: tuple[str, ...] = AT_ONCE,
    ) -> None:
        """``flags``: of every agent."""
        self.ensemble = ensemble
        self.path = path
        self.directory = directory
        self.zk = f"zk://{ensemble.hosts}{path}"
        self.masters: dict[str, Master] = {}
        self.agents: dict[str, Agent] = {}
        self._counts = masters, agents
        self._session_s = session_s
        self._flags = flags
        self._numbers = itertools.count(1)
        self._stack = AsyncExitStack()
        self._kazoo = KazooClient(hosts=ensemble.hosts, timeout=30)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._kazoo.start)
        self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
        masters, agents = self._counts
        try:
            await asyncio.gather(*[self.add_master() for _ in range(masters)])
            await asyncio.gather(*[self.add_agent() for _ in range(agents)])
            await self.settle()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        for program in (*self.agents.values(), *self.masters.values()):
            await program.stop()
        await self._stack.aclose()
        await asyncio.to_thread(self._kazoo.stop)
        self._kazoo.close()

    async def add_master(self) -> Master:
        proxy = await self._stack.enter_async_context(Proxy(*[server.port for server in self.ensemble.servers]))
        master = Master(f"master-{next(self._numbers)}", self.directory, self.path, proxy, self._session_s)
        self.masters[master.name] = master
        await master.start()
        return master

    async def add_agent(self, master: str | None = None, **more: Any) -> Agent:
        """``master``: where it finds one; as a rule, ZooKeeper tells it. ``more``: arguments of Agent."""
        agent = Agent(f"agent-{next(self._numbers)}", self.directory, master or self.zk, *self._flags, **more)
        self.agents[agent.name] = agent
        await agent.start()
        return agent

    @contextlib.asynccontextmanager
    async def another_agent(self, master: str | None = None, **more: Any) -> AsyncIterator[Agent]:
        """One that is there for the length of a block; nobody waits for it after that."""
        agent = await self.add_agent(master, **more)
        try:
            yield agent
            await self.ask(await self.leader(), "MARK_AGENT_GONE", agent_id={"value": await self.id_of(agent)})
        except BaseException:
            print(agent.tail())
            raise
        finally:
            del self.agents[agent.name]
            await agent.stop()

    async def settle(self) -> None:
        """Everybody is there again, one leads, all agents are registered with it, and there are no frameworks."""
        for server in self.ensemble.servers:
            if server.process is None:
                server.start()
        await asyncio.to_thread(self.ensemble.wait)
        for master in self.masters.values():
            if master.is_stopped:
                await self.kill(master)  # it would find out by and by that it leads no more, in the middle of a test
            master.proxy.heal()
        for agent in self.agents.values():
            if agent.is_alive:
                agent.signal(signal.SIGCONT)
        await until(self._is_settled, "the cluster has settled", 2 * PATIENCE_S)

    async def _is_settled(self) -> bool:
        dead = [program for program in (*self.masters.values(), *self.agents.values()) if not program.is_alive]
        await asyncio.gather(*[program.start() for program in dead])
        standing = {info.port for info in await self.candidates()}
        frameworks = (await self.ask_leader("GET_FRAMEWORKS")).get("frameworks", ())
        for framework in frameworks:
            leader = await self.leader()
            body = f"frameworkId={framework['framework_info']['id']['value']}"
            with contextlib.suppress(aiohttp.ClientError):  # looked at again
                await (await self.session.post(f"http://{leader.address}/teardown", data=body)).read()
        if dead or frameworks or not await self.all_registered():
            return False
        left = (await self.ask_leader("GET_AGENTS")).get("recovered_agents", ())
        for agent_info in left:  # of a test that failed: while it is awaited, nobody is told that a task is unknown
            await self.ask(await self.leader(), "MARK_AGENT_GONE", agent_id=agent_info["id"])
        return not left and standing >= {master.port for master in self.masters.values()}

    # ---- who leads

    async def candidates(self) -> list[MasterInfo]:
        """By seniority, as they stand in ZooKeeper."""
        def read() -> list[MasterInfo]:
            try:
                names = [name for name in self._kazoo.get_children(self.path) if name.startswith("json.info_")]
                return [codec.decode(MasterInfo, self._kazoo.get(f"{self.path}/{name}")[0]) for name in sorted(names)]
            except NoNodeError:  # there was no master yet, or one has gone just now
                return []

        return await asyncio.to_thread(read)

    async def leader(self, *, other_than: Master | None = None) -> Master:
        """The one that is elected and answers."""
        return await until(lambda: self._leader(other_than), "one leads")  # type: ignore[no-any-return]

    async def _leader(self, other_than: Master | None) -> Master | None:
        for info in (await self.candidates())[:1]:
            for master in self.masters.values():
                if master.port == info.port and master is not other_than and master.is_alive:
                    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                        async with asyncio.timeout(1):
                            await self.ask(master, "GET_HEALTH")
                            return master
        return None

    async def kill(self, master: Master) -> None:
        """It is not there any more, and ZooKeeper need not find that out by and by, at the end of its session."""
        master.kill()

        def forget() -> None:
            for name in self._kazoo.get_children(self.path):
                if name.startswith("json.info_"):
                    with contextlib.suppress(NoNodeError):
                        found = codec.decode(MasterInfo, self._kazoo.get(f"{self.path}/{name}")[0])
                        if found.port == master.port:
                            self._kazoo.delete(f"{self.path}/{name}")

        await asyncio.to_thread(forget)

    async def standbys(self) -> list[Master]:
        leader = await self.leader()
        return [master for master in self.masters.values() if master is not leader and master.is_alive]

    # ---- what is known

    async def ask(self, master: Program, type: str, **body: Any) -> Any:
        """The answer of an operator call. Raises aiohttp.ClientResponseError."""
        call = {"type": type} | ({type.lower(): body} if body else {})
        url = f"http://127.0.0.1:{master.port}/api/v1"
        async with self.session.post(url, json=call, headers=HEADERS, allow_redirects=False) as answer:
            answer.raise_for_status()
            if answer.status != 200:
                raise aiohttp.ClientResponseError(answer.request_info, (), status=answer.status)
            return json.loads(await answer.read() or b"{}").get(type.lower(), {})

    async def ask_leader(self, type: str, **body: Any) -> Any:
        """The answer of whoever leads, also if that was another one a moment ago; asked again until there is one."""
        async def answer() -> tuple[Any] | None:
            try:
                return (await self.ask(await self.leader(), type, **body),)
            except aiohttp.ClientResponseError as error:
                if error.status not in (307, 503):
                    raise
            except aiohttp.ClientConnectionError:
                pass
            return None

        (said,) = await until(answer, f"an answer to {type}")
        return said

    async def registered(self) -> dict[str, str]:
        """Agents by name, as the leader knows them: their ids."""
        found = (await self.ask_leader("GET_AGENTS")).get("agents", ())
        return {_name(agent["agent_info"]): agent["agent_info"]["id"]["value"] for agent in found if agent["active"]}

    async def id_of(self, agent: Agent) -> str:
        """Once it is registered."""
        async def look() -> str | None:
            return (await self.registered()).get(agent.name)

        return str(await until(look, f"{agent.name} is registered"))

    async def all_registered(self) -> bool:
        return len(await self.registered()) == len(self.agents)

    async def registry(self) -> dict[str, str]:
        """agent id -> what ZooKeeper says of it; read past all masters. Raises Corrupt."""
        _, kept = await asyncio.to_thread(self._read_registry)
        message = to_message(kept)
        table = {str(agent.info.id): "admitted" for agent in (message.agents.agents if message.agents else ())}
        for lost in message.unreachable.agents if message.unreachable else ():
            assert lost.id not in table, f"{lost.id} is admitted and unreachable"
            table[str(lost.id)] = "unreachable"
        return table

    async def ledger(self) -> Ledger:
        """Who wrote last, and how often."""
        return (await asyncio.to_thread(self._read_registry))[0]

    def _read_registry(self) -> tuple[Ledger, dict[tuple[str, str], bytes]]:
        """As it is between two writes."""
        while True:
            ledger, kept = self._read_ledger(), {}
            with contextlib.suppress(NoNodeError):  # it is being written
                for path in self.record_paths():
                    kind, _, name = path.rpartition("/")[2].partition(":")
                    kept[kind, name] = unseal((kind, name), self._kazoo.get(path)[0])
            if self._read_ledger() == ledger:
                assert ledger.count == len(kept)
                return ledger, kept

    def _read_ledger(self) -> Ledger:
        return Ledger.decode(self._kazoo.get(f"{self.path}/{REGISTRY}/ledger")[0])

    def record_paths(self) -> list[str]:
        root = f"{self.path}/{REGISTRY}"
        below = [f"{root}/{name}" for name in self._kazoo.get_children(root) if name not in ("ledger", "intent")]
        return [f"{bucket}/{name}" for bucket in below for name in self._kazoo.get_children(bucket)]

    @property
    def kazoo(self) -> KazooClient:
        """A client of one's own, for what only a vandal does."""
        return self._kazoo

    def logs(self) -> str:
        return "\n".join(program.tail() for program in (*self.masters.values(), *self.agents.values()))


def _name(agent_info: Any) -> str:
    return str(next(each["text"]["value"] for each in agent_info["attributes"] if each["name"] == "name"))
