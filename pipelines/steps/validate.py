"""Holds an engine to the model's description, and to answers that are known."""

import csv
import json
import random
import tempfile
from pathlib import Path

from steps.build_failures import ACCURACY, answer, require_success
from steps.manifest import digest_file, sha256_of
from steps.say import StepFailed, say
from steps.tool import filled, run_tool


def run(section: dict, engine: Path, model: Path, evaluation: Path, wanted: dict) -> dict:
    """Returns figures and digests of an engine that may be served. Raises with everything that speaks against it."""
    problems = metadata_problems(section, engine)
    digests = text_digests(model)
    for name, expected in wanted["digests"].items():
        if expected and digests.get(name) != expected:
            problems.append(f"{name}: SHA-256 is {digests.get(name) or 'none: it is not there'}, expected {expected}")
    if problems:
        listed = "\n".join(f"  {problem}" for problem in problems)
        raise StepFailed(f"the engine is not what the model's description says:\n{listed}")
    say(f"config.json agrees with the model's description in {len(section['metadata'])} fields")
    lines = (evaluation / "evaluation.jsonl").read_text("utf-8").rstrip("\n").split("\n")
    records = [json.loads(line) for line in lines]
    accuracy = evaluate(section, engine, model, records)
    figures = {"accuracy": round(accuracy, 4), "evaluated_records": len(records)}
    least = wanted["least_accuracy"]
    if accuracy < least:
        message = f"accuracy {accuracy:.4f} is below {least:.4f}, over {len(records)} records"
        raise StepFailed(f"{message}\n{answer(ACCURACY, section['fixes'])}")
    say(f"accuracy {accuracy:.4f}, at least {least:.4f} was asked for, over {len(records)} records")
    return {"figures": figures, "digests": digests}


def metadata_problems(section: dict, engine: Path) -> list[str]:
    """What of an engine's config.json is otherwise than the description has it, and files that are missing."""
    problems = [f"{name} is missing" for name in section["files"] if not (engine / name).is_file()]
    if not (engine / "config.json").is_file():
        return problems
    config = json.loads((engine / "config.json").read_text())
    release = str(config.get("version", ""))
    if release != section["release"] and not release.startswith(f"{section['release']}."):
        problems.append(f"version: is {release or 'missing'}, expected TensorRT-LLM {section['release']}")
    for path, expected in section["metadata"].items():
        found = at(config, path)
        if found != expected:
            problems.append(f"{path}: is {json.dumps(found)}, expected {json.dumps(expected)}")
    return problems


def at(config: dict, path: str) -> object:
    for key in path.split("."):
        config = config.get(key) if isinstance(config, dict) else None
    return config


def text_digests(model: Path) -> dict[str, str]:
    """Digests of the tokenizer, and of the chat template wherever the checkpoint has it."""
    digests = {"tokenizer": digest_file(model / "tokenizer.json")}
    template = model / "chat_template.jinja"
    if template.is_file():
        return {**digests, "chat_template": digest_file(template)}
    config = model / "tokenizer_config.json"
    text = json.loads(config.read_text("utf-8")).get("chat_template") if config.is_file() else None
    return digests if text is None else {**digests, "chat_template": sha256_of(json.dumps(text, sort_keys=True))}


def evaluate(section: dict, engine: Path, model: Path, records: list[dict]) -> float:
    """Part of the records whose expected text is in the engine's answer. The engine also has to answer prompts of each
    class's length."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    prompts = [tokenizer.encode(record["prompt"]).ids for record in records]
    numbers = random.Random(0)
    for each in section["classes"]:
        prompts.append([numbers.randrange(section["vocabulary"]) for _ in range(each["inputTokens"])])
    answers: list[list[int]] = []
    for start in range(0, len(prompts), section["maxBatch"]):
        answers += ask(section, engine, model, prompts[start : start + section["maxBatch"]])
    for each, tokens in zip(section["classes"], answers[len(records) :], strict=True):
        if not tokens:
            raise StepFailed(f"the engine does not answer prompts of {each['inputTokens']} tokens ({each['name']})")
        say(f"answers prompts of {each['inputTokens']} tokens ({each['name']})")
    right = 0
    for record, tokens in zip(records, answers, strict=False):
        right += plain(record["completion"]) in plain(tokenizer.decode(tokens))
    return right / len(records)


def ask(section: dict, engine: Path, model: Path, prompts: list[list[int]]) -> list[list[int]]:
    """Answers of the engine, in token ids. A row of run.py is a prompt and its answer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {
            "engine": str(engine),
            "model": str(model),
            "prompts": str(folder / "prompts.csv"),
            "answers": str(folder / "answers.csv"),
        }
        with open(places["prompts"], "w", newline="") as file:
            csv.writer(file).writerows(prompts)
        require_success(run_tool(filled(section["command"], places)), section["fixes"])
        with open(places["answers"], newline="") as file:
            rows = [[int(float(cell)) for cell in row] for row in csv.reader(file)]
    if len(rows) != len(prompts):
        raise StepFailed(f"the engine gave {len(rows)} answers to {len(prompts)} prompts")
    return [row[len(prompt) :] for prompt, row in zip(prompts, rows, strict=True)]


def plain(text: str) -> str:
    """Without what is no difference: case, and the amount of white space."""
    return " ".join(text.lower().split())
