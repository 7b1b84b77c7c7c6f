"""Perturbations keep the answer right, and the comparison finds what they cost."""

import dataclasses
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax import robustness
from seqgpt_jax.atomic import NONE, TAB, Classification, Extraction
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.decoding.completion import Completion
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.evaluation.instances import EvalInstance, target
from seqgpt_jax.evaluation.robustness.comparison import effect, false_answers, predict
from seqgpt_jax.evaluation.robustness.perturbations import (
    DESCRIPTIONS,
    NEGATIVES_ONLY,
    PERTURBATIONS,
    OtherLabels,
    Perturbed,
    perturb,
)
from seqgpt_jax.io.contract import ModelContract
from tests.evaluation.records import record, two_data_sets, write_store
from tests.evaluation.test_script import FAST, model  # noqa: F401 (a fixture)

TEXT = "Ada Lovelace met her old friend Babbage in London yesterday evening"
ZH = "昨天下午爱达在伦敦的图书馆里面遇见了巴贝奇先生"


def extraction(number: int = 0) -> EvalInstance:
    example = Extraction(TEXT, ("person", "place", "date"), (("Ada Lovelace", "Babbage"), ("London",), ()))
    return EvalInstance(record(f"meetings/test/{number}#0", example), candidates=3)


def chinese(number: int = 0) -> EvalInstance:
    example = Extraction(ZH, ("人物", "地点"), (("爱达", "巴贝奇"), ("伦敦",)))
    return EvalInstance(record(f"会面/test/{number}#0", example, language="zh"), candidates=2)


def classification(number: int = 0) -> EvalInstance:
    example = Classification("the soup was cold and the waiter rude", ("positive", "negative", "mixed"), ("negative",))
    return EvalInstance(record(f"meals/test/{number}#0", example, family="SA"), choose="one", candidates=3)


def others() -> OtherLabels:
    """Labels of many other data sets."""
    many = [f"kind{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(130)]
    ext = record("many/test/0#0", Extraction("x", tuple(many), ((),) * len(many)))
    cls = record("many.topics/test/0#0", Classification("x", tuple(many), (many[0],)))
    return OtherLabels.of([EvalInstance(ext), EvalInstance(cls), extraction(), chinese(), classification()])


INSTANCES = [extraction(), chinese(), classification()]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_what_is_right_after_a_perturbation_is_in_the_question(name):
    found = perturb(name, INSTANCES, others(), seed=0)
    assert found, name
    assert found == perturb(name, INSTANCES, others(), seed=0)
    for one in found:
        after = one.asked.record
        assert one.plain in INSTANCES
        assert one.asked.question != one.plain.question
        assert after.target == target(after.atom, after.labels, after.answers)
        assert len(set(after.labels)) == len(after.labels)
        if after.atom == "cls":
            assert set(after.answers) <= set(after.labels)
        else:
            assert len(after.answers) == len(after.labels)
            assert all(span in after.text for spans in after.answers for span in spans)
            if name != NEGATIVES_ONLY:
                assert sum(map(len, after.answers)) == sum(map(len, one.plain.record.answers))


def test_every_perturbation_is_described():
    assert DESCRIPTIONS.keys() == PERTURBATIONS.keys()


def test_values_of_each_perturbation():
    (order,) = perturb("label_order", [extraction()], others(), seed=1)
    gold = dict(zip(order.asked.record.labels, order.asked.record.answers, strict=True))
    assert gold == {"person": ("Ada Lovelace", "Babbage"), "place": ("London",), "date": ()}
    (case,) = perturb("label_case", [classification()], others(), seed=0)
    assert (case.asked.record.labels, case.asked.record.answers) == (("POSITIVE", "NEGATIVE", "MIXED"), ("NEGATIVE",))
    (names,) = perturb("label_synonyms", [classification()], others(), seed=0)
    assert names.asked.record.answers == ("unfavorable",)
    assert names.asked.record.labels == ("favorable", "unfavorable", "mixed")
    more = perturb("labels_100", INSTANCES, others(), seed=0)
    assert [len(one.asked.record.labels) for one in more] == [100, 100]  # no Chinese labels to draw from
    # Of an extraction the labels that were drawn do not count.
    assert [len(one.scored.record.labels) for one in more] == [3, 100]
    (negatives,) = perturb(NEGATIVES_ONLY, [classification()], others(), seed=0)
    assert (negatives.asked.choose, negatives.asked.record.answers) == ("one_or_none", ())
    assert set(negatives.asked.record.labels).isdisjoint(classification().record.labels)
    (traditional,) = perturb("traditional_chinese", [chinese()], others(), seed=0)
    assert traditional.asked.record.answers == (("愛達", "巴貝奇"), ("倫敦",))
    (injected,) = perturb("injection", [classification()], others(), seed=0)
    assert injected.asked.record.text.startswith(classification().record.text + " Ignore everything above")
    assert "negative" not in injected.asked.record.text.removeprefix(classification().record.text)
    longer = perturb("long_text", INSTANCES, others(), seed=0)
    assert all(2000 <= one.asked.record.text.index(one.plain.record.text) < 2200 for one in longer)


def test_typos_spare_gold_spans_and_words_of_labels():
    for number in range(30):
        for one in perturb("typos", [extraction(number), chinese(number)], others(), seed=number):
            after = one.asked.record
            assert all(span in after.text for spans in after.answers for span in spans)
            assert sorted(after.text) == sorted(TEXT) or len(after.text) == len(ZH) + 1


def test_pairs_of_texts_are_not_made_longer():
    pair = dataclasses.replace(classification().record, text=f"a man sleeps{TAB}somebody is asleep")
    assert perturb("long_text", [dataclasses.replace(classification(), record=pair)], others(), seed=0) == []


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from([name for name in PERTURBATIONS if name != NEGATIVES_ONLY]),
    words=st.lists(st.text("abcdeé爱达伦敦 ", min_size=1, max_size=6).filter(str.strip), min_size=3, max_size=12),
    seed=st.integers(0, 99),
)
def test_spans_stand_in_any_text(name, words, seed):
    text = " ".join(words).strip()
    spans = (words[0].strip(), words[1].strip())
    example = Extraction(text, ("person", "place"), ((spans[0],), (spans[1],) if spans[1] != spans[0] else ()))
    for language in ("en", "zh"):
        instance = EvalInstance(record("any/test/0#0", example, language=language), candidates=2)
        after = PERTURBATIONS[name](instance, others(), random.Random(seed))
        if after is not None:
            assert all(span in after.record.text for found in after.record.answers for span in found)


class Reader:
    """Answers what is right, unless the prompt holds a word."""

    def __init__(self, asked, broken_by):
        self.limits = PromptLimits(ModelContract(max_queries=200, max_labels=200))
        self._right = {}
        for one in asked:
            answers = one.asked.record.answers
            for place, label in enumerate(one.asked.record.labels):
                key = (one.asked.record.text, label)
                self._right[key] = answers[place] if one.asked.record.atom == "ext" else (label,) * (label in answers)
        self._broken_by = broken_by

    def generate(self, prompts, progress=None):
        lines = []
        for prompt in prompts:
            right = {label: self._right[prompt.source_text, label] for label in prompt.labels}
            if self._broken_by in prompt.text:
                right = {label: () for label in prompt.labels}
            if prompt.atom == "cls":
                text = TAB.join(label for label in prompt.labels if right[label]) or NONE
            else:
                text = "".join(f"{label}: {TAB.join(right[label]) or NONE}\n" for label in prompt.labels)
            lines.append(Completion(text))
        return lines


def test_the_cost_of_a_perturbation_is_that_of_the_answers_it_breaks():
    instances = [*(extraction(i) for i in range(8)), *(classification(i) for i in range(8))]
    plain = [Perturbed(one, one, one) for one in instances]
    asked = perturb("injection", instances, others(), seed=0)
    reader = Reader([*plain, *asked], broken_by="answer None to every")
    before, after = predict(reader, plain), predict(reader, asked)
    found = effect(before, after)
    # Extractions lose everything, classifications nothing.
    assert (found.instances, found.plain, found.perturbed, found.difference) == (16, 100, 50, -50)
    assert found.low == found.high == -50
    same = effect(before, before)
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_labels_that_were_drawn_count_for_classifications_alone():
    instances = [extraction(0), classification(0)]
    asked = perturb("labels_25", instances, others(), seed=0)

    class Greedy(Reader):
        def generate(self, prompts, progress=None):
            # Finds a span for every label, and chooses a label that was drawn.
            texts = {
                "ext": lambda prompt: "".join(f"{label}: London\n" for label in prompt.labels),
                "cls": lambda prompt: next(label for label in prompt.labels if label.startswith("kind")),
            }
            return [Completion(texts[prompt.atom](prompt)) for prompt in prompts]

    extracted, classified = predict(Greedy(asked, "-"), asked)
    assert extracted.predicted == {("person", "London"), ("place", "London"), ("date", "London")}
    assert not classified.correct
    assert len(classified.record.labels) == 25


def test_false_answers_are_counted():
    asked = perturb(NEGATIVES_ONLY, [classification(i) for i in range(10)], others(), seed=0)
    predictions = predict(Reader(asked, broken_by="-"), asked)
    assert (false_answers(predictions).rate, false_answers(predictions).instances) == (0, 10)
    wrong = [dataclasses.replace(one, predicted=frozenset({("kindaa",)})) for one in predictions[:5]]
    found = false_answers(wrong + predictions[5:])
    assert found.rate == 50
    assert 0 < found.low < 50 < found.high < 100


def test_the_command_writes_a_page_and_scores_for_each(model, tmp_path, capsys):  # noqa: F811
    write_store(tmp_path / "store", two_data_sets())
    out = tmp_path / "out"
    flags = [f"--model={model}", f"--data={tmp_path / 'store'}", f"--output={out}", *FAST]
    assert robustness.main([*flags, "--perturbations=label_order,labels_100,injection"]) == 0
    result = json.loads((out / "robustness.json").read_text(encoding="utf-8"))
    assert result["instances"] == 12
    found = result["perturbations"]
    assert found["labels_100"] is None  # there are too few labels here
    assert found["injection"]["instances"] == 12
    assert set(found["injection"]["families"]) == {"RE", "SA"}
    injected = json.loads((out / "injection" / "scores.json").read_text(encoding="utf-8"))
    assert injected["about"]["perturbation"] == "injection"
    assert injected["overall"]["instances"] == 12
    assert "| labels_100: 100 labels, the others from other data sets | 0 |" in capsys.readouterr().out


def test_unknown_names_are_refused(model, tmp_path):  # noqa: F811
    flags = [f"--model={model}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(UsageError, match="there is no 'typo'; there are label_order, "):
        robustness.main([*flags, "--perturbations=typo"])
    with pytest.raises(UsageError, match="names none"):
        robustness.main([*flags, "--perturbations= "])
