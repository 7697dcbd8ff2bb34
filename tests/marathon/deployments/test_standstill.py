"""What an app waits for beside offers is told: ``why`` has a sentence for everything that keeps a deployment going."""

from __future__ import annotations

import re
from typing import Any

from frameworks.marathon_py import words
from frameworks.marathon_py.definitions.groups import read_update
from frameworks.marathon_py.definitions.paths import PathId
from frameworks.marathon_py.views.why import why
from mesos_py.machine.values import SECOND
from mesos_py.wire.task import TaskState
from tests.marathon.deployments.asked import ask, created, put
from tests.marathon.world import World, world_of

CHECK = {"protocol": "HTTP", "gracePeriodSeconds": 0, "intervalSeconds": 10, "delaySeconds": 0}


def told(world: World, spec_id: str = "/web") -> list[str]:
    """Ids of deployments and of instances are D and I."""
    found = why(world.core, PathId(spec_id), world.now)
    assert found is not None
    ids = re.compile(r"\b[\da-f]{8}-[\da-f-]{27}\b")
    return [ids.sub("D", re.sub(r"\S+\.instance-\S+", "I", one)) for one in found]


def test_instances_that_start() -> None:
    world = created(instances=2)
    world.launch()
    world.reconcile()
    assert told(world) == ["2 instances are starting."]


def test_instances_that_are_not_healthy() -> None:
    """Nothing is known of them yet; then it is known why."""
    world = created(healthChecks=[CHECK])
    world.look = lambda probe: words.Probed(probe, status=503)
    world.run()
    assert told(world) == ["1 instance is not healthy: health checks have not said anything yet."]
    world.advance(20 * SECOND)
    (sentence,) = told(world)
    assert sentence.startswith("1 instance is not healthy: ") and "503" in sentence
    world.look = lambda probe: words.Probed(probe, status=200)
    world.advance(20 * SECOND)
    assert told(world) == ["Nothing waits: of 1 instance, 1 were launched."]


def test_instances_that_are_not_ready() -> None:
    ports = [{"port": 0, "name": "http-api"}]
    world = created(readinessChecks=[{"name": "warm"}], portDefinitions=ports)
    world.look = lambda probe: words.Probed(probe, status=503)
    world.run()
    assert told(world) == ["1 instance is not ready: the readiness check has not been answered yet."]
    world.advance(SECOND)
    assert told(world) == ["1 instance is not ready: the readiness check 'warm' does not say so."]


def test_instances_that_do_not_end() -> None:
    world = created(instances=3)
    world.run()
    put(world, instances=1)
    assert told(world) == ["2 instances are to end, and have not ended yet."]


def test_instances_out_of_reach() -> None:
    """Waited for, replaced, or waited for whatever happens."""
    strategy: dict[str, Any] = {"inactiveAfterSeconds": 60, "expungeAfterSeconds": 100}
    world = created(unreachableStrategy=strategy)
    world.run()
    (instance,) = world.of()
    (agent,) = [one for one in world.agents.values() if one.tasks]
    world.lose(agent)
    since = "I on h0 is out of reach since 1970-01-12T13:46:40.000Z"
    since = since.replace("h0", instance.placed.hostname if instance.placed is not None else "")
    assert told(world) == [f"{since}; it is replaced in 60 s, unless it is back before."]
    world.advance(70 * SECOND)
    assert told(world)[-1] == f"{since}; another one takes its place, and it is forgotten in 30 s."
    world.find(agent)
    put(world, unreachableStrategy="disabled")
    world.run(9)
    (agent,) = [one for one in world.agents.values() if one.tasks]
    world.lose(agent)
    assert told(world)[-1].endswith("since 1970-01-12T13:47:50.000Z, and is waited for whatever happens.")


def test_canaries() -> None:
    """For people, or for time."""
    world = created(instances=3)
    world.run()
    put(world, cmd="other", labels={"MARATHON_DEPLOYMENT_CANARY": "1"})
    world.run()
    assert told(world) == ["Others follow its 1 canary when somebody says so: deployment continue D."]
    put(world, True, cmd="new", labels={"MARATHON_DEPLOYMENT_CANARY": "2", "MARATHON_DEPLOYMENT_CANARY_SECONDS": "30"})
    world.run()
    assert told(world) == ["Its 2 canaries must be up for another 30 s before others follow."]


def test_the_rest_of_a_deployment() -> None:
    """What comes later, and what is done with."""
    world = world_of()
    app = {"cpus": 0.1, "mem": 16, "cmd": "run"}
    given = {"id": "/shop", "apps": [{"id": "db", **app}, {"id": "api", "dependencies": ["db"], **app}]}
    assert isinstance(ask(world, words.PutGroup(PathId("/shop"), read_update(given), must_be_new=True)), words.Started)
    waits = "of 3 of deployment D waits for"
    assert told(world, "/shop/api") == [f"It comes in step 3; step 2 {waits} /shop/db."]
    world.launch()
    world.start_tasks()
    world.reconcile()
    assert told(world, "/shop/db") == [f"It is as it has to be; step 3 {waits} /shop/api."]


def test_what_a_failure_leaves_is_told_with_the_deployment() -> None:
    """One sentence after the other: the back-off, and who has not ended."""
    world = created(instances=2, backoffSeconds=30)
    world.run()
    put(world, cmd="other", upgradeStrategy={"minimumHealthCapacity": 0.5, "maximumOverCapacity": 0})
    world.kill_unwanted()
    world.reconcile()
    world.launch()
    (new,) = [task for task in world.alive() if world.core.tasks[task].spec.cmd == "other"]  # type: ignore[union-attr]
    world.end(new, TaskState.TASK_FAILED, message="Command exited with status 1")
    sentences = told(world)
    assert sentences[0].startswith("1 instance waits for offers")
    assert sentences[1].startswith("It has failed before, so the next launch waits for another 30 s.")
