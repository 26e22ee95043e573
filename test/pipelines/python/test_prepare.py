"""Records that are trained on, and records that are kept back."""

import json

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers

from steps.prepare import read_records, run
from steps.say import StepFailed

SECTION = {"maxInput": 4, "maxOutput": 2, "evaluationRecords": 200}


@pytest.fixture
def tokenizer(tmp_path):
    made = Tokenizer(models.WordLevel({"<unk>": 0}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def prepared(monkeypatch, tokenizer, tmp_path, records, name="one"):
    """What comes of records that lie in a store."""

    def download(_store, folder):
        (folder / "a.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))

    monkeypatch.setattr("steps.store.Store.download", download)
    train, evaluation = tmp_path / name / "train", tmp_path / name / "evaluation"
    facts = run(SECTION, "s3://data/x", tokenizer, train, evaluation)
    return facts["counts"], (train / "train.jsonl").read_text(), (evaluation / "evaluation.jsonl").read_text()


def records_of(count):
    return [{"prompt": f"say {n}", "completion": f"{n}"} for n in range(count)]


def test_are_divided_the_same_whatever_their_order(monkeypatch, tokenizer, tmp_path):
    records = records_of(20)
    one = prepared(monkeypatch, tokenizer, tmp_path, records)
    two = prepared(monkeypatch, tokenizer, tmp_path, records[::-1], "two")
    assert one == two
    assert (one[0]["train"], one[0]["evaluation"]) == (16, 4)
    assert not set(one[1].splitlines()) & set(one[2].splitlines())


def test_doubles_and_what_is_too_long_are_left_out(monkeypatch, tokenizer, tmp_path):
    more = [
        {"prompt": "say 1", "completion": "1"},
        {"prompt": "a b c d e", "completion": "1"},
        {"prompt": "a b c d", "completion": "1 2"},
        {"prompt": "a", "completion": "1 2 3"},
    ]
    counts, train, evaluation = prepared(monkeypatch, tokenizer, tmp_path, records_of(20) + more)
    assert (counts["double"], counts["prompt too long"], counts["completion too long"]) == (1, 1, 1)
    assert "a b c d" in train + evaluation
    assert "a b c d e" not in train + evaluation


def test_texts_may_hold_ends_of_lines_that_json_does_not_escape(tmp_path):
    record = {"prompt": "one\u2028two\x85three", "completion": "four\u2029"}
    (tmp_path / "a.jsonl").write_text(json.dumps(record, ensure_ascii=False) + "\r\n", encoding="utf-8", newline="")
    assert read_records(tmp_path) == [record]


def test_too_few_are_refused(monkeypatch, tokenizer, tmp_path):
    with pytest.raises(StepFailed, match="has 4 usable records: too few"):
        prepared(monkeypatch, tokenizer, tmp_path, records_of(4))


def test_bad_ones_are_told_with_their_lines(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"prompt": "x", "completion": " "}\n\n[1]\n{"prompt": 1, "completion": "x"}\n{')
    with pytest.raises(StepFailed) as failed:
        read_records(tmp_path)
    text = str(failed.value)
    assert "has 4 bad records" in text
    assert [line.split(":")[1] for line in text.splitlines()[1:]] == ["1", "3", "4", "5"]


def test_no_file_is_told(tmp_path):
    with pytest.raises(StepFailed, match=r"no file whose name ends with \.jsonl"):
        read_records(tmp_path)
