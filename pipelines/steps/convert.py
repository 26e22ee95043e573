"""Makes TensorRT-LLM's checkpoint of one of Hugging Face, quantized where the model's description says so."""

from pathlib import Path

from steps.build_failures import require_success
from steps.say import StepFailed, say
from steps.tool import filled, run_tool


def run(section: dict, model: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    done = run_tool(filled(section["command"], {"model": str(model), "checkpoint": str(target)}))
    require_success(done, section["fixes"])
    if not (target / "config.json").is_file():
        raise StepFailed("the conversion ended well, and left no checkpoint: config.json is missing")
    say(f"converted in {done.seconds:.0f} s")
