"""Objects of S3, or of another store that speaks as S3 does, by Amazon's own library.

==================================  ==================================================================================
in the URI, as Marathon has it      or wherever boto3 looks: environment, ``~/.aws``, the role of the machine
==================================  ==================================================================================
access_key, secret_key              AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN ...
region                              AWS_DEFAULT_REGION ...; us-east-1
endpoint                            AWS_ENDPOINT_URL_S3 ...
==================================  ==================================================================================

``pip install 'mesos_py[s3]'`` brings the library; most have no use for its size.
Source: mesosphere/marathon .../stream/UriIO.scala
"""

from __future__ import annotations

import asyncio
import importlib.util
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

REGION: Final = "us-east-1"
TIMEOUT_S: Final = 60  # for a connection, and without a word from the store
ATTEMPTS: Final = 3
HIDDEN: Final = "..."


def check(uri: str) -> None:
    """Raises ValueError for what names no object, and where nobody could ask for one. Who may, the store knows."""
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc or len(parts.path) < 2:
        raise ValueError(f"'{shown(uri)}' names no object of S3: use s3://bucket/key")
    if len(_said(uri).keys() & {"access_key", "secret_key"}) == 1:
        raise ValueError(f"'{shown(uri)}' has half a key: access_key and secret_key go together")
    if importlib.util.find_spec("boto3") is None:
        raise ValueError(f"'{shown(uri)}' needs boto3, which is not installed here: pip install 'mesos_py[s3]'")


def shown(uri: str) -> str:
    """For people: without what is secret."""
    before, mark, _ = uri.partition("?")
    return f"{before}?{HIDDEN}" if mark else uri


async def put(uri: str, contents: bytes) -> None:
    """The object is there as a whole. Raises ValueError, OSError."""
    await asyncio.to_thread(_ask, uri, "put_object", Body=contents)


async def get(uri: str) -> bytes:
    """Raises ValueError, OSError."""
    return await asyncio.to_thread(_read, uri)


def _read(uri: str) -> bytes:
    contents: bytes = _ask(uri, "get_object")["Body"].read()
    return contents


def _said(uri: str) -> dict[str, str]:
    return {key: values[-1] for key, values in parse_qs(urlsplit(uri).query).items()}


def _ask(uri: str, name: str, **more: Any) -> Any:
    check(uri)
    import boto3  # an extra, and half a second of every start
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    parts, said = urlsplit(uri), _said(uri)
    session = boto3.session.Session(
        aws_access_key_id=said.get("access_key"), aws_secret_access_key=said.get("secret_key"),
        region_name=said.get("region"),
    )  # fmt: skip
    settings = Config(
        connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        # Other stores than Amazon's may know no checksums.
        request_checksum_calculation="when_required", response_checksum_validation="when_required",
    )  # fmt: skip
    try:
        client = session.client(
            "s3", region_name=session.region_name or REGION, endpoint_url=said.get("endpoint"), config=settings
        )
        return getattr(client, name)(Bucket=parts.netloc, Key=unquote(parts.path[1:]), **more)
    except (BotoCoreError, ClientError, ValueError) as error:
        raise OSError(f"S3: {error}") from error
