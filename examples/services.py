"""Three web servers that are always there, and a job of four tasks that run together or not at all.

    mesos-py local &
    python examples/services.py
"""

from mesos_py import sdk
from mesos_py.sdk.launcher import words

WEB = sdk.Spec(
    "web", sdk.command("web", "exec python3 -m http.server $PORT"), count=3,
    request=sdk.Request.of(cpus=0.1, mem=64, ports=[0], spread="hostname"),
)  # fmt: skip
JOB = sdk.Spec(
    "job", sdk.command("job", "sleep 2"), count=4, gang="job", restart=sdk.Restart.ON_FAILURE, priority=1
)  # fmt: skip


class Services(sdk.Launcher):
    name = "services"
    specs = (WEB, JOB)

    async def on_launched(self, launched: words.Launched) -> None:
        print(launched.task_id, "on", launched.hostname, flush=True)

    async def on_ended(self, ended: words.Ended) -> None:
        print(ended.task_id, ended.state.name, "->", ended.then, flush=True)


if __name__ == "__main__":
    sdk.run(Services())
