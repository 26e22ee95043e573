"""Builds the engine, on the generation of GPU that will serve it."""

import re
from pathlib import Path

from steps.build_failures import SLOW, answer, require_success
from steps.say import StepFailed, say, warn
from steps.tool import filled, run_tool


def run(section: dict, checkpoint: Path, target: Path) -> dict:
    """Runs trtllm-build, and returns figures."""
    target.mkdir(parents=True, exist_ok=True)
    done = run_tool(filled(section["command"], {"checkpoint": str(checkpoint), "engine": str(target)}))
    require_success(done, section["fixes"])
    missing = [name for name in section["files"] if not (target / name).is_file()]
    if missing:
        raise StepFailed(f"trtllm-build ended well, and left no {', '.join(missing)}")
    uncached = [line for line in done.lines if re.search(SLOW.patterns[1].text, line)]
    if done.seconds > section["slowSeconds"]:
        warn(f"the build took {done.seconds:.0f} s, more than {section['slowSeconds']} s")
        for line in uncached[:1]:
            say(line.strip())
        say(answer(SLOW, section["fixes"]))
    size = sum((target / name).stat().st_size for name in section["files"])
    say(f"built in {done.seconds:.0f} s: {size} bytes")
    return {"build_seconds": round(done.seconds, 1), "engine_bytes": size}
