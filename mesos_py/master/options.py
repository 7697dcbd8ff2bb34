"""What an operator may choose about a master, with Mesos' flags, defaults and bounds.

Durations are in seconds as given by the operator; the core converts once. Mesos: src/master/flags.cpp,
src/master/constants.hpp.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from mesos_py.algebra.quantities import Quantities
from mesos_py.algebra.roles import DEFAULT_ROLE
from mesos_py.flags import (
    BOOLEAN,
    INTEGER,
    MINIMA,
    NAMES,
    PERCENT,
    PORT,
    RATE,
    ROLES,
    SECONDS,
    SECRET,
    SIZE,
    TEXT,
    URL,
    WEIGHTS,
    Rate,
    bounded,
    one_of,
    option,
)

MIN_AGENT_REREGISTER_TIMEOUT_S = 600  # seconds; mesos src/master/constants.hpp MIN_AGENT_REREGISTER_TIMEOUT

_COUNT = bounded(INTEGER, least=0)
_SORTER = one_of("drf", "random")


@attrs.frozen(kw_only=True)
class Options:
    """Settings of one master; all have Mesos' defaults, but that it listens on loopback until told otherwise."""

    # ------------------------------------------------------------------------------------------ addresses
    ip: str = option(TEXT, "127.0.0.1", "Address to listen on.", group="Addresses")
    port: int = option(PORT, 5050, "Port to listen on; 0 picks a free one.", group="Addresses")
    advertise_ip: str | None = option(TEXT, None, "Address told to others, if they cannot use --ip.", group="Addresses")
    advertise_port: int | None = option(
        PORT, None, "Port told to others, if they cannot use --port.", group="Addresses"
    )
    hostname: str | None = option(
        TEXT, None, "Name told to others, which must resolve for them; unset: the ip.", group="Addresses"
    )
    cluster: str | None = option(TEXT, None, "Name of the cluster, as the web pages show it.", group="Addresses")

    # ------------------------------------------------------------------------------------------ storage
    work_dir: str | None = option(TEXT, None, "Where what must survive a master is kept.", group="Storage")

    zk: str | None = option(
        URL,
        None,
        "zk://user:password@host1:port1,host2:port2/path: masters elect their leader there, and keep the registry "
        "there rather than in --work_dir; unset: this is the only master.",
        group="Storage",
    )
    zk_session_timeout_s: float = option(
        bounded(SECONDS, least=1, most=40),
        10.0,
        "A master that ZooKeeper hears nothing of for so long leads no more.",
        group="Storage",
    )
    journal: str | None = option(
        TEXT,
        None,
        "Directory for a record of everything that reaches this master, for 'mesos-py replay' and 'mesos-py story'; it"
        " holds what frameworks send, secrets included. Unset: nothing is recorded.",
        group="Storage",
    )
    journal_size: int = option(
        bounded(SIZE, least=1 << 20), 256 << 20, "The oldest events are forgotten beyond that.", group="Storage"
    )

    registry_gc_interval_s: float = option(
        bounded(SECONDS, least=1), 15 * 60.0, "How often the registry is looked through for what it may forget.",
        group="Storage",
    )
    registry_max_agent_age_s: float = option(
        SECONDS, 14 * 86_400.0, "Unreachable and gone agents are remembered for so long.", group="Storage"
    )
    registry_max_agent_count: int = option(
        _COUNT, 102_400, "So many unreachable agents are remembered, and so many gone ones.", group="Storage"
    )

    # ------------------------------------------------------------------------------------------ frameworks and offers
    offer_timeout_s: float | None = option(
        bounded(SECONDS, least=0.001),
        None,
        "An offer that is not answered is taken back after so long; unset: never.",
        group="Offers",
    )
    allocation_interval_s: float = option(
        bounded(SECONDS, least=0.001),
        1.0,
        "Pause between two rounds over all agents; what events touch is offered between them.",
        group="Offers",
    )
    min_allocatable_resources: tuple[Quantities, ...] = option(
        MINIMA,
        (Quantities.of(cpus=0.01), Quantities.of(mem=32)),
        "An offer holds at least one of these sets; empty: anything is offered.",
        group="Offers",
    )
    filter_gpu_resources: bool = option(
        BOOLEAN, True, "Agents with GPUs go only to frameworks with GPU_RESOURCES.", group="Offers"
    )
    role_sorter: str = option(_SORTER, "drf", "How roles take turns.", group="Offers")
    framework_sorter: str = option(_SORTER, "drf", "How the frameworks of a role take turns.", group="Offers")
    fairness_excluded: tuple[str, ...] = option(
        NAMES,
        (),
        "Resources that do not count for fair shares.",
        group="Offers",
        flag="fair_sharing_excluded_resource_names",
    )
    roles: tuple[str, ...] | None = option(
        ROLES, None, "Roles that frameworks may use; unset: any.", group="Frameworks"
    )
    weights: Mapping[str, float] = option(
        WEIGHTS,
        attrs.Factory(dict),
        "Weight of each role's fair share; a role that is not named has 1.",
        group="Frameworks",
    )
    root_submissions: bool = option(BOOLEAN, True, "Frameworks may run as root.", group="Frameworks")
    max_completed_frameworks: int = option(_COUNT, 50, "So many ended frameworks are remembered.", group="Frameworks")
    max_completed_tasks_per_framework: int = option(
        _COUNT, 1000, "So many ended tasks of each framework are remembered.", group="Frameworks"
    )
    max_unreachable_tasks_per_framework: int = option(
        _COUNT, 1000, "So many unreachable tasks of each framework are remembered.", group="Frameworks"
    )

    # ------------------------------------------------------------------------------------------ agents
    agent_ping_timeout_s: float = option(
        bounded(SECONDS, least=1, most=900),
        15.0,
        "An agent's answer to a ping is missing after so long.",
        group="Agents",
    )
    max_agent_ping_timeouts: int = option(
        bounded(INTEGER, least=1), 5, "So many missing answers in a row make an agent unreachable.", group="Agents"
    )
    agent_reregister_timeout_s: float = option(
        bounded(SECONDS, least=MIN_AGENT_REREGISTER_TIMEOUT_S),
        MIN_AGENT_REREGISTER_TIMEOUT_S,
        "A new master, or one that lost the connection, waits so long for an agent.",
        group="Agents",
    )
    recovery_agent_removal_limit: float = option(
        PERCENT,
        100.0,
        "A new master that would have to give up a larger part of its agents ends instead, so that somebody looks.",
        group="Agents",
    )
    agent_removal_rate_limit: Rate | None = option(
        RATE,
        None,
        "At most so many agents in so long, as 1/10mins, are given up that do not answer or did not come back; "
        "unset: all at once. Partition-aware frameworks hear at once that tasks are unreachable.",
        group="Agents",
    )
    authenticate_agents: bool = option(BOOLEAN, False, "Agents must say who they are.", group="Agents")

    # ------------------------------------------------------------------------------------------ HTTP
    authenticate_http_readonly: bool = option(
        BOOLEAN, False, "Endpoints that only show something ask who is there.", group="HTTP"
    )
    authenticate_http_readwrite: bool = option(
        BOOLEAN, False, "The operator API and endpoints that change something ask who is there.", group="HTTP"
    )
    authenticate_http_frameworks: bool = option(BOOLEAN, False, "Schedulers must say who they are.", group="HTTP")
    credentials: str | None = option(
        SECRET,
        None,
        "Who may come in: the path of JSON or of lines 'principal secret'.",
        group="HTTP",
    )
    firewall_rules: str | None = option(
        TEXT, None, 'Endpoints switched off, as {"disabled_endpoints":{"paths":["/files/browse"]}}.', group="HTTP"
    )
    max_operator_event_stream_subscribers: int = option(
        bounded(INTEGER, least=1), 1000, "One more closes the oldest subscription.", group="HTTP"
    )
    max_request_size: int = option(SIZE, 64 << 20, "A larger request body is refused.", group="HTTP")
    max_unread_events_size: int = option(
        SIZE, 16 << 20, "A subscriber that leaves more unread is cut off.", group="HTTP"
    )
    publish_per_framework_metrics: bool = option(BOOLEAN, True, "Metrics tell what each framework does.", group="HTTP")
    log_dir: str | None = option(TEXT, None, "Directory for a copy of the log, which /files shows.", group="HTTP")
    external_log_file: str | None = option(TEXT, None, "File that /files shows as the log instead.", group="HTTP")

    # ------------------------------------------------------------------------------------------ no flags: constants
    #: SUBSCRIBED tells it, HEARTBEAT events keep to it, seconds (DEFAULT_HEARTBEAT_INTERVAL)
    heartbeat_interval_s: float = 15.0

    def allows_role(self, role: str) -> bool:
        """Frameworks may be in it, and operators may say something of it."""
        return self.roles is None or role == DEFAULT_ROLE or role in self.roles

    @property
    def total_ping_timeout_s(self) -> float:
        """An agent that hears nothing for so long looks for a master again."""
        return self.agent_ping_timeout_s * self.max_agent_ping_timeouts
