"""Making a sandbox and starting one process in it.

After `spawn` the process runs with its own session, the sandbox as working directory, exactly the environment it was
given, stdin from /dev/null (a runtime's from `nothing`), stdout and stderr appended to files in the sandbox (or to
pipes of the logger, see outputs.py), default signal dispositions, an empty signal mask and no other descriptor.
Sandboxes are reached from the work directory component by component without following links: a nested sandbox lies in a
directory that a task owns, and the supervisor may be root.
Mesos: src/slave/paths.cpp createSandboxDirectory, src/slave/containerizer/mesos/launch.cpp
"""

from __future__ import annotations

import fcntl
import os
import pwd
import resource
import stat
import sys

from .procfs import mark_of
from .program import Identity, Program, SpawnError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .hostfiles import HostFiles
    from .switchboard import Switchboard

#: Mesos keeps sandboxes closed to others; directories above them are open.
SANDBOX_MODE, DIRECTORY_MODE, OUTPUT_MODE = 0o750, 0o755, 0o644

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OUTPUT = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK

#: Directories of frameworks lie in one of this name; Mesos: src/slave/paths.cpp getFrameworkPath.
FRAMEWORKS = b"frameworks"

#: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_TOPDIR_FL; linux/fs.h
_GET_FLAGS, _SET_FLAGS, _TOPDIR = 0x80086601, 0x40086602, 0x00020000


class Spawner:
    """Spawns below one work directory; keeps that directory and /dev/null open."""

    def __init__(self, root: bytes, host_files: HostFiles | None = None) -> None:
        """Without ``host_files`` nothing is spawned that needs them."""
        self.root = root
        self._host_files = host_files
        self._root_fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self._rttime = resource.getrlimit(resource.RLIMIT_RTTIME)
        self._nofile = resource.getrlimit(resource.RLIMIT_NOFILE)
        # We hold pipes of many containers, whose programs get the limit that we were given.
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._nofile[1], self._nofile[1]))

    def spawn(
        self,
        *,
        container_id: bytes,
        sandbox: bytes,
        latest: bytes,
        user: bytes,
        executable: bytes,
        argv: list[bytes],
        environment: list[bytes],
        stdout: int | None,
        setup: list[bytes],
        is_beside: bool = False,
        is_runtime: bool = False,
        to: Callable[[int, bytes, Identity | None], int] | None = None,
        switchboard: Switchboard | None = None,
    ) -> int:
        """The pid of the started process. Raises `SpawnError`.

        With `stdout` it is a helper of ours: that replaces the sandbox's stdout file. Of a helper or a runtime the
        sandbox is the user's, but the process not yet. What runs beside the sandbox's owner says everything to its
        stderr file. `to` opens an output of that name in a sandbox, if it is to be no plain file. With a `switchboard`
        its lines are the process's, and only of what is no session the output is in the sandbox, too.
        """
        is_ours = stdout is not None or is_runtime
        to = to or open_output
        if switchboard is not None and not switchboard.is_logged:
            to = _discard
        identity = _identify(user, sandbox) if user else None
        directory = self._sandbox(sandbox, latest, identity)
        opened: list[int] = []
        stdin = self._null
        try:
            if is_beside or is_runtime:
                stdin = nothing()
                opened.append(stdin)
            stderr = to(directory, b"stderr", identity)
            opened.append(stderr)
            if is_beside:
                stdout = stderr
            elif stdout is None:
                stdout = to(directory, b"stdout", identity)
                opened.append(stdout)
            env = dict([item.split(b"=", 1) for item in environment if b"=" in item])
            os.fchdir(directory)
            self._mark(container_id)
            try:
                runs_as = None if is_ours else identity
                fds = (stdin, stdout, stderr)
                if switchboard is not None:
                    fds = switchboard.lend(None if identity is None else (identity.uid, identity.gid))
                program = Program(argv, env, fds, runs_as, setup, self._nofile, self._host_files)
                program.is_at_terminal = switchboard is not None and switchboard.lends_terminal
                pid = program.start(executable)
                if switchboard is not None:
                    switchboard.start(os.dup(stdout) if switchboard.is_logged else None)
                return pid
            except OSError as exc:
                text = f"Failed to execute '{os.fsdecode(executable)}': {exc.strerror}"
                os.write(stderr, os.fsencode(text) + b"\n")
                raise SpawnError(text) from exc
        finally:
            resource.setrlimit(resource.RLIMIT_RTTIME, self._rttime)  # else a sweep for the container finds us, too
            os.chdir("/")
            for fd in opened:
                os.close(fd)
            os.close(directory)

    def make_sandbox(self, sandbox: bytes, latest: bytes, user: bytes) -> None:
        """A sandbox no process of its own lives in. Raises `SpawnError`."""
        os.close(self._sandbox(sandbox, latest, _identify(user, sandbox) if user else None))

    def _mark(self, container_id: bytes) -> None:
        # Set on ourselves while we spawn, because posix_spawn cannot. A hard limit below the mark (never seen) leaves
        # attribution to sessions and sandboxes.
        hard = self._rttime[1]
        mark = mark_of(container_id, self.root)
        if hard == resource.RLIM_INFINITY or mark <= hard:
            resource.setrlimit(resource.RLIMIT_RTTIME, (mark, hard))

    def _sandbox(self, sandbox: bytes, latest: bytes, identity: Identity | None) -> int:
        """An open descriptor of the sandbox, made if absent, owned by the user, and pointed at by `latest`."""
        parts = self._below(sandbox)
        parent = self._walk(parts[:-1], sandbox)
        try:
            directory, made = _enter(parent, parts[-1], SANDBOX_MODE)
            try:
                if made:
                    os.fchmod(directory, SANDBOX_MODE)
                if identity is not None:
                    os.fchown(directory, identity.uid, identity.gid)
                if latest:
                    self._point(latest, sandbox, parent)
            except BaseException:
                os.close(directory)
                raise
            return directory
        except OSError as exc:
            raise _no_sandbox(sandbox, exc.strerror) from exc
        finally:
            os.close(parent)

    def _below(self, path: bytes) -> list[bytes]:
        parts = path[len(self.root) + 1 :].split(b"/")
        if not path.startswith(self.root + b"/") or any(part in {b"", b".", b".."} for part in parts):
            raise _no_sandbox(path, f"not below '{os.fsdecode(self.root)}'")
        return parts

    def _walk(self, parts: list[bytes], sandbox: bytes) -> int:
        fd = os.dup(self._root_fd)
        for part in parts:
            try:
                inner, made = _enter(fd, part, DIRECTORY_MODE)
            except OSError as exc:
                raise _no_sandbox(sandbox, exc.strerror) from exc
            finally:
                os.close(fd)
            if made and part == FRAMEWORKS:
                _spread(inner)
            fd = inner
        return fd

    def _point(self, latest: bytes, sandbox: bytes, parent: int) -> None:
        """Make `latest`, a sibling of the sandbox, a link to it; readers see the old or the new target, never none."""
        directory, name = os.path.split(latest)
        base, target = os.path.split(sandbox)
        if directory != base:
            raise SpawnError(f"'{os.fsdecode(latest)}' is not beside '{os.fsdecode(sandbox)}'")
        try:
            os.symlink(target, name, dir_fd=parent)
        except FileExistsError:
            temporary = b"." + name + b"." + target
            os.symlink(target, temporary, dir_fd=parent)
            os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)


def _enter(parent: int, name: bytes, mode: int) -> tuple[int, bool]:
    try:
        return os.open(name, _DIRECTORY, dir_fd=parent), False
    except FileNotFoundError:
        pass  # made below
    try:
        os.mkdir(name, mode, dir_fd=parent)
    except FileExistsError:
        return os.open(name, _DIRECTORY, dir_fd=parent), False
    return os.open(name, _DIRECTORY, dir_fd=parent), True


def _spread(directory: int) -> None:
    """What is in each of its subdirectories lies apart from the rest of the disk, if the file system knows how to.

    ext4 looks at every inode near by that was freed within the last minute before it takes one that was not
    (``recently_deleted`` in fs/ext4/ialloc.c): where anybody had just removed some thousand files, in /tmp or among the
    sandboxes of another framework, a new sandbox took 1.8 ms of the processor instead of 0.1.
    """
    try:
        flags = fcntl.ioctl(directory, _GET_FLAGS, bytes(8))
        wanted = int.from_bytes(flags[:4], sys.byteorder) | _TOPDIR  # an int, whatever the number of the call says
        fcntl.ioctl(directory, _SET_FLAGS, wanted.to_bytes(4, sys.byteorder) + bytes(4))
    except OSError:
        return  # another file system, which has no such groups


def open_output(directory: int, name: bytes, identity: Identity | None) -> int:
    """The sandbox's `name` opened for appending; only a regular file of one name (a task may have replaced it)."""
    try:
        fd = os.open(name, _OUTPUT | os.O_CREAT, OUTPUT_MODE, dir_fd=directory)
    except OSError as exc:
        raise SpawnError(f"Failed to open '{os.fsdecode(name)}' in the sandbox: {exc.strerror}") from exc
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
        os.close(fd)
        raise SpawnError(f"Failed to open '{os.fsdecode(name)}' in the sandbox: not a regular file of its own")
    os.set_blocking(fd, True)
    if identity is not None:
        os.fchown(fd, identity.uid, identity.gid)
    return fd


def nothing() -> int:
    """A file that is at its end, for a program that may be a runtime.

    Runtimes give what they get as 0, 1 and 2 to the user of the container: so did crun (1.8) with the host's /dev/null.
    """
    read, write = os.pipe2(os.O_CLOEXEC)
    os.close(write)
    return read


def _discard(directory: int, name: bytes, identity: Identity | None) -> int:
    """What a session says is for whoever has it, and for no file."""
    return os.open("/dev/null", os.O_WRONLY | os.O_CLOEXEC)


def _no_sandbox(path: bytes, cause: str | None) -> SpawnError:
    """In Mesos' words: the agent tells by them that what was to run counts as never launched."""
    return SpawnError(f"Failed to create executor directory '{os.fsdecode(path)}': {cause}")


def _identify(user: bytes, sandbox: bytes) -> Identity | None:
    """None when it is who we are already. A sandbox that cannot be given to its user is none."""
    name = os.fsdecode(user)
    uid, colon, gid = name.partition(":")
    if colon:  # no user's name has one
        return Identity(int(uid), int(gid), [])
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise _no_sandbox(sandbox, f"Failed to chown directory to '{name}': No such user '{name}'") from None
    if entry.pw_uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        raise _no_sandbox(sandbox, f"Failed to chown directory to '{name}': the agent does not run as root")
    return Identity(entry.pw_uid, entry.pw_gid, os.getgrouplist(name, entry.pw_gid))
