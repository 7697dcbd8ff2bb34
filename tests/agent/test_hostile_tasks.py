"""Tasks that attack: their agent, other containers, the host (X09, X20, X21 of the attacks every agent must survive).

A task that runs as root over the host's files may do what root may; it is kept from nothing but what cgroups and
namespaces keep it from. What is tried here is tried by a task that is nobody, and by root in an image with the
capabilities that Docker gives.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from mesos_py.wire.command import CommandInfo, Environment
from mesos_py.wire.linux import CapabilityInfo, LinuxInfo
from tests.agent.containerizer.harness import until
from tests.agent.kinds import KINDS, Host, needs, nobody, scalars

pytestmark = [
    pytest.mark.root,
    pytest.mark.xdist_group("kinds"),
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(os.geteuid() != 0, reason="users are switched by root"),
]

Capability = CapabilityInfo.Capability
DOCKERS = (
    Capability.CHOWN, Capability.DAC_OVERRIDE, Capability.FSETID, Capability.FOWNER, Capability.MKNOD,
    Capability.NET_RAW, Capability.SETGID, Capability.SETUID, Capability.SETFCAP, Capability.SETPCAP,
    Capability.NET_BIND_SERVICE, Capability.SYS_CHROOT, Capability.KILL, Capability.AUDIT_WRITE,
)  # fmt: skip

#: Forks as often as it can, and so does whatever it has forked.
BOMB = "bomb() { bomb | bomb & }; touch ready; bomb; exec sleep 1000"


def boxed() -> dict[str, Any]:
    return {"linux_info": LinuxInfo(bounding_capabilities=CapabilityInfo(capabilities=DOCKERS))}


def pids(host: Host) -> tuple[int, int]:
    """Of the agent and of its supervisor."""
    process = host.agent.pid
    supervisor = host.supervisor()
    assert supervisor is not None
    return process, supervisor.pid


def attacks(host: Host) -> dict[str, str]:
    """By what they are after: each succeeds if it prints anything."""
    agent, supervisor = pids(host)
    work = host.agent.work_dir
    database = next(work.glob("meta/*.db*"), next(work.glob("meta/*")))
    tries = {
        "the agent's records": f"cat {database} | head -c 4",
        "its directory": f"touch {work}/evil && echo made",
        "its meta directory": f"ls {work}/meta",
        "its memory": f"head -c 4 /proc/{agent}/mem",
        "its environment": f"cat /proc/{agent}/environ | head -c 4",
        "its files": f"ls /proc/{agent}/fd/ && ls /proc/{agent}/root/",
        "its life": f"kill -9 {agent} && echo killed",
        "the supervisor's life": f"kill -9 {supervisor} && echo killed",
        "the supervisor's socket": f"ls {host.directory}/run/supervisor-*/",
        "bundles": f"ls {host.directory}/run/crun-*/",
        "the kernel's settings": "echo core >/proc/sys/kernel/core_pattern && echo written",
        "the kernel's keys": "echo h >/proc/sysrq-trigger && echo pressed",
        "the kernel's memory": "head -c 4 /proc/kcore",
        "devices": "mknod sda b 8 0 && head -c 4 sda",
    }
    for controller in ("memory", "pids", "freezer"):
        root = f"/sys/fs/cgroup/{controller}"
        tries[f"cgroups of {controller}"] = f"echo $$ >{root}/cgroup.procs && echo entered"
        tries[f"a cgroup in {controller}"] = f"mkdir {root}/evil && echo made"
    return tries


async def nothing_succeeds(host: Host, command: Any, **fields: Any) -> None:
    tries = attacks(host)
    told = 'echo "$? ${#said} $said"'
    script = "".join([f"said=$( ({one}) 2>/dev/null | head -c 60); {told}\n" for one in tries.values()])
    lines = (await host.said(command(script), **fields)).splitlines()
    got = {what: line for what, line in zip(tries, lines, strict=True) if line.split()[1] != "0"}
    assert got == {}
    assert host.agent.is_alive
    assert not list(host.agent.work_dir.rglob("evil"))


async def test_nobody_gets_out(host: Host) -> None:
    """X20: neither the agent's files nor its processes, nor cgroups, nor devices."""
    await nothing_succeeds(host, nobody)


@needs("image")
async def test_root_in_an_image_gets_out_no_further(host: Host) -> None:
    """X20: it sees its sandbox and its own root; whatever of the host is mounted there can only be read."""
    await nothing_succeeds(host, lambda script: CommandInfo(value=script), container=boxed())
    elsewhere = f"{host.agent.work_dir} {host.directory}"
    script = f"ls {elsewhere} 2>/dev/null; ls /mnt/mesos/sandbox/..; ls -d /proc/[0-9]* | wc -l"
    said = (await host.said(script, container=boxed())).split()
    assert said[:1] == ["sandbox"] and int(said[1]) <= 5


async def test_nothing_is_open_but_three(host: Host) -> None:
    """X20: no descriptor of agent, supervisor or runtime is inherited, so nobody works in a directory of the host.

    stdin is at its end: it is /dev/null, or a pipe where a runtime would give that away.
    """
    script = "cat | wc -c; for fd in /proc/self/fd/*; do readlink $fd || :; done; readlink /proc/self/cwd"
    end, *lines = (await host.said(script)).splitlines()
    assert end == "0"
    sandbox = host.kind.sandbox or str(host.sandbox(f"t{host.count}"))
    others = [one for one in lines if "/proc/" not in one and not one.startswith("pipe:") and one != "/dev/null"]
    assert others == [
        *[one for one in lines if one.endswith(("/stdout", "/stderr"))], sandbox
    ]  # fmt: skip
    assert len(lines) <= 6


async def test_what_is_in_the_environment_is_not_interpreted(host: Host) -> None:
    """X09."""
    hostile = ["${PATH}", "$(touch evil)", "{{secret}}", "file:///etc/shadow", "%{x}", "`id`"]
    variables = tuple([Environment.Variable(name=f"V{n}", value=one) for n, one in enumerate(hostile)])
    script = "".join(f'echo "$V{n}"\n' for n in range(len(hostile)))
    command = CommandInfo(value=script, environment=Environment(variables=variables))
    assert (await host.said(command)).splitlines() == hostile
    assert not (host.sandbox(f"t{host.count}") / "evil").exists()


@needs("pids")
async def test_a_fork_bomb(host: Host) -> None:
    """X21: it stays within its number of processes, its neighbour runs, and it is gone as soon as it is killed."""
    neighbour = host.run("trap 'exit 3' TERM; touch ready; while :; do sleep 0.02; done")
    await host.running(neighbour, "ready")
    bomb = host.run(BOMB)
    await host.running(bomb, "ready")
    counts = host.cgroup("pids")
    await until(lambda: any("max 0" not in path.read_text() for path in counts.glob("*/pids.events")))
    assert all(int(path.read_text()) <= 60 for path in counts.glob("*/pids.current"))
    assert await host.answers()
    host.master.kill(bomb, 0.1)
    await host.master.until_ended(bomb)
    host.master.kill(neighbour, 30)
    end = await host.end(neighbour)
    assert end.message == "Command exited with status 3"


@pytest.mark.parametrize("kept", [one.param for one in KINDS if one.sandbox is None], indirect=True, scope="module")
async def test_all_of_inotify(host: Host) -> None:
    """X21: nothing of agent, supervisor or runtime watches files by it, so tasks start, are followed and end."""
    takes = "import ctypes, time; c = ctypes.CDLL(None)\nwhile c.inotify_init() >= 0: pass\n"
    greedy = host.run(f"ulimit -n 4096; exec python3 -c \"{takes}open('full', 'w'); time.sleep(99)\"")
    await host.running(greedy, "full")
    neighbour = host.run("echo there; exit 3")
    await host.master.until_ended(neighbour)
    assert host.master.ends[neighbour].message == "Command exited with status 3"
    assert host.read(neighbour, "stdout") == "there\n"
    assert await host.answers()
    host.master.kill(greedy, 0.1)
    await host.end(greedy)


async def test_many_files(host: Host) -> None:
    """X21: empty ones count as little as they take, and go with their sandbox; the agent answers meanwhile."""
    script = "i=0; while [ $i -lt 1500 ]; do : >f$i; i=$((i+1)); done"
    task_id = host.run(script, resources=scalars(cpus=0.1, mem=64, disk=512))
    assert await host.answers()
    end = await host.end(task_id)
    assert end.message == host.kind.says("Command exited with status 0")
