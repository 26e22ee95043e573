"""Stands in for command lines that need a GPU: says so, refuses options that the real one has not, and fails as told.

STAND_IN names a folder with `flags.json`, the options of each program, and `faults.json`, how programs fail: lines to
print and an exit code, or settings that each program reads.
"""

import json
import os
import sys
from pathlib import Path

FOLDER = Path(os.environ["STAND_IN"])


def start(program: str) -> dict[str, str]:
    """The options of this call by name. Ends as argparse does where there is one that the program does not have."""
    print(f"STAND-IN for {program}: no GPU, no TensorRT, no training", flush=True)
    known = json.loads((FOLDER / "flags.json").read_text())[program]
    options: dict[str, str] = {}
    left = sys.argv[1:]
    unknown = []
    while left:
        name = left.pop(0)
        value = left.pop(0) if left and not left[0].startswith("--") else ""
        options[name] = value
        if name not in known:
            unknown.append(f"{name} {value}".strip())
    if unknown:
        print(f"{program}: error: unrecognized arguments: {' '.join(unknown)}", flush=True)
        sys.exit(2)
    fault = fault_of(program)
    for line in fault.get("lines", []):
        print(line, flush=True)
    if "exit" in fault:
        sys.exit(fault["exit"])
    return options


def fault_of(program: str) -> dict:
    """How this program fails, if it does."""
    file = FOLDER / "faults.json"
    return json.loads(file.read_text()).get(program, {}) if file.exists() else {}


def need(options: dict[str, str], *names: str) -> None:
    missing = [name for name in names if name not in options]
    if missing:
        print(f"error: the following arguments are required: {', '.join(missing)}", flush=True)
        sys.exit(2)


def read_json(path: Path) -> dict:
    return json.loads(path.read_text("utf-8"))
