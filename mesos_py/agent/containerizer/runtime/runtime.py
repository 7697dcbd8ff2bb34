"""Bundles on disk, how crun is run, and what it has said.

::

    <runtime_dir>/crun-<work dir>/
        root/                  where the host's files are bound, in a namespace of the supervisor's
        state/<container>/     crun's
        bundles/<container>/   config.json, process.json (the task's, as in there), pid, log

crun makes its root a mount point, and must not do that to the host's "/": what it is given is a recursive bind of it,
in a mount namespace that is not the host's (supervisor/hostfiles.py).

In a pid namespace the first process is an init that only reaps (a first process ignores signals it has no handler
for); the task is executed next to it. So it is a child of the supervisor like any other, with its own wait status.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import pwd
import re
import secrets
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import attrs
import structlog

from mesos_py.agent.containerizer import ContainerSpec, Lines
from mesos_py.agent.containerizer.isolators.network import ADDRESSES
from mesos_py.agent.containerizer.isolators.rlimits import NUMBERS
from mesos_py.agent.containerizer.runtime.bundle import Bundle, Identity, config, process
from mesos_py.agent.containerizer.supervisor import procfs
from mesos_py.agent.containerizer.supervisor.frames import RUNTIME_FAILED
from mesos_py.agent.containerizer.supervisor.program import HOST_FILES
from mesos_py.agent.mapped_ids import MappedIds
from mesos_py.agent.provisioner.places import let_in, not_passable

log = structlog.get_logger(__name__)

#: What is run; a package of Debian's of that name has it.
PROGRAM: Final = "crun"

#: It reaps, needs no child of its own, and is static, so it runs in any image.
INIT_PROGRAM: Final = "catatonit"

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: $0 a bundle, $1 its container; crun follows. The init has nothing of the task's open, but a stdin at its end. Once in
#: some thousand starts it cannot be joined yet (EPERM of setns); nothing of the task has run then: it is tried again.
_NEXT_TO_INIT: Final = """
id=$1 && shift && "$@" run --detach --bundle="$0" "$id" >&0 2>&0 || exit
for pause in 0.02 0.1 0.5 none; do
    "$@" exec --detach {console} --pid-file="$0/pid" --process="$0/process.json" "$id" && exit
    status=$?
    [ $pause != none ] && tail -n 1 "$0/log" | grep -q 'setns(pid=' && sleep $pause || exit $status
done
"""

#: How the supervisor begins when a program cannot be started.
NOT_EXECUTED: Final = "Failed to execute"

_NOT_FOUND: Final = re.compile(r"executable file `.*` not found in \$PATH: (.*)")
_NOT_OPENED: Final = re.compile(r"open executable: (.*)")

_RLIMITS: Final = {str(number): f"RLIMIT_{kind.name.removeprefix('RLMT_')}" for kind, number in NUMBERS.items()}

#: Names in the order of their numbers; linux/capability.h.
_CAPABILITIES: Final = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip


class RuntimeUnavailable(ValueError):
    """This host has not what is needed; the text is a sentence for its operator."""


def find_init() -> str | None:
    """The absolute path of a program that reaps, if there is one."""
    return shutil.which(INIT_PROGRAM)


def capabilities() -> tuple[str, ...]:
    """What the agent may hand on."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.MULTILINE)
    bits = 0 if found is None else int(found[1], 16)
    return tuple([f"CAP_{name}" for number, name in enumerate(_CAPABILITIES) if bits & (1 << number)])


def identify(user: str | None) -> Identity:
    """Raises KeyError when there is no such user."""
    if user is None:
        return Identity(uid=os.geteuid(), gid=os.getegid(), groups=tuple(os.getgroups()))
    entry = pwd.getpwnam(user)
    return Identity(uid=entry.pw_uid, gid=entry.pw_gid, groups=tuple(os.getgrouplist(user, entry.pw_gid)))


def numbers(owner: tuple[int, int]) -> str:
    """A ``user`` of a ContainerSpec that has no name on the host."""
    return "{}:{}".format(*owner)


class Runtime:
    """crun for one agent."""

    def __init__(self, *, runtime_dir: str, work_dir: str) -> None:
        self._work_dir = work_dir
        self._directory = os.path.abspath(f"{runtime_dir}/crun-{procfs.mark_of(os.fsencode(work_dir)):x}")
        self._crun = ("crun", "--cgroup-manager=disabled", f"--root={self._directory}/state")

    def open(self, ids: MappedIds | None = None) -> None:
        """Everything that is needed is there; root of containers is ``ids``' first. Raises RuntimeUnavailable, OSError.
        """
        if os.geteuid() != 0:
            raise RuntimeUnavailable("namespaces of containers need root")
        if shutil.which(PROGRAM) is None:
            raise RuntimeUnavailable(f"namespaces of containers need {PROGRAM} (apt-get install {PROGRAM})")
        for name in ("root", "state", "bundles"):
            os.makedirs(f"{self._directory}/{name}", exist_ok=True)
        for name in ("", "state", "bundles"):
            os.chmod(f"{self._directory}/{name}", 0o700)
        if ids is not None:
            let_in(self._directory, ids)
            for path in (self._directory, self._work_dir):
                closed = not_passable(path, ids)
                if closed is not None:
                    text = f"root of containers, {ids.first} on the host, does not come through '{closed}' to '{path}'"
                    raise RuntimeUnavailable(f"namespaces/user: {text}")

    @property
    def host_files(self) -> str:
        """Where the host's files are bound."""
        return f"{self._directory}/root"

    def recover(self, running: Collection[str]) -> None:
        """Nothing is left of other containers."""
        for place in ("state", "bundles"):
            for name in os.listdir(f"{self._directory}/{place}"):
                if name not in running:
                    self.remove(name)

    def write(self, bundle: Bundle) -> ContainerSpec:
        """What is to be launched instead of the task's program. Raises OSError."""
        spec = bundle.spec
        place = self._bundle(spec.container_id)
        os.makedirs(place, exist_ok=True)
        root = bundle.rootfs or self.host_files
        lines, console = _console(spec.lines, f"{place}/task")
        whole, task = config(bundle, root, _RLIMITS), process(bundle, _RLIMITS)
        task |= _terminal(spec.lines)
        if bundle.init is None:
            whole["process"] |= _terminal(spec.lines)
        _write(f"{place}/config.json", whole)
        _write(f"{place}/process.json", task)
        crun = (*self._crun, f"--log={place}/log")
        argv: tuple[str, ...] = (
            *crun, "run", "--detach", *console, f"--pid-file={place}/pid", f"--bundle={place}", spec.container_id
        )
        if bundle.init is not None:
            script = _NEXT_TO_INIT.format(console='--console-socket="$0/task.console"' if console else "")
            argv = ("sh", "-c", script, place, spec.container_id, *crun)
        setup = () if bundle.is_own_root else ((os.fsdecode(HOST_FILES), root),)
        launched = attrs.evolve(spec, executable=argv[0], argv=argv, env={"PATH": PATH})
        return attrs.evolve(launched, lines=lines, pid_file=f"{place}/pid", setup=setup)

    def write_beside(self, spec: ContainerSpec) -> tuple[ContainerSpec, str]:
        """What is to be run for something next to the container of that id, or for a session inside of one, and the
        file that says what it is.

        It sees and may do what the container does. Raises OSError when that is gone, KeyError for an unknown user.
        """
        container_id = spec.inside or spec.container_id
        place = self._bundle(container_id)
        of_container, next_to = _read(f"{place}/config.json"), _read(f"{place}/process.json")
        known = dict(item.split("=", 1) for item in next_to["env"])
        env = dict(spec.env)
        if of_container["root"]["path"] != self.host_files:
            # What only the image knows, and where things are in it.
            env = {**known, **env, "MESOS_SANDBOX": known["MESOS_SANDBOX"]}
        if "hostname" in of_container:
            # It is in a network of its own.
            env |= {name: known[name] for name in ADDRESSES if name in known}
        identity = identify(spec.user)
        next_to["user"] |= {"uid": identity.uid, "gid": identity.gid, "additionalGids": list(identity.groups)}
        next_to["args"] = [spec.executable, *spec.argv[1:]]
        next_to["env"] = [f"{name}={value}" for name, value in env.items()]
        file = f"{place}/{secrets.token_hex(8)}"
        lines, console = _console(spec.lines, file)
        next_to |= _terminal(spec.lines)
        _write(file, next_to)
        pid_file = "" if spec.inside is None else f"{file}.pid"
        # What is beside a container ends with crun, a session is left to the supervisor, as a container is.
        detached = ("--detach", f"--pid-file={pid_file}") if pid_file else ()
        argv = (
            *self._crun, f"--log={file}.log", "exec",
            *detached, *console, f"--process={file}", container_id,
        )  # fmt: skip
        launched = attrs.evolve(spec, user=None, executable=argv[0], argv=argv, env={"PATH": PATH})
        return attrs.evolve(launched, lines=lines, pid_file=pid_file), file

    def end_beside(self, file: str) -> str:
        """The file is gone; what crun has said of it last, empty: nothing."""
        cause = _last_line(f"{file}.log")
        for path in (file, f"{file}.log", f"{file}.pid"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        return cause

    def why(self, spec: ContainerSpec, said: str, cause: str) -> str:
        """Why nothing was started, in the words of whoever starts processes; ``said`` is what the supervisor knows,
        ``cause`` what crun has said.

        What it could not execute is the runtime, not the task's program: the task has never run.
        """
        if said != RUNTIME_FAILED:
            return f"Failed to start container: {said}" if said.startswith(NOT_EXECUTED) else said
        is_there = shutil.which(PROGRAM, path=PATH) is not None
        nothing = f"{PROGRAM} has said nothing" if is_there else f"there is no {PROGRAM} any more"
        return not_executed(spec, cause) or f"Failed to start container: {cause or nothing}"

    def cause(self, container_id: str) -> str:
        """What crun has said of it last; empty: nothing."""
        return _last_line(f"{self._bundle(container_id)}/log")

    def ending(self, container_id: str) -> tuple[str, ...]:
        """What ends a container that has no supervisor."""
        return (*self._crun, "delete", "--force", container_id)

    def remove(self, container_id: str) -> None:
        """Nothing is left of it here; its mounts have gone with its namespace."""
        for place in (self._bundle(container_id), f"{self._directory}/state/{container_id}"):
            shutil.rmtree(place, ignore_errors=True)

    def secrets(self, container_id: str) -> str:
        """A directory for files that go with the container; in memory if --runtime_dir is."""
        return f"{self._bundle(container_id)}/secrets"

    def _bundle(self, container_id: str) -> str:
        return f"{self._directory}/bundles/{container_id}"


def _terminal(lines: Lines | None) -> dict[str, Any]:
    """What a process is told of its terminal; it has the right size before the process can ask."""
    if lines is None or not lines.is_terminal:
        return {"terminal": False}
    return {"terminal": True, "consoleSize": {"height": lines.rows, "width": lines.columns}}


def _console(lines: Lines | None, file: str) -> tuple[Lines | None, tuple[str, ...]]:
    """crun makes the terminal, where the container sees it, and hands it over at a socket beside ``file``."""
    if lines is None or not lines.is_terminal:
        return lines, ()
    path = f"{file}.console"
    return attrs.evolve(lines, console=path), (f"--console-socket={path}",)


def _write(path: str, contents: dict[str, Any]) -> None:
    text = json.dumps(contents, ensure_ascii=False)
    Path(path).write_text(text, encoding="utf-8", errors="surrogateescape")


def _read(path: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8", errors="surrogateescape"))
    return found


def _last_line(path: str) -> str:
    try:
        said = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return said.strip().rpartition("\n")[2]


def not_executed(spec: ContainerSpec, cause: str) -> str | None:
    """That its program could not be executed, if that is what crun says."""
    for pattern in (_NOT_FOUND, _NOT_OPENED):
        found = pattern.search(cause)
        if found is not None:
            # Of a directory execve says EACCES, crun (1.8) EPERM.
            why = found[1].replace(os.strerror(errno.EPERM), os.strerror(errno.EACCES))
            return f"{NOT_EXECUTED} '{spec.executable}': {why}"
    return None
