"""Whether crun starts containers on this host, tried once before any task depends on it.

That it is installed says little: it refuses some mixtures of cgroups, and an agent that runs in a container itself may
lack what crun needs. One that is asked for what crun does, and cannot have it, does not start.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from mesos_py.agent.containerizer import ContainerSpec
from mesos_py.agent.containerizer.isolation import BY_RUNTIME, Isolation
from mesos_py.agent.containerizer.runtime.plan import PATH, Planner
from mesos_py.agent.containerizer.runtime.runtime import Runtime, RuntimeUnavailable, identify
from mesos_py.agent.containerizer.supervisor.spawn import nothing
from mesos_py.agent.provisioner.tools import ToolFailed, run
from mesos_py.machine.problem import Problem

#: No container of a task has such an id.
TRIAL: Final = "trial"
TRIAL_TIMEOUT_S: Final = 30  # it takes some hundredths of a second; a host that has just booted may be busy

#: As the supervisor has it for every container; where to bind the host's files, and crun, follow.
_BOUND: Final = ("unshare", "--mount", "--propagation=slave", "sh", "-c", 'mount --rbind / "$0" && exec "$@"')

#: A part of what crun says, and what can be done about it.
ADVICE: Final = {
    "hybrid mode": "mount the controllers in /sys/fs/cgroup/unified/cgroup.controllers as v1, or boot with cgroup v2",
    "No space left": "/proc/sys/user/max_user_namespaces may be too low for namespaces/user",
    "not permitted": "an agent within a container has to be a privileged one",
}


async def attempt(runtime: Runtime, planner: Planner) -> None:
    """A container with the namespaces that every container gets was started. Raises RuntimeUnavailable."""
    spec = ContainerSpec(container_id=TRIAL, sandbox="/", argv=("true",), executable="true", env={"PATH": PATH})
    try:
        bundle = planner.plan(spec, identify(None))
        if isinstance(bundle, Problem):
            raise RuntimeUnavailable(bundle.text)
        if "linux/seccomp" in planner.isolation and bundle.seccomp is None:
            bundle.seccomp = {"defaultAction": "SCMP_ACT_ALLOW"}
        launched = runtime.write(bundle)
        stdin = nothing()
        try:
            argv = (*_BOUND, runtime.host_files, *launched.argv)
            await run(*argv, env=launched.env, timeout_s=TRIAL_TIMEOUT_S, stdin=stdin)
        except ToolFailed as error:
            raise RuntimeUnavailable(refusal(planner.isolation, runtime.cause(TRIAL) or str(error))) from error
        finally:
            os.close(stdin)
            with contextlib.suppress(ToolFailed):  # its init; without one it has ended
                await run(*runtime.ending(TRIAL), env=launched.env, timeout_s=TRIAL_TIMEOUT_S)
    finally:
        runtime.remove(TRIAL)


def refusal(isolation: Isolation, cause: str) -> str:
    """Why an agent with these isolators does not start."""
    needing = ", ".join([name for name in isolation.names if name in BY_RUNTIME])
    advice = "".join([f" ({text})" for words, text in ADVICE.items() if words in cause])
    return f"{needing} need crun, which starts no container here: {cause}{advice}"
