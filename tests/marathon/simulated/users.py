"""Users who ask for anything that Marathon takes, at any moment, and what they define."""

from __future__ import annotations

from random import Random
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.groups import read_update
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.definitions.pods import read_pod
from tests.marathon.simulated.running import CHECKED, WEB, Running

#: each may depend on those before it
IDS, PODS = ["/a", "/g/b", "/g/c", "/d"], ["/p", "/g/q"]
READY = {
    "readinessChecks": [{"name": "ready", "intervalSeconds": 2, "timeoutSeconds": 1}],
    "portDefinitions": [{"port": 0, "name": "http-api"}],
}  # fmt: skip
LABEL = "MARATHON_DEPLOYMENT_"
STRATEGIES: list[Any] = [
    {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 5}, {"inactiveAfterSeconds": 5, "expungeAfterSeconds": 30},
    {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 0}, {"inactiveAfterSeconds": 0, "expungeAfterSeconds": 60},
    {"inactiveAfterSeconds": 300, "expungeAfterSeconds": 600}, "disabled",
]  # fmt: skip


class Users:
    """Refusals are answers, too."""

    def __init__(self, rng: Random, running: Running) -> None:
        self.rng, self.running = rng, running

    async def call(self) -> None:
        """Something that people do."""
        rng, running = self.rng, self.running
        force, id, core = rng.random() < 0.4, rng.choice(IDS), running.core
        match rng.randrange(20):
            case 0 | 1 | 2:
                await running.put(self._app(id), force=force, partial=False)
            case 3:
                await running.put({"id": id, "instances": rng.randrange(6)}, force=force)
            case 4:
                await running.put({"id": id, "cmd": f"c{rng.randrange(100)}", "cpus": 0.1}, force=force)
            case 5:
                await running.ask(words.RestartApp(PathId(rng.choice([*IDS, *PODS])), force=force))
            case 6:
                await running.ask(words.DeleteApp(PathId(id), force=force))
            case 7 if core.instances:
                some = tuple(rng.sample(sorted(core.instances), min(2, len(core.instances))))
                await running.ask(
                    words.KillInstances(some, scale=rng.random() < 0.3, wipe=rng.random() < 0.2, force=force)
                )
            case 8 | 9 if core.locked:
                deployment = rng.choice(sorted(core.locked.values()))
                await running.ask(words.CancelDeployment(deployment, force=force))
            case 10 | 11:
                pod = self._pod(rng.choice(PODS))
                await running.ask(words.PutPod(pod, must_be_new=PathId(pod.id) not in core.specs, force=force))
            case 12 if rng.random() < 0.5:
                await running.ask(words.DeletePod(PathId(rng.choice(PODS)), force=force))
            case 13:
                update = read_update({"scaleBy": rng.choice([0.5, 1, 1.5])})
                await running.ask(words.PutGroup(PathId("/g"), update, force=force))
            case 14:
                running.sick = {task for tasks in running.cluster.running.values() for task in tasks
                                if rng.random() < 0.1}  # fmt: skip
            case 15 | 16:
                await self.approve()
            case 17:
                await running.put(*map(self._app, rng.sample(IDS, 2)), force=force, partial=False)
            case 18:
                await self._put_group(force)
            case 19:
                await running.ask(words.ClearDelay(PathId(rng.choice([*IDS, *PODS]))))

    async def approve(self) -> None:
        """What waits after its canaries goes on."""
        for id, deployment in list(self.running.core.deployments.items()):
            if deployment.held:
                await self.running.ask(words.Continue(id))

    async def give_up(self) -> None:
        """What has been out of reach for long, and waits to be found whatever happens, is not waited for."""
        core = self.running.core
        lost = tuple(name for name, one in core.instances.items() if one.unreachable_since is not None)
        await self.running.ask(words.KillInstances(lost))

    async def _put_group(self, force: bool) -> None:
        """With all that is in it, and an order among them."""
        rng = self.rng
        apps = [{**self._app(id), "id": id} for id in IDS if id.startswith("/g/") and rng.random() < 0.8]
        for app in apps:
            app["dependencies"] = ["/a"] if app["id"] == "/g/b" else ["/g/b", "/d"]
        given = {"id": "/g", "apps": apps, "dependencies": rng.choice([[], ["/a"]])}
        await self.running.ask(words.PutGroup(PathId("/g"), read_update(given), force=force))

    # ---- what they define

    def _app(self, id: str) -> dict[str, Any]:
        rng = self.rng
        made = {
            **WEB, "id": id, "instances": rng.randrange(6), "cmd": f"c{rng.randrange(100)}", "labels": self._labels(),
            "upgradeStrategy": {"minimumHealthCapacity": rng.choice([0, 0.5, 0.75, 1]),
                                "maximumOverCapacity": rng.choice([0, 0.25, 1])},
            "backoffSeconds": rng.choice([0, 1]), "maxLaunchDelaySeconds": 20,
            "killSelection": rng.choice(["YOUNGEST_FIRST", "OLDEST_FIRST"]),
        }  # fmt: skip
        if rng.random() < 0.5:
            made |= CHECKED
        if rng.random() < 0.25:
            made |= READY
        if rng.random() < 0.4:
            made["unreachableStrategy"] = rng.choice(STRATEGIES)
        if rng.random() < 0.15:
            made["constraints"] = [["hostname", "GROUP_BY"]]
        if rng.random() < 0.3 and id != "/a":
            made["dependencies"] = [rng.choice(IDS[: IDS.index(id)])]
        return made

    def _labels(self) -> dict[str, str]:
        """What is asked of its deployments beyond Marathon."""
        rng = self.rng
        if rng.random() < 0.6:
            return {}
        made = {}
        if rng.random() < 0.4:
            made[f"{LABEL}CANARY"] = rng.choice("12")
        if rng.random() < 0.3:
            made[f"{LABEL}CANARY_SECONDS"] = rng.choice(["5", "40"])
        if rng.random() < 0.3:
            made[f"{LABEL}MAX_FAILURES"] = rng.choice("13")
        if rng.random() < 0.3:
            made[f"{LABEL}DEADLINE_SECONDS"] = rng.choice(["10", "60"])
        if rng.random() < 0.5:
            made[f"{LABEL}AUTO_ROLLBACK"] = rng.choice(["true", "true", "false"])
        if rng.random() < 0.2:
            made[f"{LABEL}MAX_UNAVAILABLE"] = rng.choice("012")
        if rng.random() < 0.2:
            made[f"{LABEL}MAX_ADDITIONAL"] = rng.choice("012")
        if rng.random() < 0.2:
            made["MARATHON_HEALTH_MIN_RUNNING"] = rng.choice("12")
        return made

    def _pod(self, id: str) -> Any:
        rng = self.rng
        containers = [{"name": name, "exec": {"command": {"shell": f"c{rng.randrange(100)}"}},
                       "resources": {"cpus": 0.1, "mem": 16}} for name in rng.choice([["x"], ["x", "y"]])]  # fmt: skip
        upgrade = {"minimumHealthCapacity": rng.choice([0, 0.5, 1]), "maximumOverCapacity": rng.choice([0, 1])}
        scheduling: dict[str, Any] = {"upgrade": upgrade, "backoff": {"backoff": 0, "maxLaunchDelay": 20}}
        if rng.random() < 0.4:
            scheduling["unreachableStrategy"] = rng.choice(STRATEGIES)
        return read_pod({
            "id": id, "labels": self._labels(), "containers": containers, "scheduling": scheduling,
            "scaling": {"kind": "fixed", "instances": rng.randrange(4)},
        })  # fmt: skip
