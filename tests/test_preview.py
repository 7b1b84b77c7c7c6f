"""`python -m seqgpt_jax.preview`: which records it asks, and one run with a tiny untrained model."""

import functools
import re

import pytest

from seqgpt_jax import preview
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.label_stats import collect_label_stats
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from seqgpt_jax.tasks.checking import own_items
from seqgpt_jax.tasks.own import own_tasks
from tests.tasks.records import json_lines, write

CLS = [{"text": f"parcel {n}", "task": "cls", "answers": ("late", "torn", "lost")[n % 3]} for n in range(30)]
EXT = [{"text": f"Ada {n} is in Oslo", "task": "ext", "answers": {"name": ["Ada"], "city": ["Oslo"]}} for n in range(9)]


def chosen(path, number=10, labels=()):
    return preview.chosen([item for _, item in own_items(str(path))], number, labels)


def test_records_of_every_kind_are_asked_with_all_labels(tmp_path):
    own = {"text": "is it?", "task": "cls", "answers": "yes", "labels": ["yes", "no"]}
    found = chosen(write(tmp_path, "a.jsonl", json_lines(*CLS, own, *EXT)))
    assert [one.place for one in found[:5]] == [f"a.jsonl:{line}" for line in (1, 2, 3, 31, 32)]
    assert len(found) == 10
    assert found[0].question.labels == ("late", "torn", "lost")
    assert found[0].question.choose == "one"
    assert (found[3].question.labels, found[3].gold) == (("yes", "no"), ["yes"])
    assert (found[4].question.atom, found[4].gold) == ("ext", {"name": ("Ada",), "city": ("Oslo",)})
    several = CLS[0] | {"answers": ["late", "torn"], "text": "x"}
    found = chosen(write(tmp_path, "b.jsonl", json_lines(*CLS, several)))
    assert {one.question.choose for one in found} == {"any"}
    assert len(chosen(write(tmp_path, "c.jsonl", json_lines(*EXT)), number=100)) == 9


def test_each_kind_of_record_is_asked_as_the_task_it_becomes(tmp_path):
    mentions = [{"text": "Ada met Bob", "mention": name, "answers": ["person", "friend"]} for name in ("Ada", "Bob")]
    path = write(tmp_path, "a.jsonl", json_lines(*CLS, *mentions))
    found = {one.question.labels: one.question.choose for one in chosen(path)}
    assert found == {("late", "torn", "lost"): "one", ("person", "friend"): "any"}
    for answers, choose in (([], "one_or_none"), (["late", "lost"], "any")):
        path = write(tmp_path, "b.jsonl", json_lines(*CLS, CLS[0] | {"text": "x", "answers": answers}))
        (spec,) = own_tasks("b", str(path))
        config = PrepareConfig(mixture="b", tokenizer="-", own_data={"b": str(path)}, split="train")
        trained = collect_label_stats(spec, config, functools.partial(spec.read, paths=(path,))).choose
        assert {one.question.choose for one in chosen(path)} == {trained} == {choose}


def test_records_without_answers_are_asked_the_labels_that_are_given(tmp_path):
    bare = [{"text": "Ada is in Oslo", "task": "ext"}, {"text": "parcel", "task": "cls", "labels": ["late", "lost"]}]
    path = write(tmp_path, "a.jsonl", json_lines(*bare))
    (one,) = chosen(path)
    assert (one.question.labels, one.gold) == (("late", "lost"), None)
    assert [one.question.labels for one in chosen(path, labels=("x", "y"))] == [("x", "y")] * 2
    # Of other labels than were asked nothing can be right or wrong.
    path = write(tmp_path, "b.jsonl", json_lines(*EXT))
    assert chosen(path, labels=("city", "year"))[0].gold == {"city": ("Oslo",)}
    with pytest.raises(UsageError, match="no record can be asked"):
        chosen(write(tmp_path, "c.jsonl", json_lines(bare[0])))
    with pytest.raises(UsageError, match="no label that occurs: name some with --labels"):
        chosen(write(tmp_path, "d.jsonl", json_lines(EXT[0] | {"answers": {"name": []}})))


def test_one_page_from_check_to_next_steps(tmp_path, capsys):
    config = BloomConfig(vocab_size=320, hidden_size=16, n_layer=1, n_head=2)
    tokenizer = train_tokenizer([row["text"] for row in (*CLS, *EXT)], 300)
    save_folder(tmp_path / "model", config, params_to_hf(params_of(create(config)), config, "float32"), tokenizer)
    rows = [CLS[0] | {"text": "parcel " * 1500}, *CLS[1:], CLS[0] | {"text": "{"}]
    data = str(write(tmp_path, "tickets.jsonl", json_lines(*rows)))
    flags = [
        data,
        f"--model={tmp_path / 'model'}",
        "--records=3",
        "--labels=late，torn, lost",
        "--gin.Decode.num_beams=1",
    ]
    assert preview.main(flags) == 0
    printed = capsys.readouterr().out
    assert "31 records, 31 good, 0 bad" in printed
    assert "too long: 1 of 31 texts for a prompt of 1,024 tokens\n" in printed
    assert "3 records, asked without training" in printed
    assert "tickets.jsonl:1  parcel parcel" in printed
    assert re.search(r"all labels +3 +\d", printed)
    assert "what to do next" in printed
    assert f"--data={data} --run_dir=runs/tickets" in printed
