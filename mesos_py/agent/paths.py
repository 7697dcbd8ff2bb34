"""Where sandboxes are: Mesos' layout below the work directory (Mesos: src/slave/paths.hpp).

::

    <work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>/
                                                                         runs/latest -> <container>
        .../runs/<container>/containers/<nested container>/
        .../runs/<container>/tasks/<task> -> ../containers/<nested container>
    <work_dir>/containers/<standalone container>/
"""

from __future__ import annotations

from typing import Final

from mesos_py.wire.ids import AgentID, ExecutorID, FrameworkID

#: The directory that holds sandboxes of executors, and nothing of a task's.
RUNS: Final = "runs"


def executor_directory(work_dir: str, agent_id: AgentID, framework_id: FrameworkID, executor_id: ExecutorID) -> str:
    return f"{work_dir}/slaves/{agent_id}/frameworks/{framework_id}/executors/{executor_id}"


def run_directory(executor_directory: str, container_id: str) -> str:
    return f"{executor_directory}/{RUNS}/{container_id}"


def latest_link(sandbox: str) -> str:
    """The link beside a run that names the latest one."""
    return sandbox[: sandbox.rindex("/")] + "/latest"


def virtual_path(framework_id: FrameworkID, executor_id: ExecutorID) -> str:
    """The name under which the files endpoints show the latest run."""
    return f"/frameworks/{framework_id}/executors/{executor_id}/runs/latest"


def nested_sandbox(sandbox: str, container_id: str) -> str:
    return f"{sandbox}/containers/{container_id}"


def standalone_sandbox(work_dir: str, container_id: str) -> str:
    return f"{work_dir}/containers/{container_id}"
