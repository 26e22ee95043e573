"""Fetches the checkpoint that the pipeline begins with."""

import re
import shutil
from pathlib import Path

from steps.lineage import folder_digest
from steps.say import StepFailed, say
from steps.store import Store

# A model of the Hugging Face Hub at one commit: a branch or a tag can be moved.
HUB = re.compile(r"hf://([\w.-]+/[\w.-]+)@([0-9a-f]{40})")

# What repositories hold beside the checkpoint: the same weights for other programs.
OTHER_FORMATS = ["original/*", "*.gguf", "*.onnx", "*.onnx_data", "*.h5", "*.msgpack", "*.tflite"]
TOKEN_VARIABLE = "HF_TOKEN"


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
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        snapshot_download(match[1], revision=match[2], local_dir=target, ignore_patterns=OTHER_FORMATS)
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise StepFailed(
            f"{uri} is not there, or not for everyone. Where it is gated or private, compile the pipeline with "
            f"--hub-secret NAME: a Secret whose entry {TOKEN_VARIABLE} is a token of somebody who may read it\n{error}"
        ) from None
    # The client's notes, with times in them.
    shutil.rmtree(target / ".cache", ignore_errors=True)
