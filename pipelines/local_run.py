"""Runs the pipeline of one model on this machine, each step as a process.

python local_run.py INPUT.json FOLDER checkpoint_uri=... dataset_uri=... release=... least_accuracy=...

The programs that steps run (trl, trtllm-build and the scripts of TensorRT-LLM) have to be on this machine, or something
that stands in for them. FOLDER keeps artifacts, and results that a later run takes again.
"""

import json
import logging
import sys
from pathlib import Path

from kfp import local

from pipeline import make_pipeline

NUMBERS = ("least_accuracy",)


def main(file: str, folder: str, *arguments: str) -> int:
    given = json.loads(Path(file).read_text("utf-8"))
    # A second try would fail alike here, after a pause that is for clusters.
    for wanted in given["resources"].values():
        wanted["retries"] = 0
    root = Path(folder).resolve()
    runner = local.SubprocessRunner(use_venv=False)
    folders = {"pipeline_root": str(root / "artifacts"), "cache_root": str(root / "results")}
    local.init(runner=runner, enable_caching=True, **folders)
    pairs = [argument.partition("=") for argument in arguments]
    values = {name: float(value) if name in NUMBERS else value for name, _, value in pairs}
    try:
        make_pipeline(given, installs=False)(**values)
    except RuntimeError as error:
        logging.error(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
