"""``examples/services.py`` on a real cluster: killed and started again it goes on, and launches nothing twice."""

from __future__ import annotations

import json
import sys
import urllib.request
from pathlib import Path

import psutil

from tests.acceptance.cluster import ROOT, Cluster, eventually

SERVICES = str(ROOT / "examples" / "services.py")


def running(cluster: Cluster, spec: str) -> dict[str, str]:
    """Ids of tasks, with their ports, as the master shows them."""
    with urllib.request.urlopen(f"http://{cluster.address}/tasks?limit=1000", timeout=60) as answer:
        tasks = json.load(answer)["tasks"]
    return {
        task["id"]: task["resources"].get("ports", "")
        for task in tasks if task["state"] == "TASK_RUNNING" and task["id"].startswith(f"{spec}.")
    }  # fmt: skip


def three(cluster: Cluster) -> dict[str, str] | None:
    servers = running(cluster, "web")
    return servers if len(servers) == 3 else None


def test_services_go_on(cluster: Cluster, tmp_path: Path) -> None:
    """Servers answer on ports of their own; the job is done once; the next run says only what it has to do anew."""
    command = ("env", f"XDG_STATE_HOME={tmp_path}", sys.executable, SERVICES)
    first = cluster.start(*command)
    assert first.stdout is not None
    lines: list[str] = []
    while sum(line.endswith("TASK_FINISHED -> over\n") for line in lines) < 4:
        lines.append(first.stdout.readline())
        assert lines[-1] and len(lines) < 30, lines  # a server whose port others have is launched again
    servers = eventually(lambda: three(cluster), "three servers")
    assert servers is not None
    assert len({*servers.values()}) == 3
    for port in servers.values():
        url = f"http://127.0.0.1:{port.strip('[]').partition('-')[0]}/"
        eventually(lambda url=url: b"Directory listing" in _read(url), f"an answer of {url}")  # type: ignore[misc]
    first.kill()
    first.communicate()
    second = cluster.start(*command)
    try:
        assert second.stdout is not None
        one, *others = servers
        _end(cluster, one)
        assert second.stdout.readline().startswith(f"{one} TASK_FAILED -> waiting")
        again = second.stdout.readline()
        assert again.startswith(f"{one.rpartition('.')[0]}."), "it is launched again, and was the only one"
        assert {*others} < {*(eventually(lambda: three(cluster), "three servers") or ())}
    finally:
        second.kill()
        second.communicate()


def _end(cluster: Cluster, task_id: str) -> None:
    """Somebody kills the server itself."""
    port = running(cluster, "web")[task_id].strip("[]").partition("-")[0]
    for process in psutil.process_iter(["cmdline"]):
        if process.info["cmdline"] and process.info["cmdline"][-2:] == ["http.server", port]:
            process.kill()


def _read(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bytes(answer.read())
    except OSError:
        return b""
