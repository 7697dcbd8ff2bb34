"""Checks: how many probes an agent makes, and what each costs it, against a server and a container that run.

All are due at once, the worst case, and wait their turn. The reference is what Mesos' executors do: the program
``curl`` for each probe, here as many at once as there are turns; where each comes from a process of its own, as there,
the cost is spread over them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable

import structlog
import uvloop

from benchmarks import report
from mesos_py.agent import words
from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.process import ProcessContainerizer
from mesos_py.agent.probe import CONNECTIONS_AT_ONCE, Prober
from mesos_py.executor.checks import HEALTH
from mesos_py.executor.targets import Http, Tcp
from mesos_py.machine.frame import Event
from mesos_py.machine.values import SECOND

SERVER = """
import asyncio
async def serve(reader, writer):
    if await reader.read(1000):
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


async def probes(
    prober: Prober, told: asyncio.Queue[int | None], target: ContainerSpec | Http | Tcp, count: int,
    reference: tuple[float, float] | None,
) -> None:  # fmt: skip
    """So many, all asked for at once; each must find that all is well."""
    began, spent = time.perf_counter(), time.process_time()
    for number in range(count):
        prober.probe(words.Probe(f"c{number}", HEALTH, target, 60 * SECOND))
    found = [await told.get() for _ in range(count)]
    taken, spent = time.perf_counter() - began, time.process_time() - spent
    assert set(found) <= {0, 1, 200}, found
    name = {Http: "HTTP", Tcp: "TCP", ContainerSpec: "COMMAND"}[type(target)]
    per_s, ms = reference or (None, None)
    report.figure(f"{name}, {count} probes", count / taken, "per s", reference=per_s, of="curl")
    report.figure(f"{name}, processor time of the agent", spent / count * 1e3, "ms", reference=ms, of="curl")


async def curls(url: str, count: int) -> tuple[float, float]:
    """The same by processes: how many a second, and milliseconds of whoever starts them."""
    turns = asyncio.Semaphore(min(count, CONNECTIONS_AT_ONCE))

    async def one() -> None:
        async with turns:
            process = await asyncio.create_subprocess_exec("curl", "-s", "-S", "-L", "-k", "-o", os.devnull, url)
            assert await process.wait() == 0

    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*[one() for _ in range(count)])
    taken, spent = time.perf_counter() - began, time.process_time() - spent
    return count / taken, spent / count * 1e3


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--probes", type=int, default=2_000)
    options = parser.parse_args()
    report.header(f"checks: {options.probes} probes of each kind, due at once")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    told: asyncio.Queue[int | None] = asyncio.Queue()
    tell: Callable[[Event], None] = lambda event: told.put_nowait(event.body.found.value)  # noqa: E731
    server = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    port = int(await server.stdout.readline())
    with tempfile.TemporaryDirectory() as place:
        containers = ProcessContainerizer(work_dir=f"{place}/work", runtime_dir=f"{place}/run", report=lambda _: None)
        await containers.recover()
        prober = Prober(containers, tell)
        beside = ContainerSpec(
            container_id="c", sandbox=f"{place}/work/c", argv=("true",), executable="true", env=dict(os.environ)
        )
        try:
            url = f"http://127.0.0.1:{port}/"
            reference = await curls(url, options.probes) if shutil.which("curl") is not None else None
            for target in (Http(url), Tcp("127.0.0.1", port), beside):
                await probes(prober, told, target, options.probes, reference if isinstance(target, Http) else None)
        finally:
            await prober.close()
            await containers.close()
            server.kill()
            await server.wait()


if __name__ == "__main__":
    uvloop.run(main())
