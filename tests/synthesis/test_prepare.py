"""What `synthesize` writes, read by `prepare` with the settings of stage one, and kept apart from evaluation texts."""

import json

import pytest

from seqgpt_jax import prepare, synthesize
from tests.synthesis.server import passage_of, serving
from tests.synthesis.texts import text, write_texts

pytest.importorskip("py3langid", reason="`pip install -e '.[synthesize]'` brings it")


def test_pt_takes_the_data_by_one_flag_without_what_is_in_evaluation_sets(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_texts(tmp_path / "texts.jsonl", 40)
    with serving() as server:
        synthesize.main(
            [
                *("--gin_file=synthesize.gin", "--input=texts.jsonl", "--output=synthesized", "--model=m"),
                f"--endpoint={server.url}",
            ]
        )
        assert {passage_of(body) for body in server.bodies} == set(map(text, range(40)))
    leaked = {"text": text(3).upper(), "task": "cls", "answers": "science"}
    (tmp_path / "test.jsonl").write_text(json.dumps(leaked) + "\n", encoding="utf-8")
    held = {"held": {"test": "test.jsonl"}}
    prepare.main(
        [
            *("--gin_file=pt_cpu.gin", "--data=my_en:train=synthesized/data_en.jsonl"),
            *("--data=my_zh:train=synthesized/data_zh.jsonl", "--gin.Prepare.mixture=my_en+my_zh"),
            *(f"--gin.Prepare.own_data={held}", "--gin.Prepare.evaluation_mixtures=('held',)"),
            *("--gin.Prepare.tokenizer_mixture=my_en+my_zh", "--gin.Prepare.tokenizer_vocab_size=400"),
            "--gin.Prepare.tokenizer=tokenizer",
        ]
    )
    (path,) = tmp_path.glob("prepared/my_en+my_zh.train.*/manifest.json")
    tasks = json.loads(path.read_text(encoding="utf-8"))["tasks"]
    assert {task["language"] for name, task in tasks.items() if name.startswith("my_en")} == {"en"}
    assert {task["language"] for name, task in tasks.items() if name.startswith("my_zh")} == {"zh"}
    assert {task["family"] for task in tasks.values()} == {"CLS", "ET", "NER"}
    records = (tmp_path / "synthesized" / "data.jsonl").read_text(encoding="utf-8").splitlines()
    leaks = sum(json.loads(record)["text"] == text(3) for record in records)
    assert sum(task["drops"].get("leak", 0) for task in tasks.values()) == leaks > 0
    assert sum(task["instances"] for task in tasks.values()) == len(records) - leaks
