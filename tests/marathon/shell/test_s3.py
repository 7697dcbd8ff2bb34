"""Objects of S3: signatures as AWS' documents have them, and a store that is asked over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from frameworks.marathon_py.shell import backup
from frameworks.marathon_py.shell.s3 import Keys, Place, check, get, place_of, put, shown, signed
from mesos_py.web.request import Request
from mesos_py.web.response import Response
from mesos_py.web.server import Server

#: of the examples in AWS' "Signature Calculations for the Authorization Header"
EXAMPLE = Place(
    bucket="examplebucket", key="test.txt", region="us-east-1", endpoint="https://s3.amazonaws.com",
    keys=Keys(access="AKIAIOSFODNN7EXAMPLE", secret="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
)  # fmt: skip
HOST = {"host": "examplebucket.s3.amazonaws.com"}
THEN_S = 1_369_353_600.0  # 2013-05-24T00:00:00Z


@pytest.mark.parametrize(("method", "path", "headers", "body", "signature"), [
    ("GET", "/test.txt", {"range": "bytes=0-9"}, b"",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
    ("PUT", "/test%24file.text", {"date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY"},
     b"Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"),
])  # fmt: skip
def test_signatures_are_those_of_the_documents(
    method: str, path: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    found = signed(method, path, {**HOST, **headers}, body, EXAMPLE, THEN_S)
    assert found["Authorization"].startswith(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=")
    assert found["Authorization"].endswith(f"Signature={signature}")


def test_a_session_is_named_and_signed() -> None:
    place = place_of("s3://b/k", {
        "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_REGION": "eu-west-1",
    })  # fmt: skip
    assert (place.url, place.keys.token) == ("https://s3.eu-west-1.amazonaws.com/b/k", "t")
    found = signed("GET", "/b/k", HOST, b"", place, THEN_S)
    assert found["x-amz-security-token"] == "t" and "x-amz-security-token" in found["Authorization"]


def test_the_uri_says_more_than_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s", "AWS_ENDPOINT_URL_S3": "http://other:9"}
    place = place_of("s3://my.bucket/a%20b/c?region=x&access_key=A&secret_key=S%2B&endpoint=http://h:1/", environ)
    assert (place.bucket, place.key, place.region) == ("my.bucket", "a b/c", "x")
    assert (place.keys, place.url) == (Keys(access="A", secret="S+"), "http://h:1/my.bucket/a%20b/c")
    assert place_of("s3://b/k", environ).url == "http://other:9/b/k"


@pytest.mark.parametrize("uri", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "file:///x", ""])
def test_what_names_no_object_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="names no object of S3"):
        check(uri)


def test_no_secret_is_shown() -> None:
    assert shown("s3://b/k?access_key=A&secret_key=S") == "s3://b/k?..."
    with pytest.raises(ValueError, match="no keys") as caught:
        place_of("s3://b/k?secret_key=hidden", {})
    assert "hidden" not in str(caught.value) + repr(Keys(access="A", secret="hidden", token="hidden"))


class Store:
    """Of objects by their paths; whoever names another key than ``A`` is refused."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def __call__(self, request: Request) -> Response:
        if "Credential=A/" not in request.headers["Authorization"]:
            return Response(403, b"<Code>AccessDenied</Code>")
        if request.method == "PUT":
            self.objects[request.path] = request.body()
            return Response(200)
        found = self.objects.get(request.path)
        return Response(404, b"<Code>NoSuchKey</Code>") if found is None else Response(200, found)


@contextlib.asynccontextmanager
async def stored() -> AsyncIterator[tuple[Store, str]]:
    """A store, and the query of URIs that lead to it."""
    server = Server(store := Store())
    port = await server.start("127.0.0.1", 0)
    try:
        yield store, f"endpoint=http://127.0.0.1:{port}&secret_key=S"
    finally:
        await server.close(0.0)


async def test_what_was_put_is_got() -> None:
    async with stored() as (store, query):
        place = place_of(f"s3://b/dir/a%20b?{query}&access_key=A", {})
        await put(place, b"contents")
        assert store.objects == {"/b/dir/a b": b"contents"}
        assert await get(place) == b"contents"


async def test_what_the_store_says_is_told() -> None:
    async with stored() as (_, query):
        with pytest.raises(OSError, match="answers 404 Not Found: <Code>NoSuchKey"):
            await get(place_of(f"s3://b/k?{query}&access_key=A", {}))
        with pytest.raises(OSError, match="answers 403 Forbidden"):
            await put(place_of(f"s3://b/k?{query}&access_key=B", {}), b"")
    with pytest.raises(OSError, match="S3 at http://127"):
        await get(place_of(f"s3://b/k?{query}&access_key=A", {}))


async def test_a_backup_is_an_object() -> None:
    """And one that is something else is seen to be that."""
    async with stored() as (store, query):
        uri = f"s3://b/k?{query}&access_key=A"
        records = {("a", "b"): b"c"}
        await backup.write(uri, records, "Marathon", 1)
        assert await backup.read(uri) == records
        store.objects["/b/k"] = b"something else"
        with pytest.raises(backup.BadBackup, match=r"s3://b/k\?\.\.\. is no backup"):
            await backup.read(uri)
