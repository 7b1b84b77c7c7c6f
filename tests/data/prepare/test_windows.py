"""Long texts: every span that fits is in a window, every prompt fits, and the question survives."""

import itertools
import random
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgpt_jax.atomic import TEMPLATES, Instance, families
from seqgpt_jax.data.prepare.label_set import LabelSet
from seqgpt_jax.data.prepare.sampling import ExampleSampler, SkipInstance
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.prepare.windows import extraction_windows, text_windows, window_around
from seqgpt_jax.data.tokenizer import encoder_of, train_tokenizer

ZH = TEMPLATES["chinese"]
NAMES = ("Ada", "Bob", "Cem", "Dia")


def letters(text: str) -> list[tuple[int, int]]:
    return [(i, i + 1) for i in range(len(text))]


@pytest.fixture(scope="module")
def counts() -> TokenCounts:
    sentences = [f"{name} moved to {city}. 他在{city}。" for name in NAMES for city in ("Turin", "Oslo", "北京")]
    return TokenCounts(encoder_of(train_tokenizer(sentences, 320)))


@given(st.text("ab .。\n", max_size=200), st.integers(2, 40))
def test_windows_cover_the_text_in_order_and_hold_at_most_room(text, room) -> None:
    windows = text_windows(text, letters(text), room)
    assert windows[0][0] == 0
    assert windows[-1][1] == len(text)
    for start, end in windows:
        assert end - start <= room
    for (start, end), (later, later_end) in itertools.pairwise(windows):
        assert start < later <= end < later_end or (later == end)
        assert end - later <= room // 8


def test_windows_end_with_sentences_and_repeat_whole_ones() -> None:
    text = "".join(f"Number {i} is here. " for i in range(30))
    windows = text_windows(text, letters(text), 200)
    assert len(windows) > 3
    assert all(text[start:end].startswith("Number") and text[start:end].endswith(". ") for start, end in windows)
    chinese = "".join(f"第{i}句在这里。" for i in range(30))
    assert all(chinese[:end].endswith("。") for _, end in text_windows(chinese, letters(chinese), 60))


def test_a_decimal_point_ends_no_sentence() -> None:
    text = "x" * 20 + " it costs 3.14159265 euros"
    (_, end), *_ = text_windows(text, letters(text), 34)
    assert text[:end].endswith(" ")
    assert "3" not in text[:end]


@given(st.integers(0, 10**6))
def test_spans_of_windows_are_those_of_the_text(seed) -> None:
    rng = random.Random(seed)
    text = " ".join(rng.choice([*NAMES, "went", "home.", "then"]) for _ in range(120))
    spans = tuple(dict.fromkeys(word for word in text.split() if word in NAMES))
    instance = Instance("1", "ext", text, {"person": spans, "city": ()})
    windows, lost = extraction_windows(instance, letters(text), 80)
    assert lost == 0
    assert len(windows) > 1
    assert {span for window in windows for span in window.gold.get("person", ())} == set(spans)
    for window in windows:
        assert set(window.gold.get("person", ())) == {span for span in spans if span in window.text}
        assert window.gold["city"] == ()


def test_a_span_that_no_window_holds_is_counted() -> None:
    text = "a " * 50 + "x" * 60 + " b" * 50
    windows, lost = extraction_windows(Instance("1", "ext", text, {"x": ("x" * 60,)}), letters(text), 40)
    assert lost == 1
    assert not any(window.gold for window in windows)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_cut_question_keeps_its_mention_and_its_words(counts, language) -> None:
    filler = "nothing happens here. " * 60
    sentence = f"{filler}Ada moved to Turin. {filler}"
    instance = families.entity_typing("1", sentence, "Turin", ["city"], language)
    sampler = ExampleSampler(max_prompt_tokens=128, counts=counts)
    label_set = LabelSet.of({"city": 1, "person": 1, "date": 1})
    for sampled in (
        sampler.training_examples(instance, label_set, ("city",), 0, ZH),
        sampler.evaluation_examples(instance, label_set, ZH),
    ):
        (example,) = sampled.examples
        assert example.text.count("Turin") == 2  # in the question and in the sentence
        assert example.text.startswith("what is") or example.text.endswith("的实体类型是什么？")
        prompt, _ = ZH.render(example)
        assert 80 < counts.text(prompt) <= 128


def test_mentions_that_are_too_far_from_each_other(counts) -> None:
    sentence = "Ada" + " and then " * 300 + "Turin"
    instance = families.relation_typing("1", sentence, "Ada", "Turin", ["lives in"], "en")
    sampler = ExampleSampler(max_prompt_tokens=128, counts=counts)
    with pytest.raises(SkipInstance) as error:
        sampler.training_examples(instance, LabelSet.of({"lives in": 1, "left": 1}), ("lives in",), 0, ZH)
    assert error.value.reason == "mentions_too_far"


def test_a_part_that_is_not_there() -> None:
    assert window_around("abc", letters("abc"), 2, ["z"]) is None
    assert window_around("abc", letters("abc"), 2, []) is None


def test_parts_are_whole_words_where_they_are_closest_together() -> None:
    filler = "Nothing happens here. " * 20
    text = f"Annual figures. {filler}Bob left. {filler}Ann met Bob in Turin. {filler}Ann left. {filler}"
    window = window_around(text, letters(text), 60, ["Ann", "Bob"])
    assert window is not None
    assert "Ann met Bob in Turin." in window
    assert "Annual" in window_around(text, letters(text), 60, ["Annual"])
    # A part within a word counts where it has no other place.
    assert window_around(text, letters(text), 60, ["nnua"]).startswith("Annual")


@given(st.lists(st.sampled_from(["a", "b", "c", "x", "xy."]), max_size=40), st.integers(2, 30))
def test_parts_that_fit_are_found(words, room) -> None:
    text = " ".join(words)
    window = window_around(text, letters(text), room, ["a", "b", "c"])
    fits = any({"a", "b", "c"} <= set(re.findall(r"\w+", text[i : i + room])) for i in range(len(text)))
    assert (window is not None) == fits
    assert window is None or ({"a", "b", "c"} <= set(window) and len(window) <= room)


def test_many_mentions_take_no_long() -> None:
    text = "Ann met Bob. " * 10_000
    started = time.monotonic()
    assert window_around(text, letters(text), 40, ["Ann", "Bob"]).startswith("Ann met Bob.")
    assert time.monotonic() - started < 10


def test_training_prompts_of_long_documents_fit_and_lose_no_span(counts) -> None:
    text = " ".join(
        f"{name} met {other} in Oslo on day {i}." for i in range(40) for name, other in [NAMES[:2], NAMES[2:]]
    )
    instance = Instance("1", "ext", text, {"person": NAMES, "city": ("Oslo",)})
    label_set = LabelSet.of({"person": 1, "city": 1, "date": 1, "price": 1})
    sampler = ExampleSampler(max_prompt_tokens=128, empty_extractions=0.3, counts=counts)
    sampled = sampler.training_examples(instance, label_set, ("person", "city"), 0, ZH)
    assert sampled.windows > 5
    assert sampled.lost_spans == 0
    assert all(counts.text(ZH.render(example)[0]) <= 128 for example in sampled.examples)
    found = {span for example in sampled.examples for spans in example.answers for span in spans}
    assert found == {*NAMES, "Oslo"}


def test_an_answer_that_is_too_long_gets_smaller_windows(counts) -> None:
    names = tuple(f"Person{i}" for i in range(60))
    text = " ".join(f"{name} left." for name in names)
    instance = Instance("1", "ext", text, {"person": names})
    sampler = ExampleSampler(max_target_tokens=64, counts=counts)
    sampled = sampler.training_examples(instance, LabelSet.of({"person": 1, "city": 1}), ("person",), 0, ZH)
    found = {span for example in sampled.examples for spans in example.answers for span in spans}
    assert found == set(names)
    for example in sampled.examples:
        assert counts.text(ZH.render(example)[1]) < 64


def test_labels_of_a_prompt_leave_room_for_its_text(counts) -> None:
    label_set = LabelSet.of({f"a long intent number {i} of the bank": 1 for i in range(100)})
    gold = "a long intent number 7 of the bank"
    instance = Instance("1", "cls", "where is my card? " * 3, {gold: ()})
    sampler = ExampleSampler(max_labels=64, max_prompt_tokens=256, counts=counts)
    examples = sampler.evaluation_examples(instance, label_set, ZH).examples
    assert sorted(label for example in examples for label in example.labels) == sorted(label_set.labels)
    examples = [*examples, *sampler.training_examples(instance, label_set, (gold,), 0, ZH).examples]
    assert all(counts.text(ZH.render(example)[0]) <= 256 for example in examples)
    assert gold in examples[-1].labels
    assert len(examples[-1].labels) > 1
