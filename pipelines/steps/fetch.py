"""Fetches the checkpoint that the pipeline begins with."""

import re
from pathlib import Path

from steps.lineage import folder_digest
from steps.say import StepFailed, say
from steps.store import Store

# A model of the Hugging Face Hub at one commit: a branch or a tag can be moved.
HUB = re.compile(r"hf://([\w.-]+/[\w.-]+)@([0-9a-f]{40})")


def run(section: dict, uri: str, target: Path) -> dict:
    """Fetches a checkpoint into a folder, and returns what it is."""
    target.mkdir(parents=True, exist_ok=True)
    if uri.startswith("hf://"):
        from_hub(uri, target)
    else:
        Store(uri, section).download(target)
    missing = [name for name in ("config.json", "tokenizer.json") if not (target / name).is_file()]
    if missing:
        raise StepFailed(f"{uri} is no checkpoint of Hugging Face: {' and '.join(missing)} missing")
    digest = folder_digest(target)
    say(f"fetched {uri}: SHA-256 {digest}")
    return {"uri": uri, "sha256": digest}


def from_hub(uri: str, target: Path) -> None:
    match = HUB.fullmatch(uri)
    if match is None:
        raise StepFailed(f"{uri} names no commit: hf://ORGANISATION/MODEL@COMMIT, 40 hexadecimal digits")
    from huggingface_hub import snapshot_download

    snapshot_download(match[1], revision=match[2], local_dir=target)
