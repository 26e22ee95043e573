"""What the real TensorRT-LLM backend checks of a model's parameters against the engine's folder, as far as files tell."""

import json
import os

MODEL_TYPES = ("V1", "v1", "inflight_batching", "inflight_fused_batching")


def problems(config, parameters):
    """All of them, in words; none for a model that the backend would load."""
    found = []
    model_type = parameters.get("gpt_model_type", "inflight_fused_batching")
    if model_type not in MODEL_TYPES:
        found.append(f"Invalid gpt_model_type {model_type}: one of {', '.join(MODEL_TYPES)}")
    path = parameters.get("gpt_model_path")
    if not path:
        return found + ["parameter gpt_model_path is missing"]
    engine_file = os.path.join(path, "config.json")
    if not os.path.isfile(engine_file):
        return found + [f"engine config not found: {engine_file}"]
    try:
        with open(engine_file) as file:
            engine = json.load(file)
        most = engine["build_config"]["max_batch_size"]
        ranks = engine["pretrained_config"]["mapping"]["world_size"]
    except (ValueError, KeyError) as error:
        return found + [f"engine config {engine_file}: {type(error).__name__} {error}"]
    if config["max_batch_size"] > most:
        found.append(f"max_batch_size {config['max_batch_size']} is above the engine's {most} ({engine_file})")
    for rank in range(ranks):
        name = f"rank{rank}.engine"
        if not os.path.isfile(os.path.join(path, name)):
            found.append(f"missing {name} of {ranks} in {path}")
    return found
