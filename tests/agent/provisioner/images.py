"""Images made by hand, so that they may be as wrong as one wants: OCI layouts of layers that are tar files."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import attrs

TYPE = "application/vnd.oci.image"


@attrs.frozen
class Member:
    """One member of a layer."""

    name: str
    data: bytes | None = None
    fields: dict[str, Any] = attrs.Factory(dict)


def file(name: str, data: bytes = b"", *, mode: int = 0o644, **fields: Any) -> Member:
    return Member(name, data, {"mode": mode, **fields})


def directory(name: str, *, mode: int = 0o755, **fields: Any) -> Member:
    return Member(name, None, {"type": tarfile.DIRTYPE, "mode": mode, **fields})


def symlink(name: str, target: str) -> Member:
    return Member(name, None, {"type": tarfile.SYMTYPE, "linkname": target})


def hard_link(name: str, target: str) -> Member:
    return Member(name, None, {"type": tarfile.LNKTYPE, "linkname": target})


def device(name: str, type: bytes = tarfile.CHRTYPE, major: int = 1, minor: int = 3) -> Member:
    return Member(name, None, {"type": type, "devmajor": major, "devminor": minor, "mode": 0o666})


def layer(*members: Member) -> bytes:
    """An uncompressed tar file."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            for name, value in member.fields.items():
                setattr(info, name, value)
            info.size = len(member.data or b"")
            archive.addfile(info, None if member.data is None else io.BytesIO(member.data))
    return out.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def layout(place: Path, name: str, *layers: bytes, **config: Any) -> str:
    """A layout that has, under this name, an image of these layers; the digest of its manifest."""
    (place / "blobs/sha256").mkdir(parents=True, exist_ok=True)
    packed = {one: _blob(place, "layer.v1.tar+gzip", gzip.compress(one, 1, mtime=0)) for one in layers}
    parts = [packed[one] for one in layers]
    said = {
        "architecture": "amd64", "os": "linux", "config": config,
        "rootfs": {"type": "layers", "diff_ids": [digest(one) for one in layers]},
    }  # fmt: skip
    whole = {
        "schemaVersion": 2, "mediaType": f"{TYPE}.manifest.v1+json", "layers": parts,
        "config": _blob(place, "config.v1+json", json.dumps(said).encode()),
    }  # fmt: skip
    made = _blob(place, "manifest.v1+json", json.dumps(whole).encode())
    index: dict[str, Any] = {"schemaVersion": 2, "manifests": []}
    if (place / "index.json").exists():
        index = json.loads((place / "index.json").read_text())
    index["manifests"] = [*index["manifests"], made | {"annotations": {"org.opencontainers.image.ref.name": name}}]
    (place / "index.json").write_text(json.dumps(index))
    (place / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return str(made["digest"])


#: Programs of the image of busybox.
TOOLS = (
    "sh", "cat", "dd", "env", "grep", "head", "id", "ls", "mkdir", "mknod", "mount", "setsid", "sleep", "stat", "touch",
    "wc",
)  # fmt: skip


def busybox(place: Path, name: str, **config: Any) -> str:
    """A layout's image of Debian's static busybox: the least in which a shell script runs."""
    tools = [symlink(f"bin/{tool}", "busybox") for tool in TOOLS]
    contents = layer(
        directory("bin"), file("bin/busybox", Path("/bin/busybox").read_bytes(), mode=0o755), *tools,
        directory("etc"), file("etc/motd", b"of the image\n"), directory("tmp", mode=0o1777),
    )  # fmt: skip
    return layout(place, name, contents, **config)


def _blob(place: Path, type: str, data: bytes) -> dict[str, Any]:
    name = digest(data)
    (place / "blobs" / name.replace(":", "/")).write_bytes(data)
    return {"mediaType": f"{TYPE}.{type}", "digest": name, "size": len(data)}
