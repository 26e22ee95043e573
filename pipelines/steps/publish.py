"""Publishes a folder as a release, as bin/release/publish.ts does: files first, the manifest last."""

import socket
from datetime import UTC, datetime
from pathlib import Path

from steps.manifest import (
    CURRENT,
    RELEASE_NAME,
    Release,
    format_manifest,
    manifest_key,
    parse_manifest,
    release_folder,
    release_of,
    sha256_of,
)
from steps.say import StepFailed, say
from steps.store import Store


def publish(store: Store, folder: Path, version: str) -> str:
    """Publishes what lies in a folder, and returns the manifest. Servers go on with what they have.

    The same files under the same version are a run that is taken up again; others are refused.
    """
    if not RELEASE_NAME.fullmatch(version):
        raise StepFailed(f'{version} is no name for a release: up to 63 letters, digits, ".", "_" and "-"')
    release = release_of(folder, version)
    manifest = format_manifest(release)
    there = store.read(manifest_key(version))
    if there == manifest:
        say(f"release {version} is published already, with this very content")
        return manifest
    if there is not None:
        raise StepFailed(
            f"release {version} is published at {store.uri} with other content: servers may have it, and releases "
            "never change. Run the pipeline with another release"
        )
    reserve(store, version, manifest)
    store.upload(folder, release_folder(version), [file.path for file in release.files])
    require_whole(store, release)
    if store.write_once(manifest_key(version), manifest) != manifest:
        raise StepFailed(f"release {version} was published by somebody else in the meantime: nothing was changed")
    store.remove(unfinished_key(version))
    say(f"published release {version} at {store.uri}/{release_folder(version)}: {len(release.files)} files")
    return manifest


def promote(store: Store, manifest: str) -> None:
    """Has a published release served where servers name none."""
    store.write(CURRENT, manifest)


def current(store: Store) -> tuple[str, str] | None:
    """The release that is served where none is named: its version, and its manifest."""
    text = store.read(CURRENT)
    if text is None:
        return None
    release = parse_manifest(text)
    if release is None:
        raise StepFailed(f"{store.uri}/{CURRENT} is no whole manifest of a release")
    return release.version, text


def unfinished_key(version: str) -> str:
    return f"{release_folder(version)}/unfinished"


def reserve(store: Store, version: str, manifest: str) -> None:
    """Notes that a version is being published, so that nobody writes other files to the same places."""
    digest = sha256_of(manifest)
    note = f"{digest} {socket.gethostname()} {datetime.now(UTC).isoformat()}"
    found = store.write_once(unfinished_key(version), note)
    if found.startswith(f"{digest} "):
        return
    _, host, since = [*found.split(" "), "", "", ""][:3]
    raise StepFailed(
        f"release {version} is being published with other content, from {host} since {since}, or that run was "
        "interrupted. Run the pipeline with another release"
    )


def require_whole(store: Store, release: Release) -> None:
    sizes = store.sizes(release_folder(release.version))
    missing = [file for file in release.files if sizes.get(file.path) != file.bytes]
    if missing:
        names = "\n".join(f"  {file.path}: {sizes.get(file.path, 'no')} of {file.bytes} bytes" for file in missing[:5])
        raise StepFailed(f"{store.uri} does not hold all of release {release.version}, nothing was changed:\n{names}")
