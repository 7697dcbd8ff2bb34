"""Objects of S3: Amazon's library asks a store over real HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from frameworks.marathon_py.shell import backup
from frameworks.marathon_py.shell.s3 import check, get, put, shown
from mesos_py.web.request import Request
from mesos_py.web.response import Response
from mesos_py.web.server import Server


@pytest.mark.parametrize("uri", ["s3://", "s3://bucket", "s3://bucket/", "s3:///key", "file:///x", ""])
def test_what_names_no_object_is_refused(uri: str) -> None:
    with pytest.raises(ValueError, match="names no object of S3"):
        check(uri)


def test_no_secret_is_shown() -> None:
    assert shown("s3://b/k?access_key=A&secret_key=S") == "s3://b/k?..."


def test_what_cannot_be_asked_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a backup is told at once, and not the leader that comes after."""
    for half in ("access_key=A", "secret_key=S&access_key="):
        with pytest.raises(ValueError, match="has half a key"):
            check(f"s3://bucket/k?{half}")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"'s3://b/k\?\.\.\.' needs boto3, which is not installed here: pip install"):
        backup.check("s3://b/k?x")


class Store:
    """Of objects by their paths; whoever names another key than ``A`` is refused."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    async def __call__(self, request: Request) -> Response:
        if "Credential=A/" not in request.headers["Authorization"]:
            return refused(403, "AccessDenied")
        if request.method == "PUT":
            self.objects[request.path] = request.body()
            return Response(200)
        found = self.objects.get(request.path)
        return refused(404, "NoSuchKey") if found is None else Response(200, found)


def refused(status: int, code: str) -> Response:
    return Response(status, f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode())


@contextlib.asynccontextmanager
async def stored() -> AsyncIterator[tuple[Store, str]]:
    """A store, and the query of URIs that lead to it."""
    server = Server(store := Store())
    port = await server.start("127.0.0.1", 0)
    try:
        yield store, f"endpoint=http://127.0.0.1:{port}&secret_key=S%2B"
    finally:
        await server.close(0.0)


async def test_what_was_put_is_got() -> None:
    async with stored() as (store, query):
        uri = f"s3://bucket/dir/a%20b?{query}&access_key=A"
        await put(uri, b"contents")
        assert store.objects == {"/bucket/dir/a b": b"contents"}
        assert await get(uri) == b"contents"


async def test_keys_may_be_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stored() as (store, query):
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", query.partition("&")[0].removeprefix("endpoint="))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
        await put("s3://bucket/key", b"contents")
        assert store.objects == {"/bucket/key": b"contents"}


async def test_what_the_store_says_is_told() -> None:
    async with stored() as (_, query):
        with pytest.raises(OSError, match=r"S3: .*NoSuchKey.* so it is"):
            await get(f"s3://bucket/k?{query}&access_key=A")
        with pytest.raises(OSError, match="AccessDenied"):
            await put(f"s3://bucket/k?{query}&access_key=B", b"")
    with pytest.raises(OSError, match="Could not connect to the endpoint"):
        await get(f"s3://bucket/k?{query}&access_key=A")
    with pytest.raises(OSError, match="Invalid endpoint: no-url"):
        await get("s3://bucket/k?access_key=A&secret_key=S&endpoint=no-url")


async def test_a_backup_is_an_object() -> None:
    """And one that is something else is seen to be that."""
    async with stored() as (store, query):
        uri = f"s3://bucket/k?{query}&access_key=A"
        records = {("a", "b"): b"c"}
        await backup.write(uri, records, "Marathon", 1)
        assert await backup.read(uri) == records
        store.objects["/bucket/k"] = b"something else"
        with pytest.raises(backup.BadBackup, match=r"s3://bucket/k\?\.\.\. is no backup"):
            await backup.read(uri)
