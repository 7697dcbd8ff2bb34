"""Container images.

Mesos: include/mesos/v1/mesos.proto.
"""

from __future__ import annotations

from mesos_py.wire.schema import WireEnum, message, opt, req
from mesos_py.wire.secret import Credential, Secret
from mesos_py.wire.value import Labels


@message
class Image:
    """A container image."""

    class Type(WireEnum):
        APPC = 1
        DOCKER = 2

    @message
    class Appc:
        name: str = req(1)
        id: str | None = opt(2)
        labels: Labels | None = opt(3)

    @message
    class Docker:
        name: str = req(1)
        #: deprecated
        credential: Credential | None = opt(2)
        #: secret holding docker config JSON
        config: Secret | None = opt(3)

    type: Type = req(1)
    appc: Appc | None = opt(2)
    docker: Docker | None = opt(3)
    #: false = always re-pull
    cached: bool = opt(4, default=True)
