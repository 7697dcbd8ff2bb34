"""The store on real images: what it pulls, how often, what a crash leaves, what pruning takes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from pathlib import Path

import pytest

from mesos_py.agent.provisioner.reference import Archives, Layout, Remote, Source, parse_reference, source
from mesos_py.agent.provisioner.store import Store, StoredImage
from mesos_py.agent.provisioner.tools import ToolFailed
from tests.agent.provisioner import images
from tests.agent.provisioner.conftest import LIMITS, PUSHED
from tests.agent.provisioner.images import directory, file, layer, layout
from tests.agent.provisioner.registry import IMAGES, Registry

pytestmark = IMAGES

ANONYMOUS = '{"auths": {}}'
BASE = layer(directory("etc"), file("etc/motd", b"base"), file("gone", b"x"))
TOP = layer(file("etc/motd", b"top"), file(".wh.gone"))


def local(place: Path, name: str = "a") -> Source:
    return source(parse_reference(name), Layout(str(place)))


def remote(registry: Registry, name: str = PUSHED) -> Source:
    return source(parse_reference(name), Remote(registry.host, is_plain=True))


async def get(store: Store, wanted: Source, *, cached: bool = True, auth: str = ANONYMOUS) -> StoredImage:
    return await store.get(wanted, cached=cached, auth=auth)


def content(image: StoredImage, name: str) -> str:
    return Path(image.rootfs, name).read_text()


async def again(store: Store, used: tuple[str, ...] = ()) -> Store:
    """The store as the next agent finds it."""
    await store.close()
    made = Store(store.directory, LIMITS)
    made.open()
    await made.recover(used)
    return made


async def test_an_image_of_a_layout(store: Store, tmp_path: Path) -> None:
    """Layers lie over each other, a whiteout hides what is below, and the config is read."""
    digest = layout(tmp_path / "l", "a", BASE, TOP, Entrypoint=["/e"], Env=["A=b"])
    image = await get(store, local(tmp_path / "l"))
    assert content(image, "etc/motd") == "top"
    assert sorted(os.listdir(image.rootfs)) == ["etc"]
    assert image.config.entrypoint == ("/e",)
    assert image.config.env == {"A": "b"}
    assert f"sha256:{image.digest}" == digest
    assert os.listdir(f"{store.directory}/staging") == []


async def test_an_image_of_a_registry(store: Store, registry: Registry, tmp_path: Path) -> None:
    """By tag and by digest, with the password of the docker config."""
    digest = layout(tmp_path / "l", "a", BASE)
    registry.push(tmp_path / "l", "a", "other/thing")
    image = await get(store, remote(registry, "other/thing"), auth=registry.docker_config())
    assert content(image, "etc/motd") == "base"
    pinned = remote(registry, f"other/thing@{digest}")
    assert await get(store, pinned, auth=registry.docker_config()) == image


async def test_an_image_of_an_archive(store: Store, tmp_path: Path) -> None:
    """As docker save makes it, in a file called after it; a colon in its name disturbs nobody."""
    layout(tmp_path / "l", "a", BASE, TOP, Cmd=["c"])
    (tmp_path / "archives/sub").mkdir(parents=True)
    made = tmp_path / "archives/sub/thing.tar"
    subprocess.run(["skopeo", "copy", "-q", f"oci:{tmp_path}/l:a", f"docker-archive:{made}:sub/thing:1"], check=True)
    made.rename(made.with_name("thing:1.tar"))
    image = await get(store, source(parse_reference("sub/thing:1"), Archives(f"{tmp_path}/archives")))
    assert content(image, "etc/motd") == "top"
    assert image.config.cmd == ("c",)


async def test_layers_in_zstd(store: Store, tmp_path: Path) -> None:
    """Some registries have them so."""
    layout(tmp_path / "l", "a", BASE, TOP)
    subprocess.run(["skopeo", "copy", "-q", "--dest-compress", "--dest-compress-format=zstd",
                    f"oci:{tmp_path}/l:a", f"oci:{tmp_path}/zstd:a"], check=True)  # fmt: skip
    assert b"tar+zstd" in b"".join(path.read_bytes() for path in (tmp_path / "zstd/blobs/sha256").iterdir())
    assert content(await get(store, local(tmp_path / "zstd")), "etc/motd") == "top"


async def test_one_pull_for_all(store: Store, tmp_path: Path) -> None:
    """Whoever asks meanwhile waits for the same pull, and whoever asks later for none."""
    layout(tmp_path / "l", "a", BASE)
    asked = [asyncio.create_task(get(store, local(tmp_path / "l"))) for _ in range(20)]
    await asyncio.sleep(0)
    assert len(store.pulls()) == 1
    found = await asyncio.gather(*asked)
    assert all(image is found[0] for image in found)
    (tmp_path / "l/index.json").unlink()
    assert await get(store, local(tmp_path / "l")) is found[0]
    assert store.pulls() == ()


async def test_images_share_their_layers(store: Store, tmp_path: Path) -> None:
    """A layer of two images is kept once."""
    layout(tmp_path / "l", "a", BASE)
    layout(tmp_path / "l", "b", BASE, TOP)
    one, two = await get(store, local(tmp_path / "l", "a")), await get(store, local(tmp_path / "l", "b"))
    assert len(one.blobs & two.blobs) == 1
    assert set(os.listdir(f"{store.directory}/blobs/sha256")) == one.blobs | two.blobs


async def test_a_tag_that_moves(store: Store, tmp_path: Path) -> None:
    """Cached means as it was; not cached means as it is now, which is not pulled again if it has not changed."""
    place = tmp_path / "l"
    layout(place, "a", BASE)
    old = await get(store, local(place))
    same = await get(store, local(place), cached=False)
    assert same is old
    (place / "index.json").unlink()
    layout(place, "a", BASE, TOP)
    assert await get(store, local(place)) is old
    new = await get(store, local(place), cached=False)
    assert content(new, "etc/motd") == "top"
    assert await get(store, local(place)) is new
    assert content(old, "etc/motd") == "base"


async def test_a_pull_that_nobody_waits_for(store: Store, tmp_path: Path) -> None:
    """It ends when the last one leaves, not before, and leaves nothing; the next one begins anew."""
    layout(tmp_path / "l", "a", BASE)
    asked = [asyncio.create_task(get(store, local(tmp_path / "l"))) for _ in range(2)]
    await asyncio.sleep(0)
    (pull,) = store.pulls()
    asked[0].cancel()
    await asyncio.wait({asked[0]})
    assert not pull.cancelling()
    asked[1].cancel()
    await asyncio.wait({asked[1], pull})
    assert pull.cancelled()
    assert os.listdir(f"{store.directory}/staging") == []
    assert content(await get(store, local(tmp_path / "l")), "etc/motd") == "base"


async def test_a_restart(store: Store, tmp_path: Path) -> None:
    """What was pulled is known again, without what it was pulled from."""
    layout(tmp_path / "l", "a", BASE, Cmd=["c"])
    image = await get(store, local(tmp_path / "l"))
    (tmp_path / "l/index.json").unlink()
    later = await again(store)
    assert await get(later, local(tmp_path / "l")) == image
    await later.close()


@pytest.mark.parametrize("torn", ["index.json", "manifest.json", "config.json", "rootfs"])
async def test_what_a_crash_has_torn(store: Store, tmp_path: Path, torn: str) -> None:
    """It is dropped and pulled again; what was being pulled is gone."""
    layout(tmp_path / "l", "a", BASE)
    image = await get(store, local(tmp_path / "l"))
    if torn == "index.json":
        Path(store.directory, torn).write_bytes(Path(store.directory, torn).read_bytes()[:-5])
    elif torn == "rootfs":
        os.rename(image.rootfs, f"{image.rootfs}.half")
    else:
        Path(image.rootfs).with_name(torn).write_bytes(b"{")
    os.makedirs(f"{store.directory}/staging/half/image/rootfs")
    later = await again(store)
    assert os.listdir(f"{later.directory}/staging") == []
    assert os.listdir(f"{later.directory}/images") == []
    assert await get(later, local(tmp_path / "l")) == image
    await later.close()


async def test_a_layer_that_has_rotted(store: Store, tmp_path: Path) -> None:
    """A kept blob that no longer is what its name says is fetched again, and nobody notices."""
    layout(tmp_path / "l", "a", BASE)
    layout(tmp_path / "l", "b", BASE, TOP)
    one = await get(store, local(tmp_path / "l", "a"))
    (shared,) = one.blobs & {digest.removeprefix("sha256:") for digest in os.listdir(tmp_path / "l/blobs/sha256")} - {
        one.digest, json.loads(Path(one.rootfs).with_name("manifest.json").read_text())["config"]["digest"][7:]
    }  # fmt: skip
    blob = Path(store.directory, "blobs/sha256", shared)
    blob.write_bytes(blob.read_bytes()[:-20] + bytes(20))
    os.utime(blob, (0, 0))
    two = await get(store, local(tmp_path / "l", "b"))
    assert content(two, "etc/motd") == "top"
    assert images.digest(blob.read_bytes()) == f"sha256:{shared}"


async def test_pruning(store: Store, tmp_path: Path) -> None:
    """Unused images go with their blobs; used, excluded and held ones stay, also over a restart."""
    wanted = {name: local(tmp_path / "l", name) for name in ("used", "excluded", "held", "unused")}
    found = {}
    for name, one in wanted.items():
        layout(tmp_path / "l", name, BASE, layer(file(name)))
        found[name] = await get(store, one)
    for blob in os.scandir(f"{store.directory}/blobs/sha256"):
        os.utime(blob, (0, 0))  # what has come just now may belong to a pull that is about to begin
    with store.hold(wanted["held"]):
        assert await store.prune({wanted["excluded"].key}, {found["used"].digest}) == 1
    kept = [found[name] for name in ("used", "excluded", "held")]
    assert set(os.listdir(f"{store.directory}/images")) == {image.digest for image in kept}
    assert set(os.listdir(f"{store.directory}/blobs/sha256")) == {blob for image in kept for blob in image.blobs}
    later = await again(store)
    assert {one.digest for one in [await get(later, wanted["used"]), await get(later, wanted["held"])]} == {
        found["used"].digest, found["held"].digest
    }  # fmt: skip
    assert await later.prune((), ()) == 3
    assert os.listdir(f"{later.directory}/images") == os.listdir(f"{later.directory}/blobs/sha256") == []
    await later.close()


async def test_an_image_without_a_name_lives_as_long_as_it_is_used(store: Store, tmp_path: Path) -> None:
    """Its tag has moved on; a container still runs it when the agent starts again."""
    place = tmp_path / "l"
    layout(place, "a", BASE)
    old = await get(store, local(place))
    (place / "index.json").unlink()
    layout(place, "a", TOP)
    await get(store, local(place), cached=False)
    later = await again(store, (old.digest,))
    assert content(old, "etc/motd") == "base"
    assert await later.prune({local(place).key}, ()) == 1
    assert not os.path.exists(old.rootfs)
    await later.close()


async def test_pruning_while_an_image_comes(store: Store, tmp_path: Path) -> None:
    """Whatever is pruned when, an image that is asked for and held is there at the end."""
    place = tmp_path / "l"
    layout(place, "a", BASE)
    layout(place, "b", BASE, TOP)
    await get(store, local(place, "b"))
    with store.hold(local(place)):
        asked = asyncio.create_task(get(store, local(place)))
        while not asked.done():
            await store.prune((), ())
            await asyncio.sleep(0.001)
        assert content(await asked, "etc/motd") == "base"
        assert await store.prune((), ()) == 0
    assert await store.prune((), ()) == 1


async def test_a_store_has_one_agent(store: Store) -> None:
    with pytest.raises(ValueError, match="another agent uses the images in"):
        Store(store.directory, LIMITS).open()


async def test_a_store_is_nobody_elses(tmp_path: Path) -> None:
    """Neither of another user nor in a directory where he could exchange it; what was open is closed."""
    outer = tmp_path / "outer"
    outer.mkdir()
    os.chown(outer, 65534, 65534)
    with pytest.raises(ValueError, match="another user may write to"):
        Store(str(outer / "store"), LIMITS).open()
    os.chown(outer, 0, 0)
    outer.chmod(0o777)
    with pytest.raises(ValueError, match="another user may write to"):
        Store(str(outer / "store"), LIMITS).open()
    outer.chmod(0o1777)
    made = Store(str(outer / "store"), LIMITS)
    made.open()
    assert os.stat(made.directory).st_mode & 0o777 == 0o700
    await made.close()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("some/nothing:1", "reading manifest 1 in 127.0.0.1:[0-9]*/some/nothing: manifest unknown$"),
        ("some/thing:nothing", "reading manifest nothing in 127.0.0.1:[0-9]*/some/thing: manifest unknown$"),
        (f"some/thing@sha256:{'0' * 64}", "manifest unknown"),
        ("127.0.0.1:1/a", "connection refused"),
        ("localhost:1/a", "connection refused"),
    ],
)
async def test_what_a_registry_does_not_have(store: Store, registry: Registry, name: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        await get(store, remote(registry, name), auth=registry.docker_config())


@pytest.mark.parametrize("password", [None, "wrong"])
async def test_who_may_not_pull(store: Store, registry: Registry, password: str | None) -> None:
    """Without a password, and with a wrong one, which the text does not repeat; whoever may, meanwhile, can."""
    auth = ANONYMOUS if password is None else registry.docker_config(password)
    right = asyncio.create_task(get(store, remote(registry), auth=registry.docker_config()))
    with pytest.raises(ToolFailed, match="unauthorized: authentication required") as caught:
        await get(store, remote(registry), auth=auth)
    assert "wrong" not in str(caught.value)
    assert content(await right, "etc/motd") == "pushed"


async def test_tls_is_left_out_only_where_the_operator_says_so(store: Store, registry: Registry) -> None:
    wanted = source(parse_reference(f"{registry.host}/{PUSHED}"), Remote("127.0.0.1:1", is_plain=True))
    with pytest.raises(ToolFailed, match="server gave HTTP response to HTTPS client"):
        await get(store, wanted, auth=registry.docker_config())


async def test_what_is_not_there(store: Store, tmp_path: Path) -> None:
    """Archives, layouts, and digests that do not say what is asked for."""
    digest = layout(tmp_path / "l", "a", BASE)
    with pytest.raises(ToolFailed, match=r"there is no '.*/nothing.tar'"):
        await get(store, source(parse_reference("nothing"), Archives(str(tmp_path))))
    with pytest.raises(ToolFailed, match="no descriptor found for reference \"b\""):
        await get(store, local(tmp_path / "l", "b"))
    with pytest.raises(ToolFailed, match=f"its digest is {digest}, not sha256:00"):
        await get(store, local(tmp_path / "l", f"a@sha256:{'0' * 64}"))
    assert (await get(store, local(tmp_path / "l", f"a@{digest}"))).digest == digest[7:]
    (tmp_path / "bad.tar").write_bytes(b"not an archive")
    with pytest.raises(ToolFailed, match="unexpected EOF"):
        await get(store, source(parse_reference("bad"), Archives(str(tmp_path))))
