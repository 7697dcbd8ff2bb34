"""A tour in a minute: starts a cluster on this machine, runs a framework on it, shows what ran where, cleans up.

    make demo

The framework stands on ``http_scheduler.py``, a scheduler on the plain HTTP API. Its tasks are real processes of
several kinds: short ones, some that sleep or compute for seconds, and one that fails on purpose. At a terminal progress
is drawn live; otherwise every update is a line. Then the batch framework runs a small graph of jobs (``graph.py``), and
Marathon updates a web app that is asked all the time (``rolling.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import graph
import rolling
from http_scheduler import TERMINAL, Scheduler, room, scalars
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mesos_py.logs import LogOptions, set_up

AGENTS = 3
CPUS, MEM = 0.5, 64
READY_TIMEOUT_S, DEMO_TIMEOUT_S, STOP_TIMEOUT_S = 60, 120, 20
STYLES = {"waiting": "dim", "running": "yellow", "finished": "green", "failed": "red"}
BAR_CELLS = 40

PRIMES = (
    "awk 'BEGIN { for (i = 2; i < 200000; i++) { for (j = 2; j * j <= i; j++) if (i % j == 0) break;"
    ' if (j * j > i) n++ } print n, "primes" }\''
)
#: kind, how many, shell command
KINDS = (
    ("hello", 12, 'echo "hello from $(pwd)"'),
    ("sleep", 9, "sleep $((2 + $$ % 4))"),
    ("primes", 6, PRIMES),
    ("forks", 3, "for i in 1 2 3; do sleep 2 & done; wait"),
    ("oops", 1, "echo this one fails on purpose >&2; exit 3"),
)
MEANT_TO_FAIL = {"oops-1"}


class Board:
    """What is known of each task, and how it looks."""

    def __init__(self) -> None:
        self.commands = {f"{kind}-{n}": command for kind, count, command in KINDS for n in range(1, count + 1)}
        self.states = dict.fromkeys(self.commands, "waiting")
        self.agents: dict[str, str] = {}
        self.began: dict[str, float] = {}
        self.took: dict[str, float] = {}

    def waiting(self) -> list[str]:
        return [name for name in self.commands if name not in self.agents]

    def is_done(self) -> bool:
        return len(self.took) == len(self.commands)

    def update(self, name: str, state: str) -> None:
        self.states[name] = state.removeprefix("TASK_").lower()
        self.began.setdefault(name, time.monotonic())
        if state in TERMINAL:
            self.took[name] = time.monotonic() - self.began[name]

    def is_as_meant(self) -> bool:
        return all(
            self.states[name] == ("failed" if name in MEANT_TO_FAIL else "finished") for name in self.commands
        )

    def live(self) -> Table:
        """One bar for each agent, one cell for each of its tasks."""
        table = Table.grid(padding=(0, 2))
        for agent in sorted(set(self.agents.values())):
            cells = Text()
            for name, where in self.agents.items():
                if where == agent:
                    cells.append("■", style=STYLES.get(self.states[name], "red"))
            table.add_row(Text(agent, style="bold"), cells)
        counts = Counter(self.states.values())
        table.add_row("tasks", ", ".join(f"{counts[state]} {state}" for state in STYLES if counts[state]))
        return table

    def summary(self) -> Table:
        """What ran where."""
        table = Table(title="What ran where", title_justify="left")
        for column in ("agent", "tasks", "which", "finished", "failed", "longest"):
            table.add_column(column, justify="left" if column in ("agent", "which") else "right")
        for agent in sorted(set(self.agents.values())):
            names = [name for name, where in self.agents.items() if where == agent]
            kinds = Counter(name.partition("-")[0] for name in names)
            states = Counter(self.states[name] for name in names)
            table.add_row(
                agent, str(len(names)), ", ".join(f"{kinds[kind]} {kind}" for kind in kinds), str(states["finished"]),
                str(states["failed"]), f"{max(self.took.get(name, 0.0) for name in names):.1f} s",
            )
        return table


@contextlib.contextmanager
def shown(board: Board, console: Console) -> Iterator[Any]:
    """A function to call after each update: draws at a terminal, prints a line elsewhere."""
    if not console.is_terminal:
        yield lambda line: console.print(line, soft_wrap=True)
        return
    with Live(board.live(), console=console, refresh_per_second=10) as live:
        yield lambda line: live.update(board.live())


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[tuple[str, str]]:
    """HOST:PORT of a cluster of our own, and the URL of the Marathon on it; every process and file goes with it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mesos_py", "local", "--port=0", f"--agents={AGENTS}", "--logging_level=WARNING",
        "--marathon", "--marathon_port=0",
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            said: dict[str, str] = {}
            while "ready" not in said and (line := (await process.stdout.readline()).decode()):
                what, _, url = line.strip().partition(" ")
                said[what] = url
        if "ready" not in said:
            raise SystemExit("the cluster did not start")
        yield said["ready"].removeprefix("http://"), said["marathon"]
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()


async def play(master: str, board: Board, tell: Any) -> None:
    """Launch everything as offers allow, spread over the agents, and wait for the last end."""
    async with Scheduler(master, "demo") as scheduler:
        async for event in scheduler.events():
            if event["type"] == "OFFERS":
                offers = event["offers"]["offers"]
                waiting = board.waiting()
                share = -(-len(waiting) // max(1, len(offers)))
                for offer in offers:
                    chosen = board.waiting()[: min(share, room(offer, CPUS, MEM))]
                    address = offer["url"]["address"]
                    board.agents.update(dict.fromkeys(chosen, f"{address['ip']}:{address['port']}"))
                    await scheduler.accept(offer, [task(name, board, offer) for name in chosen], refuse_s=0.5)
            elif event["type"] == "UPDATE":
                status = event["update"]["status"]
                name = status["task_id"]["value"]
                board.update(name, status["state"])
                tell(f"{name:<10} {board.states[name]:<9} {board.agents[name]}  {status.get('message', '')}".rstrip())
                if board.is_done():
                    await scheduler.call("TEARDOWN")
                    return


def task(name: str, board: Board, offer: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name, "task_id": {"value": name}, "agent_id": offer["agent_id"],
        "resources": scalars(cpus=CPUS, mem=MEM), "command": {"value": board.commands[name]},
    }


async def watched(marathon: str, console: Console) -> rolling.Seen:
    """A rolling update: drawn live at a terminal, a line for each change elsewhere; what became of all requests."""
    said = ""

    def tell_line(seen: rolling.Seen) -> None:
        nonlocal said
        if seen.standing != said:
            said = seen.standing
            console.print(f"  {said}", soft_wrap=True)

    if not console.is_terminal:
        seen = await rolling.play(marathon, tell_line)
    else:
        with Live(console=console, refresh_per_second=10) as live:
            seen = await rolling.play(marathon, lambda seen: live.update(pictured(seen)))
    console.print(f"  {seen.line}")
    return seen


def pictured(seen: rolling.Seen) -> Table:
    """A line for each version: one cell for each instance of it that is there, filled if it may be asked."""
    table = Table.grid(padding=(0, 2))
    for version, tasks in sorted(seen.by_version.items()):
        cells = Text()
        for task in tasks:
            cells.append("■ " if task.is_well else "□ ", style=STYLES["running" if task.is_well else "waiting"])
        answered = seen.answers.get(version, 0)
        table.add_row(Text(f"version {version}", style="bold"), cells, f"{answered} requests answered")
    table.add_row("requests", "", f"{len(seen.failures)} failed")
    return table


async def main() -> int:
    console = Console(highlight=False)
    board = Board()
    begin = time.monotonic()
    set_up(LogOptions(logging_level="WARNING"))
    async with cluster() as (master, marathon):
        console.print(f"a master and {AGENTS} agents are ready at http://{master} ({time.monotonic() - begin:.1f} s)")
        begin = time.monotonic()
        with shown(board, console) as tell:
            async with asyncio.timeout(DEMO_TIMEOUT_S):
                await play(master, board, tell)
        took_s = time.monotonic() - begin
        console.print("and a graph of jobs, an array and a gang among them, by the batch framework (docs/batch.md):")
        async with asyncio.timeout(DEMO_TIMEOUT_S):
            states = await graph.play(master, lambda line: console.print(f"  {line}"))
        console.print("and a web app that is updated while it is asked all the time, by Marathon (docs/marathon.md):")
        async with asyncio.timeout(DEMO_TIMEOUT_S):
            seen = await watched(marathon, console)
    console.print(board.summary())
    console.print(f"{len(board.commands)} tasks in {took_s:.1f} s; one was meant to fail; nothing is left behind")
    is_as_meant = board.is_as_meant() and states == graph.EXPECTED and rolling.is_as_meant(seen)
    return 0 if is_as_meant else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except KeyboardInterrupt:
        sys.exit(130)
