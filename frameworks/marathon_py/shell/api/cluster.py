"""What is not about apps: who leads, how it is set up, its metrics and plug-ins.

Source: mesosphere/marathon .../api/v2/InfoResource.scala, LeaderResource.scala, .../api/SystemResource.scala.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs

from frameworks.marathon_py.definitions.fields import (
    Violation,
    field,
    integer,
    one_of,
    read_as,
    record,
    show,
    text,
)
from frameworks.marathon_py.definitions.rules.words import MUST_NOT_BE_EMPTY
from frameworks.marathon_py.shell.api.call import Call, answer, read
from frameworks.marathon_py.shell.api.errors import Failed, invalid
from frameworks.marathon_py.shell.api.program import LEADER, PLUGINS, SYSTEM_CONFIG, SYSTEM_METRICS
from frameworks.marathon_py.shell.api.site import Row
from frameworks.marathon_py.shell.loggers import ROOT
from mesos_py import __version__
from mesos_py.web.metrics import PROMETHEUS
from mesos_py.web.response import JSON, Response
from mesos_py.web.router import Answer

DURATION_MAX_S = 365 * 86_400
API_VERSION = "1.11.0"  # of the Marathon whose API this is: clients compare numbers

_MARATHON = (
    "access_control_allow_origin", "checkpoint", "decline_offer_duration", "default_network_name", "env_vars_prefix",
    "executor", "failover_timeout", "features", "framework_name", "ha", "hostname", "launch_token",
    "launch_token_refresh_interval", "leader_proxy_connection_timeout_ms", "leader_proxy_read_timeout_ms",
    "local_port_max", "local_port_min", "maintenance_mode", "master", "max_instances_per_offer", "mesos_bridge_name",
    "mesos_heartbeat_failure_threshold", "mesos_heartbeat_interval", "mesos_leader_ui_url", "mesos_role", "mesos_user",
    "min_revive_offers_interval", "new_group_enforce_role", "offer_matching_timeout", "on_elected_prepare_timeout",
    "reconciliation_initial_delay", "reconciliation_interval", "scale_apps_initial_delay", "scale_apps_interval",
    "store_cache", "task_launch_confirm_timeout", "task_launch_timeout", "task_lost_expunge_initial_delay",
    "task_lost_expunge_interval", "task_reservation_timeout", "webui_url",
)  # fmt: skip
_ZOOKEEPER = (
    "zk", "zk_compression", "zk_compression_threshold", "zk_connection_timeout", "zk_max_node_size", "zk_max_versions",
    "zk_session_timeout", "zk_timeout",
)  # fmt: skip
_HTTP = ("http_port", "https_port")
#: flags that are called otherwise there
_FLAGS = {
    "features": "enable_features", "launch_token": "launch_tokens",
    "leader_proxy_connection_timeout_ms": "leader_proxy_connection_timeout",
    "leader_proxy_read_timeout_ms": "leader_proxy_read_timeout",
}  # fmt: skip


async def info(call: Call) -> Answer:
    """How this Marathon is set up, and who leads."""
    program, about = call.program, _config(call, _MARATHON)
    return answer({
        "name": "marathon", "version": API_VERSION, "buildref": f"mesos_py-{__version__}", "elected": True,
        "leader": program.address, "frameworkId": program.framework_id,
        "marathon_config": {**about, "mesos_leader_ui_url": about["mesos_leader_ui_url"] or program.master_url},
        "zookeeper_config": _config(call, _ZOOKEEPER),
        "http_config": _config(call, _HTTP),
    })  # fmt: skip


def _config(call: Call, names: tuple[str, ...]) -> dict[str, Any]:
    flags = call.program.flags
    return {name: flags.get(_FLAGS.get(name, name)) for name in names}


async def config(call: Call) -> Answer:
    """Every flag by its name; no secret is in it."""
    return answer(call.program.flags)


async def version(call: Call) -> Answer:
    """The version of the API."""
    return answer({"version": API_VERSION, "buildref": f"mesos_py-{__version__}"})


async def leader(call: Call) -> Answer:
    """HOST:PORT of who leads."""
    return answer({"leader": call.program.address})


async def abdicate(call: Call) -> Answer:
    """Another one leads, and this process ends; the next one makes a backup, or restores one, if that is asked for."""
    try:
        await call.program.abdicate(call.text("backup"), call.text("restore"))
    except ValueError as error:
        raise Failed(422, str(error)) from error
    return answer({"message": "Leadership abdicated"})


async def ping(call: Call) -> Answer:
    """pong."""
    for media_type, body in (("text/plain", b"pong"), (JSON, b'"pong"'), ("text/html", b"pong")):
        if call.accepts(media_type):
            return Response(200, body, media_type)
    return Response(204)


async def metrics(call: Call) -> Answer:
    """All metrics, as Marathon's JSON has them."""
    return answer(call.program.metrics())


async def prometheus(call: Call) -> Answer:
    """All metrics, for Prometheus."""
    shown = call.program.exposition()
    if shown is None:
        raise Failed(404, "Prometheus reporter is disabled")
    return Response(200, shown.encode(), PROMETHEUS)


@attrs.frozen(kw_only=True)
class LoggerChange:
    """How much a logger logs, for so many seconds or for good. Marathon has no logger that is meant by default."""

    level: str = field(one_of("trace", "debug", "info", "warn", "error"))
    logger: str = field(text(), ROOT)
    duration_seconds: int | None = field(integer(1, DURATION_MAX_S), None)


async def log_levels(call: Call) -> Answer:
    """The levels of loggers, which are modules."""
    return answer(call.program.log_levels)


async def set_log_level(call: Call) -> Answer:
    """Another level of a logger and of those below it, for durationSeconds or for good."""
    change: LoggerChange = read(partial(read_as, record(LoggerChange)), call.json())
    if not change.logger:
        raise invalid((Violation("/logger", MUST_NOT_BE_EMPTY),))
    try:
        call.program.set_log_level(change.logger, change.level, change.duration_seconds)
    except ValueError as error:
        raise Failed(422, str(error)) from error
    return answer(show(change))


async def plugins(call: Call) -> Answer:
    """The plug-ins that were loaded."""
    return answer({"plugins": list(call.program.plugins)})


_PLUGIN_ACTIONS = {"GET": "view", "PUT": "update", "POST": "create", "DELETE": "delete"}


async def plugin(call: Call) -> Answer:
    """What a plug-in answers to what is below its id."""
    name = call.parts["plugin"]
    found = await call.program.ask_plugin(name, call.parts.get("id", ""), call.request)
    if found is None:
        raise Failed(404, f"No plugin with this pluginId: {name}")
    return found


async def subscriptions(call: Call) -> Answer:
    """Callbacks, of which there are none any more: events are at /v2/events."""
    return answer({"callbackUrls": []})


async def no_subscriptions(call: Call) -> Answer:
    """Nobody is called back any more, as in Marathon since 1.5."""
    raise Failed(404, "URI not found: callbacks are gone since Marathon 1.5, and events are at /v2/events")


_PLUGIN = [
    Row(method=method, path=path, handler=plugin, action=action, to=PLUGINS, produces="")
    for method, action in _PLUGIN_ACTIONS.items() for path in ("/v2/plugins/{plugin}", "/v2/plugins/{plugin}/{id}")
]  # fmt: skip

ROWS = (
    Row(method="GET", path="/ping", handler=ping, produces=""),
    Row(method="GET", path="/v2/info", handler=info, action="view", to=SYSTEM_CONFIG),
    Row(method="GET", path="/config", handler=config, action="view", to=SYSTEM_CONFIG),
    Row(method="GET", path="/version", handler=version),
    Row(method="GET", path="/v2/leader", handler=leader, action="view", to=LEADER),
    Row(
        method="DELETE", path="/v2/leader", handler=abdicate, action="update", to=LEADER, query=("backup", "restore"),
    ),
    Row(method="GET", path="/metrics", handler=metrics, action="view", to=SYSTEM_METRICS),
    Row(
        method="GET", path="/metrics/prometheus", handler=prometheus, action="view", to=SYSTEM_METRICS, produces="",
    ),
    Row(method="GET", path="/logging", handler=log_levels, action="view", to=SYSTEM_CONFIG),
    Row(
        method="POST", path="/logging", handler=set_log_level, action="update", to=SYSTEM_CONFIG, takes="LoggerChange",
        gives="LoggerChange",
    ),
    Row(method="GET", path="/v2/plugins", handler=plugins, action="view", to=PLUGINS),
    *_PLUGIN,
    Row(method="GET", path="/v2/eventSubscriptions", handler=subscriptions),
    Row(method="POST", path="/v2/eventSubscriptions", handler=no_subscriptions),
    Row(method="DELETE", path="/v2/eventSubscriptions", handler=no_subscriptions),
)  # fmt: skip
