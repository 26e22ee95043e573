"""An engine's config.json against what the model's description says."""

import json

import pytest

from steps.say import StepFailed
from steps.validate import metadata_problems, plain, run, text_digests

SECTION = {
    "release": "1.0",
    "files": ["config.json", "rank0.engine"],
    "metadata": {
        "build_config.max_batch_size": 8,
        "pretrained_config.mapping.tp_size": 1,
        "pretrained_config.quantization.quant_algo": "FP8",
        "build_config.plugin_config.use_paged_context_fmha": True,
    },
}


def config(**changes):
    return {
        "version": "1.0.0",
        "build_config": {"max_batch_size": 8, "plugin_config": {"use_paged_context_fmha": True}},
        "pretrained_config": {"mapping": {"tp_size": 1}, "quantization": {"quant_algo": "FP8"}},
        **changes,
    }


@pytest.fixture
def engine(tmp_path):
    folder = tmp_path / "engine"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config()))
    (folder / "rank0.engine").write_bytes(b"engine")
    return folder


def test_an_engine_of_the_description_has_none(engine):
    assert metadata_problems(SECTION, engine) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": "0.9.0"}, "version: is 0.9.0, expected TensorRT-LLM 1.0"),
        ({"version": "1.01"}, "version: is 1.01, expected TensorRT-LLM 1.0"),
        ({"version": None}, "version: is None, expected TensorRT-LLM 1.0"),
        (
            {"build_config": {"max_batch_size": 4, "plugin_config": {"use_paged_context_fmha": True}}},
            "build_config.max_batch_size: is 4, expected 8",
        ),
        (
            {"pretrained_config": {"mapping": {"tp_size": 2}, "quantization": {"quant_algo": "FP8"}}},
            "pretrained_config.mapping.tp_size: is 2, expected 1",
        ),
        (
            {"pretrained_config": {"mapping": {"tp_size": 1}, "quantization": {"quant_algo": None}}},
            'pretrained_config.quantization.quant_algo: is null, expected "FP8"',
        ),
    ],
)
def test_what_is_otherwise_is_told(engine, changes, told):
    (engine / "config.json").write_text(json.dumps(config(**changes)))
    assert metadata_problems(SECTION, engine) == [told]


def test_all_of_it_is_told_at_once(engine):
    (engine / "config.json").write_text("{}")
    (engine / "rank0.engine").unlink()
    assert len(metadata_problems(SECTION, engine)) == 2 + len(SECTION["metadata"])


def test_another_tokenizer_or_template_is_no_engine_of_the_model(engine, tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "a"}')
    digests = text_digests(tmp_path)
    assert set(digests) == {"tokenizer", "chat_template"}
    wanted = {"least_accuracy": 0.5, "digests": {"tokenizer": "0" * 64, "chat_template": digests["chat_template"]}}
    with pytest.raises(StepFailed, match=f"tokenizer: SHA-256 is {digests['tokenizer']}, expected 0000"):
        run(SECTION, engine, tmp_path, tmp_path, wanted)


def test_a_template_of_its_own_file_goes_first(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "tokenizer_config.json").write_text('{"chat_template": "a"}')
    before = text_digests(tmp_path)["chat_template"]
    (tmp_path / "chat_template.jinja").write_text("b")
    assert text_digests(tmp_path)["chat_template"] != before


def test_case_and_white_space_are_no_difference():
    assert plain(" The  answer\n") == plain("the ANSWER")
