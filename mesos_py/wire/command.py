"""What to run: command, environment, files to fetch.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, rep, req
from mesos_py.wire.secret import Secret


@message
class Environment:
    """Variables of a command, in order."""

    @message
    class Variable:
        class Type(WireEnum):
            UNKNOWN = 0
            VALUE = 1
            SECRET = 2

        name: str = req(1)
        #: VALUE needs value; SECRET needs secret; UNKNOWN rejected
        type: Type = opt(3, default=Type.VALUE)
        value: str | None = opt(2)
        secret: Secret | None = opt(4)

    variables: tuple[Variable, ...] = rep(1)


@message
class CommandInfo:
    """What to run, as whom, with which files fetched before."""

    @message
    class URI:
        value: str = req(1)
        #: chmod +x, implies no extraction
        executable: bool | None = opt(2)
        #: tar/zip/gz family into sandbox
        extract: bool = opt(3, default=True)
        #: use agent fetcher cache
        cache: bool | None = opt(4)
        #: relative path inside sandbox
        output_file: str | None = opt(5)

    uris: tuple[URI, ...] = rep(1)
    environment: Environment | None = opt(2)
    #: true: /bin/sh -c value ; false: execvp(value, arguments) (arguments[0] is argv[0])
    shell: bool = opt(6, default=True)
    value: str | None = opt(3)
    arguments: tuple[str, ...] = rep(7)
    #: overrides FrameworkInfo.user
    user: str | None = opt(5)
