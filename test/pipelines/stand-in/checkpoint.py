"""What convert_checkpoint.py and quantize.py leave, as far as files tell: config.json, and weights of each rank."""

import hashlib
import json
from pathlib import Path

from stand_in import need, read_json

# tensorrt_llm/models/modeling_utils.py, QuantConfig._get_modelopt_qformat.
ALGORITHMS = {
    "fp8": "FP8",
    "int8_sq": "W8A8_SQ_PER_CHANNEL",
    "int8_wo": "W8A16",
    "int4_wo": "W4A16",
    "int4_awq": "W4A16_AWQ",
    "w4a8_awq": "W4A8_AWQ",
    "nvfp4": "NVFP4",
}


def write_checkpoint(options: dict[str, str]) -> None:
    need(options, "--model_dir", "--output_dir", "--dtype", "--tp_size", "--pp_size")
    source, target = Path(options["--model_dir"]), Path(options["--output_dir"])
    model = read_json(source / "config.json")
    target.mkdir(parents=True, exist_ok=True)
    tensor, pipeline = int(options["--tp_size"]), int(options["--pp_size"])
    config = {
        "architecture": model["architectures"][0],
        "dtype": options["--dtype"],
        "vocab_size": model["vocab_size"],
        "hidden_size": model["hidden_size"],
        "num_hidden_layers": model["num_hidden_layers"],
        "num_attention_heads": model["num_attention_heads"],
        "num_key_value_heads": model["num_key_value_heads"],
        "mapping": {"world_size": tensor * pipeline, "tp_size": tensor, "pp_size": pipeline},
        "quantization": {
            "quant_algo": ALGORITHMS.get(options.get("--qformat", "")),
            "kv_cache_quant_algo": options["--kv_cache_dtype"].upper() if "--kv_cache_dtype" in options else None,
        },
    }
    (target / "config.json").write_text(json.dumps(config))
    weights = hashlib.sha256((source / "model.safetensors").read_bytes()).digest()
    for rank in range(tensor * pipeline):
        (target / f"rank{rank}.safetensors").write_bytes(weights + bytes([rank]))
