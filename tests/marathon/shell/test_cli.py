"""``marathon-py`` against a server that answers as Marathon's documentation says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from frameworks.marathon_py.shell.cli import PROGRAM, main
from frameworks.marathon_py.shell.cli.common import merged, settings
from mesos_py.cli.command import CommandFailed
from mesos_py.config import HELP_WIDTH
from mesos_py.flags import flags_of
from tests.marathon.shell.scripted import Scripted, scripted

D = "97c136bf-5a28-4821-9d94-480d9fbb01c8"
V1, V2 = "2026-05-01T10:00:00.000Z", "2026-05-02T10:00:00.000Z"
STARTED = {"version": V2, "deploymentId": D}


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Scripted]:
    async with scripted() as made:
        yield made


def app(**fields: Any) -> dict[str, Any]:
    return {
        "id": "/web", "cmd": "./web", "instances": 2, "cpus": 1, "mem": 128, "disk": 0, "version": V1, "labels": {},
        "versionInfo": {"lastConfigChangeAt": V1, "lastScalingAt": V1}, "deployments": [], "tasksRunning": 1,
        "tasksStaged": 1, "tasksHealthy": 0, "tasksUnhealthy": 0, **fields,
    }  # fmt: skip


def task(number: int, version: str = V1, state: str = "TASK_RUNNING", **fields: Any) -> dict[str, Any]:
    return {"id": f"web.instance-{number}._app.1", "host": "h", "ports": [31000 + number], "state": state,
            "version": version, "startedAt": V1, **fields}  # fmt: skip


# ---- apps


@pytest.mark.parametrize("arguments, sent", [
    (["--id=/a", "--cmd=sleep 9"], {"id": "/a", "cmd": "sleep 9"}),
    (["--id=/a", "--cpus=0.5", "--mem", "64", "-n", "3", "--", "sleep", "9"],
     {"id": "/a", "args": ["sleep", "9"], "cpus": 0.5, "mem": 64.0, "instances": 3}),
    (["--id=/a", "--image=nginx"], {"id": "/a", "container": {"type": "MESOS", "docker": {"image": "nginx"}}}),
    (["--id=/a", "--docker=nginx", "--env=A=1=2", "--label=tier=web"],
     {"id": "/a", "container": {"type": "DOCKER", "docker": {"image": "nginx"}}, "env": {"A": "1=2"},
      "labels": {"tier": "web"}}),
    (["--id=/a", "--cmd=x", "--constraint=hostname:UNIQUE", "--constraint=rack:LIKE:a:b", "--ports=0"],
     {"id": "/a", "cmd": "x", "constraints": [["hostname", "UNIQUE"], ["rack", "LIKE", "a:b"]],
      "portDefinitions": []}),
])  # fmt: skip
async def test_an_app_from_flags(
    arguments: list[str], sent: dict[str, Any], server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was not said is not sent: Marathon has defaults."""
    server.on("POST", "/v2/apps", app(deployments=[{"id": D}]), status=201)
    assert await server.cli("app", "add", *arguments) == 0
    assert server.bodies("POST", "/v2/apps") == [sent]
    assert capsys.readouterr().out == f"{D}\n"


async def test_apps_from_a_file(server: Scripted, tmp_path: Path) -> None:
    """One is created, several are put in one deployment; flags say more of each."""
    one, many = tmp_path / "one.json", tmp_path / "many.json"
    one.write_text('{"id": "/a", "cmd": "x"}')
    many.write_text('[{"id": "/a", "cmd": "x"}, {"id": "/b", "cmd": "y"}]')
    server.on("POST", "/v2/apps", app(deployments=[{"id": D}]), status=201)
    server.on("PUT", "/v2/apps", STARTED)
    assert await server.cli("app", "add", str(one), "--cpus=2") == 0
    assert await server.cli("app", "add", str(many)) == 0
    assert server.bodies("POST", "/v2/apps") == [{"id": "/a", "cmd": "x", "cpus": 2.0}]
    assert server.bodies("PUT", "/v2/apps") == [[{"id": "/a", "cmd": "x"}, {"id": "/b", "cmd": "y"}]]
    assert ("partialUpdate", "false") in server.asked[-1].query


async def test_an_update_keeps_the_rest_of_what_it_leads_into(server: Scripted) -> None:
    """Marathon replaces whole fields; people mean one variable."""
    server.on("GET", "/v2/apps/web", {"app": app(env={"A": "1", "B": "2"})})
    server.on("PATCH", "/v2/apps/web", STARTED)
    assert await server.cli("app", "update", "web", "cpus=0.5", "env.A=9", 'labels={"a": "b"}') == 0
    assert server.bodies("PATCH", "/v2/apps/web") == [
        {"cpus": 0.5, "env": {"A": "9", "B": "2"}, "labels": {"a": "b"}}
    ]
    assert await server.cli("app", "update", "/web", "instances=3", "--force") == 0
    assert server.bodies("PATCH", "/v2/apps/web")[-1] == {"instances": 3}
    assert server.asked[-1].query == (("force", "true"),)


async def test_a_file_takes_the_place_of_the_whole_app(server: Scripted, tmp_path: Path) -> None:
    """Nothing of what it does not say is kept."""
    (tmp_path / "app.json").write_text('{"cmd": "x"}')
    server.on("PUT", "/v2/apps/a/b", STARTED)
    assert await server.cli("app", "update", "a/b", str(tmp_path / "app.json"), "--cpus=2") == 0
    assert server.bodies("PUT", "/v2/apps/a/b") == [{"id": "/a/b", "cmd": "x", "cpus": 2.0}]
    assert ("partialUpdate", "false") in server.asked[-1].query


@pytest.mark.parametrize("arguments, asked", [
    (["app", "scale", "web", "3"], ("PATCH", "/v2/apps/web", {"instances": 3})),
    (["app", "restart", "/web"], ("POST", "/v2/apps/web/restart", None)),
    (["app", "rm", "web"], ("DELETE", "/v2/apps/web", None)),
    (["app", "rollback", "web", V1], ("PUT", "/v2/apps/web", {"version": V1})),
    (["group", "scale", "g", "1.5"], ("PUT", "/v2/groups/g", {"scaleBy": 1.5})),
    (["group", "rm", "g"], ("DELETE", "/v2/groups/g", None)),
    (["group", "rollback", "/", V1], ("PUT", "/v2/groups", {"version": V1})),
    (["deployment", "cancel", D], ("DELETE", f"/v2/deployments/{D}", None)),
])  # fmt: skip
async def test_changes(
    arguments: list[str], asked: tuple[str, str, Any], server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is one call, and prints its deployment."""
    method, path, body = asked
    server.on(method, path, STARTED)
    assert await server.cli(*arguments) == 0
    assert (server.asked[-1].method, server.asked[-1].path, server.asked[-1].body) == (method, path, body)
    assert server.asked[-1].query == (("force", "false"),)
    assert capsys.readouterr().out == f"{D}\n"


async def test_a_rollback_is_to_the_version_before(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """In whatever order Marathon lists them."""
    server.on("GET", "/v2/apps/web/versions", {"versions": [V1, V2]}, {"versions": [V1]})
    server.on("PUT", "/v2/apps/web", STARTED)
    assert await server.cli("app", "rollback", "web") == 0
    assert server.bodies("PUT", "/v2/apps/web") == [{"version": V1}]
    assert await server.cli("app", "rollback", "web") == 1
    assert "no former version" in capsys.readouterr().err


async def test_looking(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables for people, and what was answered for programs."""
    failure = {"state": "TASK_FAILED", "host": "h9", "timestamp": V1, "message": "exit 3"}
    server.on("GET", "/v2/apps", {"apps": [app(id="/z"), app(id="/a", args=["x", "y z"], cmd=None)]})
    server.on("GET", "/v2/apps/web", {"app": app(tasks=[task(1), task(2, V2)], lastTaskFailure=failure)})
    server.on("GET", "/v2/apps/web/versions", {"versions": [V1, V2]})
    assert await server.cli("app", "ls", "--label=tier==web") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["/a", "1/2"], ["/z", "1/2"]]
    assert "x 'y z'" in lines[1] and ("label", "tier==web") in server.asked[-1].query
    assert await server.cli("app", "show", "web") == 0
    shown = capsys.readouterr().out
    assert "last failure: TASK_FAILED on h9" in shown and "web.instance-2._app.1" in shown
    assert await server.cli("app", "versions", "web") == 0
    assert capsys.readouterr().out == f"{V2}\n{V1}\n"
    assert await server.cli("app", "show", "web", "--json") == 0
    assert json.loads(capsys.readouterr().out)["lastTaskFailure"] == failure


# ---- groups and pods


async def test_a_dry_run_prints_steps(server: Scripted, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And starts nothing."""
    (tmp_path / "group.json").write_text('{"id": "/g", "apps": []}')
    server.on("PUT", "/v2/groups/g", {"steps": [{"actions": [{"action": "StopApplication", "app": "/g/a"}]}]})
    assert await server.cli("group", "update", "g", str(tmp_path / "group.json"), "--dry_run") == 0
    assert ("dryRun", "true") in server.asked[-1].query
    assert capsys.readouterr().out.splitlines()[1].split() == ["1", "StopApplication", "/g/a"]


async def test_groups_in_a_table(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """Those inside of each other, too."""
    inner = {"id": "/g", "apps": [app(id="/g/a")], "pods": [], "groups": [], "dependencies": ["/x"], "version": V1}
    root = {"id": "/", "apps": [], "pods": [], "groups": [inner], "dependencies": [], "version": V2}
    server.on("GET", "/v2/groups", root)
    assert await server.cli("group", "ls") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [["/", "0", "0", "0", V2], ["/g", "1", "0", "2", "/x", V1]]


async def test_pods(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """A pod is changed by its whole definition, without the version that it had."""
    pod = {"id": "/p", "version": V1, "containers": [{"name": "c"}], "scaling": {"kind": "fixed", "instances": 1}}
    server.headers["Marathon-Deployment-Id"] = D
    server.on("GET", "/v2/pods/p", pod)
    server.on("PUT", "/v2/pods/p", pod)
    server.on("DELETE", "/v2/pods/p", None, status=202)
    assert await server.cli("pod", "scale", "p", "4") == 0
    sent = server.bodies("PUT", "/v2/pods/p")[0]
    assert sent["scaling"]["instances"] == 4 and "version" not in sent
    assert await server.cli("pod", "rm", "p") == 0
    assert capsys.readouterr().out == f"{D}\n{D}\n"
    instance = {"id": "p.instance-1", "status": "STABLE", "containers": [{"name": "c", "status": "TASK_RUNNING"}]}
    status = {"id": "/p", "spec": pod, "status": "STABLE", "instances": [instance], "terminationHistory": []}
    server.on("GET", "/v2/pods/::status", [status])
    server.on("GET", "/v2/pods/p::status", status)
    assert await server.cli("pod", "ls") == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["/p", "STABLE", "1/1", "c"]
    assert await server.cli("pod", "show", "p") == 0
    assert "c running" in capsys.readouterr().out


# ---- what waits, what happens


async def test_the_queue(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason that turns most agents down."""
    reasons = [{"reason": "UnfulfilledRole", "declined": 1, "processed": 4},
               {"reason": "InsufficientCpus", "declined": 3, "processed": 3}]  # fmt: skip
    summary = {"unusedOffersCount": 4, "processedOffersCount": 5, "rejectSummaryLastOffers": reasons}
    item = {"app": app(), "count": 2, "since": V1, "delay": {"timeLeftSeconds": 7, "overdue": False},
            "processedOffersSummary": summary}  # fmt: skip
    server.on("GET", "/v2/queue", {"queue": [item]})
    assert await server.cli("queue") == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert "7 s" in row and "4 of 5" in row and "InsufficientCpus (3)" in row
    server.on("DELETE", "/v2/queue/web/delay", None, status=204)
    assert await server.cli("queue", "reset", "/web") == 0
    server.on("GET", "/v2/queue/web/why", {"id": "/web", "reasons": ["2 wait.", "One more cpu would do."]})
    assert await server.cli("why", "web") == 0
    assert capsys.readouterr().out == "2 wait.\nOne more cpu would do.\n"


async def test_events_are_lines(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the types that are asked for, until the stream is cut."""
    running = asyncio.create_task(server.cli("events", "status_update_event"))
    while not server.streams:
        await asyncio.sleep(0.01)
    server.tell(eventType="status_update_event", taskId="t", text="x" * 300_000)
    server.tell(eventType="status_update_event", taskId="u")
    server.cut()
    assert await running == 0
    assert [json.loads(line)["taskId"] for line in capsys.readouterr().out.splitlines()] == ["t", "u"]
    assert ("event_type", "status_update_event") in server.asked[-1].query


# ---- waiting for deployments


def deployment(step: int = 1) -> dict[str, Any]:
    return {"id": D, "version": V2, "affectedApps": ["/web"], "affectedPods": [], "currentStep": step, "totalSteps": 1,
            "currentActions": [{"action": "RestartApplication", "app": "/web"}], "steps": []}  # fmt: skip


@pytest.mark.parametrize("end, code", [("deployment_success", 0), ("deployment_failed", 1)])
async def test_waiting_for_a_deployment(
    end: str, code: int, server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    """How far it is is told as it changes; the exit code is how it ended."""
    newest = {"lastConfigChangeAt": V2, "lastScalingAt": V2}

    def ends() -> tuple[int, Any]:
        server.tell(eventType=end, id=D)
        return 200, []

    server.on("PATCH", "/v2/apps/web", STARTED)
    server.on("GET", "/v2/deployments", [deployment()], [deployment()])
    server.answers["GET", "/v2/deployments"].append(ends)
    old = app(versionInfo=newest, tasks=[task(1), task(2)])
    new = app(versionInfo=newest, tasks=[task(1), task(3, V2), task(4, V2, healthCheckResults=[{"alive": False}])])
    server.on("GET", "/v2/apps/web", {"app": old}, {"app": new})
    assert await server.cli("app", "update", "web", "--cmd=y", "--wait") == code
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["step 1 of 1  /web  restart  0 of 2, 2 old", "step 1 of 1  /web  restart  2 of 2, 1 old"]
    assert D in said[-1]


@pytest.mark.parametrize("state, breaks, code", [
    ("TASK_RUNNING", False, 0), ("TASK_RUNNING", True, 0), ("TASK_STAGING", False, 1),
])  # fmt: skip
async def test_an_end_that_nobody_has_heard_is_judged_by_what_runs(
    state: str, breaks: bool, code: int, server: Scripted
) -> None:
    """A leader has ended, well or not, and the deployment with the next one."""
    server.breaks = breaks
    server.on("PATCH", "/v2/apps/web", STARTED)
    server.on("GET", "/v2/deployments", [deployment()], [])
    server.on("GET", "/v2/apps/web", {"app": app(instances=1, tasks=[task(1, state=state)])})
    running = asyncio.create_task(server.cli("app", "scale", "web", "1", "--wait"))
    while not server.bodies("GET", "/v2/deployments"):
        await asyncio.sleep(0.01)
    server.cut()
    assert await running == code


async def test_watching_one_that_is_over(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nothing to wait for."""
    server.on("GET", "/v2/deployments", [])
    assert await server.cli("deployment", "watch", D) == 1
    assert "there is no deployment" in capsys.readouterr().err


# ---- what goes wrong


async def test_refusals_are_sentences(server: Scripted, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever form Marathon gives them."""
    details = [{"path": "/id", "errors": ["must not be empty", "no"]}, {"path": "/cpus", "errors": ["bad"]}]
    server.on("POST", "/v2/apps", {"message": "Object is not valid", "details": details}, status=422)
    assert await server.cli("app", "add", "--id=/a") == 1
    assert "Object is not valid: /id must not be empty; /id no; /cpus bad" in capsys.readouterr().err
    server.on("POST", "/v2/apps", {"message": "Invalid JSON", "details": "line 1"}, status=400)
    assert await server.cli("app", "add", "--id=/a") == 1
    assert "Invalid JSON: line 1" in capsys.readouterr().err
    locked = {"message": "App is locked by one or more deployments.", "deployments": [{"id": D}]}
    server.on("PATCH", "/v2/apps/a", locked, status=409)
    assert await server.cli("app", "scale", "a", "2") == 1
    assert f"deployment {D} is in the way; --force" in capsys.readouterr().err


@pytest.mark.parametrize("arguments, text", [
    (["app", "add"], "say what to run"),
    (["app", "add", "--id=a", "--cmd=x", "--env=A"], "--env=A: expecting NAME=VALUE"),
    (["app", "add", "--id=a", "--cmd=x", "--", "y"], "not both"),
    (["app", "update", "a"], "say what is to change"),
    (["app", "scale", "a", "many"], "say which app, and how many"),
    (["app", "scle", "a"], "did you mean 'scale'?"),
    (["ap", "ls"], "did you mean 'app'?"),
    (["app", "ls", "--lable=x"], "did you mean --label?"),
    (["app", "add", "/nowhere/at.json"], "/nowhere/at.json"),
    (["group", "rm", "/"], "that would end everything"),
    (["queue", "reset"], "queue [reset ID]"),
])  # fmt: skip
def test_wrong_command_lines(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and nothing was asked of anybody."""
    assert main(arguments) == 2
    assert text in capsys.readouterr().err


async def test_nobody_there(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 69, from the first address to the last."""
    assert await asyncio.to_thread(main, ["app", "ls", "--url=127.0.0.1:9,http://127.0.0.1:10"]) == 69
    said = capsys.readouterr().err
    assert "127.0.0.1:9" in said and "127.0.0.1:10" in said and "marathon-py serve" in said


async def test_the_next_server_is_asked(server: Scripted) -> None:
    """The first address is nobody's, and is not tried again first."""
    server.on("GET", "/v2/leader", {"leader": "h:1"})
    url = server.url
    server.url = f"http://127.0.0.1:9,{url}"
    async with server.client() as marathon:
        assert await marathon.leader() == "h:1"
        assert marathon.urls[0] == url


# ---- words


def test_fields_from_words() -> None:
    """What is no JSON is text; a dot leads inside."""
    assert settings(["a=1", "b.c=x y", "b.d=[1]", "e=null"]) == {"a": 1, "b": {"c": "x y", "d": [1]}, "e": None}
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": 4}}) == {"a": {"c": 2, "e": 4}, "d": 3}
    for words in (["a"], ["=1"], ["a=1", "a.b=2"]):
        with pytest.raises(CommandFailed):
            settings(words)


def test_every_command_has_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    """Each flag with a sentence, and no line too wide for a terminal."""
    for noun in PROGRAM.nouns.values():
        for verb in noun.commands:
            command = noun.command(verb)
            assert noun.main([verb, "--help"]) == 0
            assert command.usage.startswith(f"{noun.name} {verb}")
            assert all(flag.help.endswith(".") for cls in command.options for flag in flags_of(cls))
    assert PROGRAM.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "deployment" in shown and max(map(len, shown.splitlines())) <= HELP_WIDTH + 20
