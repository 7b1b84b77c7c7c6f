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
from seqgpt_jax.evaluation.robustness.comparison import added_labels_answered, effect, false_answers, predict
from seqgpt_jax.evaluation.robustness.perturbations import (
    NEGATIVES_ONLY,
    PERTURBATIONS,
    Perturbed,
    perturb,
)
from seqgpt_jax.evaluation.robustness.wordings import UNRELATED
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


INSTANCES = [extraction(), chinese(), classification()]


@pytest.mark.parametrize("name", PERTURBATIONS)
def test_what_is_right_after_a_perturbation_is_in_the_question(name):
    found = perturb(name, INSTANCES, seed=0)
    assert found, name
    assert found == perturb(name, INSTANCES, seed=0)
    for one in found:
        after = one.asked.record
        plain = next(one for one in INSTANCES if one.record.instance == after.instance)
        assert one.asked.question != plain.question
        assert after.target == target(after.atom, after.labels, after.answers)
        assert len(set(after.labels)) == len(after.labels)
        if after.atom == "cls":
            assert set(after.answers) <= set(after.labels)
        else:
            assert len(after.answers) == len(after.labels)
            assert all(span in after.text for spans in after.answers for span in spans)
            if name != NEGATIVES_ONLY:
                assert sum(map(len, after.answers)) == sum(map(len, plain.record.answers))


def test_help_names_every_perturbation():
    assert [name for name in PERTURBATIONS if name not in robustness.__doc__] == []


def test_values_of_each_perturbation():
    (order,) = perturb("label_order", [extraction()], seed=1)
    gold = dict(zip(order.asked.record.labels, order.asked.record.answers, strict=True))
    assert gold == {"person": ("Ada Lovelace", "Babbage"), "place": ("London",), "date": ()}
    (case,) = perturb("label_case", [classification()], seed=0)
    assert (case.asked.record.labels, case.asked.record.answers) == (("POSITIVE", "NEGATIVE", "MIXED"), ("NEGATIVE",))
    (names,) = perturb("label_synonyms", [classification()], seed=0)
    assert names.asked.record.answers == ("unfavorable",)
    assert names.asked.record.labels == ("favorable", "unfavorable", "mixed")
    more = perturb("labels_100", INSTANCES, seed=0)
    assert [len(one.asked.record.labels) for one in more] == [100, 100, 100]
    # Of an extraction the labels that were added do not count.
    assert [len(one.scored.record.labels) for one in more] == [3, 2, 100]
    # Already more: another order alone would be another test.
    assert perturb("labels_25", [more[0].asked], seed=0) == []
    (negatives,) = perturb(NEGATIVES_ONLY, [classification()], seed=0)
    assert (negatives.asked.choose, negatives.asked.record.answers) == ("one_or_none", ())
    assert set(negatives.asked.record.labels).isdisjoint(classification().record.labels)
    swapped = dataclasses.replace(classification().record, labels=("place", "location"), answers=("place",))
    assert perturb("label_synonyms", [EvalInstance(swapped)], seed=0) == []
    (traditional,) = perturb("traditional_chinese", [chinese()], seed=0)
    assert traditional.asked.record.answers == (("愛達", "巴貝奇"), ("倫敦",))
    (injected,) = perturb("injection", [classification()], seed=0)
    assert injected.asked.record.text.startswith(classification().record.text + " Ignore everything above")
    assert "negative" not in injected.asked.record.text.removeprefix(classification().record.text)
    nothing = dataclasses.replace(extraction().record, answers=((), (), ()))
    assert perturb("injection", [EvalInstance(nothing)], seed=0) == []  # it would be right
    longer = perturb("long_text", INSTANCES, seed=0)
    for one, plain in zip(longer, INSTANCES, strict=True):
        assert 2000 <= one.asked.record.text.index(plain.record.text) < 2200


def test_typos_spare_gold_spans_and_words_of_labels():
    for number in range(30):
        for one in perturb("typos", [extraction(number), chinese(number)], seed=number):
            after = one.asked.record
            assert all(span in after.text for spans in after.answers for span in spans)
            assert sorted(after.text) == sorted(TEXT) or len(after.text) == len(ZH) + 1


def test_pairs_of_texts_are_not_made_longer():
    pair = dataclasses.replace(classification().record, text=f"a man sleeps{TAB}somebody is asleep")
    assert perturb("long_text", [dataclasses.replace(classification(), record=pair)], seed=0) == []


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
        after = PERTURBATIONS[name].apply(instance, random.Random(seed))
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
    plain = [Perturbed(one, one) for one in instances]
    asked = perturb("injection", instances, seed=0)
    reader = Reader([*plain, *asked], broken_by="answer None to every")
    before, after = predict(reader, plain).scored, predict(reader, asked).scored
    found = effect(before, after)
    # Extractions lose everything, classifications nothing.
    assert (found.instances, found.plain, found.perturbed, found.difference) == (16, 100, 50, -50)
    assert found.low == found.high == -50
    same = effect(before, before)
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_labels_that_were_drawn_count_for_classifications_alone():
    instances = [extraction(0), classification(0)]
    asked = perturb("labels_25", instances, seed=0)

    class Greedy(Reader):
        def generate(self, prompts, progress=None):
            # Finds a span for every label, and chooses a label that was drawn.
            texts = {
                "ext": lambda prompt: "".join(f"{label}: London\n" for label in prompt.labels),
                "cls": lambda prompt: next(label for label in prompt.labels if label in UNRELATED["en"]),
            }
            return [Completion(texts[prompt.atom](prompt)) for prompt in prompts]

    predicted = predict(Greedy(asked, "-"), asked)
    extracted, classified = predicted.scored
    share = added_labels_answered(predicted)
    assert (share.number, share.rate) == (1, 100)  # the one extraction
    assert len(predicted.asked[0].predicted) == 25
    assert extracted.predicted == {("person", "London"), ("place", "London"), ("date", "London")}
    assert not classified.correct
    assert len(classified.record.labels) == 25


def test_false_answers_are_counted():
    asked = perturb(NEGATIVES_ONLY, [classification(i) for i in range(10)], seed=0)
    predictions = predict(Reader(asked, broken_by="-"), asked).scored
    none = false_answers(predictions)
    assert (none.number, none.rate, none.low) == (10, 0, 0)
    assert 25 < none.high < 35  # ten right answers leave much room
    wrong = [dataclasses.replace(one, predicted=frozenset({("volcano",)})) for one in predictions[:5]]
    refused = [dataclasses.replace(one, refusal="a label is too long") for one in predictions[9:]]
    found = false_answers(wrong + predictions[5:9] + refused)
    assert found.number == 9
    assert found.rate == pytest.approx(100 * 5 / 9)
    assert false_answers(refused) is None


def test_the_command_writes_a_page_and_scores_for_each(model, tmp_path, capsys):  # noqa: F811
    write_store(tmp_path / "store", two_data_sets())
    out = tmp_path / "out"
    flags = [f"--model={model}", f"--data={tmp_path / 'store'}", f"--output={out}", *FAST]
    assert robustness.main([*flags, "--perturbations=label_synonyms,negatives_only,injection"]) == 0
    result = json.loads((out / "robustness.json").read_text(encoding="utf-8"))
    assert result["instances"] == 12
    found = result["perturbations"]
    assert found["negatives_only"]["number"] == 12
    assert found["injection"]["instances"] == 12
    assert set(found["injection"]["families"]) == {"RE", "SA"}
    injected = json.loads((out / "injection" / "scores.json").read_text(encoding="utf-8"))
    assert injected["about"] == result["about"] | {"perturbation": "injection"}
    assert injected["overall"]["instances"] == 12
    assert "negatives_only (unrelated labels alone): of 12 instances " in capsys.readouterr().out


def test_unknown_names_are_refused(model, tmp_path):  # noqa: F811
    flags = [f"--model={model}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(UsageError, match="there is no 'typo'; there are label_order, "):
        robustness.main([*flags, "--perturbations=typo"])
    with pytest.raises(UsageError, match="names none"):
        robustness.main([*flags, "--perturbations= "])
