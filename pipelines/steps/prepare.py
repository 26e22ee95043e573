"""Checks the data, and divides it into what is trained on and what is kept back to evaluate with."""

import hashlib
import json
import tempfile
from collections import Counter
from pathlib import Path

from steps.lineage import folder_digest
from steps.say import StepFailed, say
from steps.store import Store

# Part of the records that is kept back at most.
EVALUATION_SHARE = 0.2


def run(section: dict, uri: str, tokenizer_file: Path, train: Path, evaluation: Path) -> dict:
    """Reads JSON lines of `{"prompt": ..., "completion": ...}`, and returns what became of them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Store(uri, section).download(folder)
        digest = folder_digest(folder)
        records = read_records(folder)
    counts: Counter[str] = Counter(read=len(records))
    kept: dict[str, str] = {}
    for record in records:
        line = json.dumps(record, sort_keys=True, ensure_ascii=False)
        key = hashlib.sha256(line.encode()).hexdigest()
        if key in kept:
            counts["double"] += 1
        elif len(tokenizer.encode(record["prompt"]).ids) > section["maxInput"]:
            counts["prompt too long"] += 1
        elif len(tokenizer.encode(record["completion"]).ids) > section["maxOutput"]:
            counts["completion too long"] += 1
        else:
            kept[key] = line
    # By digest: the same records in every run, whatever order they come in.
    lines = [kept[key] for key in sorted(kept)]
    held = min(section["evaluationRecords"], int(len(lines) * EVALUATION_SHARE))
    if held == 0:
        raise StepFailed(f"{uri} has {len(lines)} usable records: too few to keep some back for an evaluation")
    write(evaluation / "evaluation.jsonl", lines[:held])
    write(train / "train.jsonl", lines[held:])
    counts.update({"train": len(lines) - held, "evaluation": held})
    for what, count in counts.items():
        say(f"records {what}: {count}")
    return {"uri": uri, "sha256": digest, "counts": dict(counts)}


def read_records(folder: Path) -> list[dict]:
    """All records of a folder's JSON lines. Everything that is wrong with them is told at once."""
    files = sorted(folder.rglob("*.jsonl"))
    if not files:
        raise StepFailed("the data has no file whose name ends with .jsonl")
    records: list[dict] = []
    problems: list[str] = []
    for file in files:
        # Not splitlines: texts may hold other ends of a line, such as U+2028.
        for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), start=1):
            where = f"{file.relative_to(folder)}:{number}"
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except ValueError as error:
                problems.append(f"{where}: is no JSON: {error}")
                continue
            texts = [record.get(key) if isinstance(record, dict) else None for key in ("prompt", "completion")]
            if not all(isinstance(text, str) and text.strip() for text in texts):
                problems.append(f'{where}: needs "prompt" and "completion", texts that are not empty')
                continue
            records.append({"prompt": texts[0], "completion": texts[1]})
    if problems:
        more = f"\n  and {len(problems) - 20} more" if len(problems) > 20 else ""
        listed = "\n".join(f"  {problem}" for problem in problems[:20])
        raise StepFailed(f"the data has {len(problems)} bad records:\n{listed}{more}")
    return records


def write(file: Path, lines: list[str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
