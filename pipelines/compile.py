"""Compiles the pipeline of one model: python compile.py INPUT.json writes two YAML documents on standard output."""

import json
import sys
import tempfile
from pathlib import Path

import yaml
from kfp import compiler

from ir_check import reference_problems
from pipeline import make_pipeline

# Argo keeps a workflow with all its templates as one object, and etcd takes 1.5 MiB of one (its default
# `--max-request-bytes`). The IR goes into it with names and annotations around it.
MOST_BYTES = 750 * 1024


def compiled(given: dict) -> list[dict]:
    """The documents of a pipeline: itself, and what is Kubernetes' own of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pipeline.yaml"
        compiler.Compiler().compile(make_pipeline(given), package_path=str(path))
        return list(yaml.safe_load_all(path.read_text("utf-8")))


def text_of(documents: list[dict]) -> str:
    # libyaml, where this Python has it: ten times as fast.
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return yaml.dump_all(documents, Dumper=dumper, sort_keys=True, width=120)


def main(file: str) -> int:
    documents = compiled(json.loads(Path(file).read_text("utf-8")))
    problems = reference_problems(*documents)
    text = text_of(documents)
    if len(text.encode()) > MOST_BYTES:
        problems.append(f"the pipeline has {len(text.encode())} bytes: a workflow of it is more than a cluster keeps")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        sys.stdout.write(text)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
