"""The format of a published release, byte for byte that of models/release-manifest.ts."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

FORMAT = "triton-stack-release 1"
CURRENT = "current"
RELEASE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True)
class ReleaseFile:
    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Release:
    version: str
    files: tuple[ReleaseFile, ...]
    folders: tuple[str, ...] = field(default=())


def release_folder(version: str) -> str:
    return f"releases/{version}"


def manifest_key(version: str) -> str:
    return f"{release_folder(version)}/manifest"


def in_order(text: str) -> bytes:
    """Texts are sorted by their UTF-16 units, as JavaScript does."""
    return text.encode("utf-16-be", "surrogatepass")


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def format_manifest(release: Release) -> str:
    files = sorted(release.files, key=lambda file: in_order(file.path))
    lines = [FORMAT, f"version {release.version}"]
    lines += [f"dir {path}" for path in sorted(release.folders, key=in_order)]
    lines += [f"file {file.sha256} {file.bytes} {file.path}" for file in files]
    text = "\n".join(lines) + "\n"
    return f"{text}end {len(files)} {sum(file.bytes for file in files)} {sha256_of(text)}\n"


def parse_manifest(text: str) -> Release | None:
    """None for what is no manifest, or not a whole one."""
    body, _, end = text.rstrip("\n").rpartition("\n")
    body += "\n"
    match = re.fullmatch(r"end (\d+) (\d+) ([0-9a-f]{64})", end)
    if match is None or match[3] != sha256_of(body):
        return None
    first, version, *lines = body.rstrip("\n").split("\n")
    name = version.removeprefix("version ")
    if first != FORMAT or not version.startswith("version ") or not RELEASE_NAME.fullmatch(name):
        return None
    files = []
    folders = []
    for line in lines:
        if found := re.fullmatch(r"file ([0-9a-f]{64}) (\d+) (.+)", line):
            files.append(ReleaseFile(found[3], int(found[2]), found[1]))
        elif line.startswith("dir "):
            folders.append(line.removeprefix("dir "))
    return Release(name, tuple(files), tuple(folders))


def digest_file(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def release_of(root: Path, version: str) -> Release:
    """The release that the files below a folder make."""
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    files = tuple(
        ReleaseFile(path.relative_to(root).as_posix(), path.stat().st_size, digest_file(path)) for path in paths
    )
    empty = (path for path in root.rglob("*") if path.is_dir() and not any(path.iterdir()))
    return Release(version, files, tuple(path.relative_to(root).as_posix() for path in empty))
