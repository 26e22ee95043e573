"""Publishes an engine as a release, has servers load it, and puts the old one back where they do not."""

import json
import os
import shutil
import tempfile
from pathlib import Path

from steps.lineage import FILE, lineage_text
from steps.manifest import sha256_of
from steps.publish import promote, publish
from steps.rollout import Refused, begin, put_back, roll_out
from steps.say import StepFailed, say
from steps.store import Store
from steps.triton import RELEASE_PARAMETER


def run(section: dict, engine: Path, facts: dict, release: str, run_id: str) -> dict:
    """Returns what is deployed. Raises where servers refuse it, after the old release is served again."""
    store = Store(section["store"], section)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(section, engine, facts, release, folder)
        manifest = publish(store, folder, release)
    record = begin(store, run_id, release)
    promote(store, manifest)
    try:
        roll_out(section, release)
    except Refused as refused:
        say(f"{refused}")
        put_back(store, section, record)
        raise StepFailed(
            f"{refused}\nThe release before it is served: {record['previous'] or 'there was none'}"
        ) from None
    return {
        "model": section["model"],
        "store": store.uri,
        "release": release,
        "previous": record["previous"],
        "manifest_sha256": sha256_of(manifest),
        "lineage_sha256": lineage_digest(manifest, section["model"]),
    }


def lay_out(section: dict, engine: Path, facts: dict, release: str, folder: Path) -> None:
    """The model repository of the release. What has no time in it is the same in each run."""
    model = folder / section["model"]
    version = model / str(section["version"])
    version.mkdir(parents=True)
    for name in section["engineFiles"]:
        link_or_copy(engine / name, version / name)
    (model / "config.pbtxt").write_text(section["config"] + release_parameter(release))
    text = lineage_text(section["lineage"], release, facts["sources"], version, facts["checks"])
    (model / FILE).write_text(text)


def release_parameter(release: str) -> str:
    """A parameter of config.pbtxt: by it a server says which release it serves."""
    value = json.dumps(release)
    return f'parameters: {{\n  key: "{RELEASE_PARAMETER}"\n  value: {{\n    string_value: {value}\n  }}\n}}\n'


def link_or_copy(source: Path, target: Path) -> None:
    """Engines are large: a second copy is made only where a link cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def lineage_digest(manifest: str, model: str) -> str:
    """As the manifest has it."""
    suffix = f" {model}/{FILE}"
    return next(line.split(" ")[1] for line in manifest.splitlines() if line.endswith(suffix))
