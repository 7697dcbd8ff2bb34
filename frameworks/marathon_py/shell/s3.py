"""Objects of S3, read and written: ``s3://bucket/key``, over requests that are signed with a secret key.

==================================  ==================================================================================
in the URI, as Marathon has it      or in the environment
==================================  ==================================================================================
access_key, secret_key              AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN with them
region                              AWS_REGION; us-east-1
endpoint                            AWS_ENDPOINT_URL_S3: URL of another store that speaks as S3 does
==================================  ==================================================================================

No other places are looked at for keys: not files, and not the machine that this runs on.
Source: mesosphere/marathon .../stream/UriIO.scala; AWS' documents of "Signature Version 4" for S3.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from urllib.parse import parse_qs, quote, unquote, urlsplit

import aiohttp
import attrs
from yarl import URL

REGION = "us-east-1"
TIMEOUT_S = 120.0  # without a word from the store
OBJECT_BYTES_MAX = 5 << 30  # what S3 takes in one request
ERROR_CHARACTERS_MAX = 300  # of what the store says
HIDDEN = "..."


@attrs.frozen(kw_only=True)
class Keys:
    """Who asks."""

    access: str
    secret: str = attrs.field(repr=False)
    token: str = attrs.field(default="", repr=False)


@attrs.frozen(kw_only=True)
class Place:
    """Where an object is."""

    bucket: str
    key: str
    region: str
    endpoint: str
    keys: Keys

    @property
    def url(self) -> str:
        """The bucket is in the path: names with dots in them fit no certificate."""
        return f"{self.endpoint.rstrip('/')}/{_escaped(self.bucket)}/{_escaped(self.key)}"


def check(uri: str) -> None:
    """Raises ValueError for what names no object. Who may read it, the next leader knows."""
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc or len(parts.path) < 2:
        raise ValueError(f"'{shown(uri)}' names no object of S3: use s3://bucket/key")


def shown(uri: str) -> str:
    """For people: without what is secret."""
    before, mark, _ = uri.partition("?")
    return f"{before}?{HIDDEN}" if mark else uri


def place_of(uri: str, environ: Mapping[str, str] = os.environ) -> Place:
    """Raises ValueError, also when nobody says with which keys."""
    check(uri)
    parts = urlsplit(uri)
    said = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if "access_key" in said and "secret_key" in said:
        keys = Keys(access=said["access_key"], secret=said["secret_key"])
    elif environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY"):
        keys = Keys(
            access=environ["AWS_ACCESS_KEY_ID"], secret=environ["AWS_SECRET_ACCESS_KEY"],
            token=environ.get("AWS_SESSION_TOKEN", ""),
        )  # fmt: skip
    else:
        raise ValueError(f"'{shown(uri)}': no keys, neither access_key and secret_key in it nor AWS_ACCESS_KEY_ID and "
                         "AWS_SECRET_ACCESS_KEY in the environment")  # fmt: skip
    region = said.get("region") or environ.get("AWS_REGION") or REGION
    endpoint = said.get("endpoint") or environ.get("AWS_ENDPOINT_URL_S3") or f"https://s3.{region}.amazonaws.com"
    return Place(bucket=parts.netloc, key=unquote(parts.path[1:]), region=region, endpoint=endpoint, keys=keys)


async def put(place: Place, contents: bytes) -> None:
    """The object is there as a whole. Raises OSError."""
    await _ask("PUT", place, contents)


async def get(place: Place) -> bytes:
    """Raises OSError."""
    return await _ask("GET", place, b"")


async def _ask(method: str, place: Place, body: bytes) -> bytes:
    if len(body) > OBJECT_BYTES_MAX:
        raise OSError(f"{len(body)} bytes are more than S3 takes at once")
    url = URL(place.url, encoded=True)
    host = url.host if url.is_default_port() else f"{url.host}:{url.port}"
    headers = signed(method, url.raw_path, {"host": str(host)}, body, place, time.time())
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=TIMEOUT_S, sock_read=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as client,
            client.request(method, url, data=body or None, headers=headers, allow_redirects=False) as answer,
        ):  # fmt: skip
            found = await answer.read()
    except aiohttp.ClientError as error:
        raise OSError(f"S3 at {place.endpoint}: {error}") from error
    if answer.status != 200:
        text = found.decode(errors="replace")[:ERROR_CHARACTERS_MAX]
        raise OSError(f"S3 at {place.endpoint} answers {answer.status} {answer.reason}: {text}")
    return found


def signed(
    method: str, path: str, headers: Mapping[str, str], body: bytes, place: Place, now_s: float
) -> dict[str, str]:
    """The headers, names in small letters, and those that prove who asks; ``path`` is as it is sent."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    digest = hashlib.sha256(body).hexdigest()
    every = {**headers, "x-amz-content-sha256": digest, "x-amz-date": moment}
    if place.keys.token:
        every["x-amz-security-token"] = place.keys.token
    names = ";".join(sorted(every))
    lines = "".join(f"{name}:{every[name].strip()}\n" for name in sorted(every))
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{moment[:8]}/{place.region}/s3/aws4_request"
    said = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = b"AWS4" + place.keys.secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, said.encode(), "sha256").hex()
    credential = f"Credential={place.keys.access}/{scope}"
    return {**every, "Authorization": f"AWS4-HMAC-SHA256 {credential},SignedHeaders={names},Signature={signature}"}


def _escaped(text: str) -> str:
    return quote(text, safe="/-._~")
