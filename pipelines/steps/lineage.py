"""What a release was made from. It lies in the release beside the engine, so that its digest stands in the manifest."""

import hashlib
import json
from pathlib import Path

from steps.manifest import digest_file

FILE = "lineage.json"


def folder_digest(folder: Path) -> str:
    """SHA-256 over the paths and digests of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {digest_file(path)}\n".encode())
    return digest.hexdigest()


def lineage_text(known: dict, release: str, sources: dict, engine: Path, checks: dict) -> str:
    """The file's content: the same for the same release, whenever and by whichever run it is made."""
    files = {path.name: digest_file(path) for path in sorted(engine.iterdir()) if path.is_file()}
    built = {**known["engine"], "files": files}
    lineage = {**known, "release": release, "sources": sources, "engine": built, "validation": checks}
    return json.dumps(lineage, indent=2, sort_keys=True) + "\n"
