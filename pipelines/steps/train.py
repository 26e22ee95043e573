"""Fine-tunes all weights of a checkpoint."""

import shutil
from pathlib import Path

from steps.build_failures import require_success
from steps.lineage import folder_digest
from steps.say import StepFailed, say
from steps.tool import filled, run_tool

# What a tokenizer consists of, beside tokenizer.json.
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja")


def run(section: dict, checkpoint: Path, data: Path, target: Path) -> dict:
    """Runs the trainer, and returns what came of it."""
    target.mkdir(parents=True, exist_ok=True)
    places = {"model": str(checkpoint), "data": str(data), "output": str(target)}
    done = run_tool(filled(section["command"], places))
    require_success(done, [])
    if not (target / "config.json").is_file():
        raise StepFailed("the trainer ended well, and left no checkpoint: config.json is missing")
    for name in TOKENIZER_FILES:
        if (checkpoint / name).is_file() and not (target / name).exists():
            shutil.copy2(checkpoint / name, target / name)
    say(f"trained in {done.seconds:.0f} s")
    return {"sha256": folder_digest(target), "command": section["command"], "packages": section["packages"]}
