"""Evaluation asks what `decode` asks, and all of it."""

import dataclasses

import pytest

from seqgpt_jax.atomic import NONE, TAB
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.decoding.answers import Answer
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.evaluation.evaluator import EvaluateConfig, evaluate, instances_to_ask
from seqgpt_jax.evaluation.instances import EvalInstance, task_protocol
from seqgpt_jax.evaluation.predictions import compare
from seqgpt_jax.evaluation.report import write_report
from seqgpt_jax.io.contract import ModelContract
from tests.evaluation.records import choice, spans, two_data_sets, write_store


class Oracle:
    """Knows the spans or labels of every text, and answers each prompt about it rightly."""

    def __init__(self, records, **limits):
        self.limits = PromptLimits(ModelContract(**limits))
        self.gold = {}
        for record in records:
            known = self.gold.setdefault((record.atom, record.text), {})
            pairs = zip(record.labels, record.answers, strict=True) if record.atom == "ext" else ()
            known |= dict(pairs) or dict.fromkeys(record.answers, ())
        self.prompts = []

    def generate(self, prompts, progress=None):
        self.prompts += prompts
        return [Completion(self.complete(prompt)) for prompt in prompts]

    def complete(self, prompt):
        text = prompt.text.split("\n")[0].removeprefix("输入: ")
        gold = self.gold[prompt.atom, text]
        if prompt.atom == "cls":
            return TAB.join(label for label in prompt.labels if label in gold) or NONE
        return "".join(f"{query}: {TAB.join(gold.get(query, ())) or NONE}\n" for query in prompt.labels)


def with_own_texts(records):
    """Gives each instance a text of its own, so that the oracle can tell them apart."""
    return [
        choice(r.id, r.answers[0], r.family, r.language, text=r.instance)
        if r.atom == "cls"
        else dataclasses.replace(r, text=f"{r.instance} 李雷 甲 乙")
        for r in records
    ]


def test_a_perfect_model(tmp_path):
    records = with_own_texts(two_data_sets())
    oracle = Oracle(records)
    got = evaluate(oracle, [write_store(tmp_path / "store", records)], EvaluateConfig(records=None))
    assert got.overall.paper_score("fixed") == 1
    # The chunks of an instance are asked again as the model's contract says: three queries fit one prompt.
    assert got.overall.prompts == len(oracle.prompts) == 12
    assert got.overall.instances == 12
    assert got.mixtures.keys() == {"mix"}


def test_queries_are_asked_in_the_chunks_of_the_model(tmp_path):
    records = with_own_texts(two_data_sets())
    oracle = Oracle(records, max_queries=1)
    got = evaluate(oracle, [write_store(tmp_path / "store", records)], EvaluateConfig(records=None))
    assert got.overall.paper_score("fixed") == 1
    assert got.overall.prompts == len(oracle.prompts) == 18


def test_only_the_sample_is_asked_and_answers_keep_their_place(tmp_path):
    records = with_own_texts(two_data_sets())
    oracle = Oracle(records)
    got = evaluate(oracle, [write_store(tmp_path / "store", records)], EvaluateConfig(records=2))
    assert len(oracle.prompts) == len(got.predictions) == 6
    asked = {(prompt.atom, prompt.labels) for prompt in oracle.prompts}
    assert {(item.record.atom, item.record.labels) for item in got.predictions} == asked
    assert all(item.correct for item in got.predictions)


def many_labels(number=3, labels=40):
    """Each instance of a set of 40 labels, as two chunks."""
    records = []
    for instance in range(number):
        for chunk in range(2):
            names = tuple(f"label {label}" for label in range(20 * chunk, 20 * chunk + labels // 2))
            gold = (f"label {7 + instance}",) if chunk == 0 else ()
            record = choice(f"many/test/{instance}#{chunk}", "positive", "ID", text=f"text {instance}")
            records.append(dataclasses.replace(record, labels=names, answers=gold))
    return records


def test_every_label_is_asked(tmp_path):
    store, oracle = write_store(tmp_path / "store", many_labels()), Oracle(many_labels(), max_labels=16)
    got = evaluate(oracle, [store], EvaluateConfig(records=None))
    assert got.overall.f1 == 1
    for prediction in got.predictions:
        text = f"输入: {prediction.record.text}\n"
        asked = {label for prompt in oracle.prompts if prompt.text.startswith(text) for label in prompt.labels}
        assert asked == {f"label {number}" for number in range(40)}
        assert task_protocol([prediction.instance]) == "all labels"


def test_a_cheaper_protocol_is_named(tmp_path):
    store = write_store(tmp_path / "store", many_labels())
    for instance in instances_to_ask([store], EvaluateConfig(records=None, candidates=16)):
        assert len(instance.record.labels) == 16
        assert set(instance.record.answers) < set(instance.record.labels)
        assert task_protocol([instance]) == "16 of 40 candidates, gold included"
    for instance in instances_to_ask([store], EvaluateConfig(records=None, candidates=40)):
        assert task_protocol([instance]) == "all labels"


def test_extractions_are_asked_all_queries_whatever_the_number_of_candidates(tmp_path):
    store = write_store(tmp_path / "store", [spans("ner/test/1#0", {"a": (), "b": (), "c": ("text",)})])
    (instance,) = instances_to_ask([store], EvaluateConfig(records=None, candidates=2))
    assert instance.record.labels == ("a", "b", "c")


def test_what_cannot_be_asked_counts_as_answered_with_nothing(tmp_path):
    long = "a query that is longer than the answer may be " * 3
    records = [
        spans("ner/test/1#0", {"person": ("text",), "city": ()}),
        spans("ner/test/2#0", {long.strip(): ("a",), "city": ()}),
    ]
    oracle = Oracle(records)
    oracle.limits = PromptLimits(ModelContract(), 24, train_tokenizer(["person: text\ncity: None\n"] * 3, 300))
    scores = evaluate(oracle, [write_store(tmp_path / "store", records)], EvaluateConfig(records=None))
    by_id = {prediction.record.instance: prediction for prediction in scores.predictions}
    assert by_id["ner/test/1"].correct
    assert "Decode.max_new_tokens" in by_id["ner/test/2"].refusal
    assert len(by_id["ner/test/2"].confidences) == len(by_id["ner/test/2"].answers)
    assert by_id["ner/test/2"].answers == ((), ())
    assert scores.overall.recall == 0.5
    write_report(scores, tmp_path / "report", {})
    lines = (tmp_path / "report" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum("Decode.max_new_tokens" in line for line in lines) == 1


def test_overlapping_stores_are_refused_before_anything_is_asked(tmp_path):
    store = write_store(tmp_path / "store", two_data_sets())
    oracle = Oracle(two_data_sets())
    with pytest.raises(ValueError, match="same task and split"):
        evaluate(oracle, [store, store], EvaluateConfig(records=None))
    assert oracle.prompts == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mode": "best"}, "Evaluate.mode"),
        ({"records": 0}, "Evaluate.records"),
        ({"candidates": 1}, "Evaluate.candidates"),
        ({"resamples": 0}, "Evaluate.resamples"),
        ({"splits": ("train",)}, "Evaluate.splits"),
        ({"mixtures": "cluener"}, r"Evaluate.mixtures must be a list, such as \('cluener',\)"),
    ],
)
def test_settings_are_checked(fields, message):
    with pytest.raises(ValueError, match=message):
        EvaluateConfig(**fields)


class ShortSighted(Oracle):
    """Reads the last ten characters of a text."""

    def generate(self, prompts, progress=None):
        completions = super().generate(prompts)
        texts = [prompt.text.split("\n")[0].removeprefix("输入: ") for prompt in prompts]
        return [
            dataclasses.replace(completion, truncated=len(text) - 10, text_read=text[-10:])
            if len(text) > 10
            else completion
            for completion, text in zip(completions, texts, strict=True)
        ]


def test_gold_spans_out_of_reach_are_counted(tmp_path):
    long, short = "Ann Lee met Bob in Rome", "Ann"
    records = [
        dataclasses.replace(spans("ner/test/0#0", {"PER": ("Ann Lee", "Bob"), "LOC": ("Rome",)}), text=long),
        dataclasses.replace(spans("ner/test/1#0", {"PER": ("Ann",), "LOC": ()}), text=short),
        choice("sa/test/0#0", "positive", text=long),
    ]
    generator = ShortSighted(records, max_queries=1)
    got = evaluate(generator, [write_store(tmp_path / "store", records)], EvaluateConfig(records=None)).overall
    # "Bob in Rome" has eleven characters.
    assert (got.gold_spans, got.unreachable_spans) == (4, 2)
    assert (got.prompts, got.truncated_prompts) == (5, 3)


def test_a_span_that_one_window_has_read_is_not_out_of_reach():
    record = dataclasses.replace(spans("ner/test/0#0", {"PER": ("Ada", "Bob", "Eve")}), text="Ada met Bob. Eve came.")
    windows = [Prompt("ext", ("PER",), "", source_text=text) for text in ("Ada met Bob.", "Eve came.")]
    read = (Completion("PER: Ada\n"), Completion("PER: None\n", truncated=1, text_read="came."))
    instance = EvalInstance(record, candidates=1)
    answer = Answer(instance.question, {"PER": ["Ada"]}, {"PER": ()}, tuple(windows), read, well_formed=True)
    prediction = compare(instance, answer)
    assert prediction.unreachable == {("PER", "Eve")}
