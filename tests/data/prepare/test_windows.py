"""Long texts: every span that fits is in a window, every prompt fits, and the question survives."""

import dataclasses
import itertools
import random
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import TEMPLATES, Instance, families
from seqgpt_jax.data.prepare import sampling
from seqgpt_jax.data.prepare.label_set import LabelSet
from seqgpt_jax.data.prepare.sampling import ExampleSampler, SkipInstance
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.prepare.windows import extraction_windows, span_places, text_windows, window_around
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
    found = extraction_windows(instance, letters(text), 80)
    assert not any(window.barred for window in found)
    windows = [window.instance for window in found]
    assert len(windows) > 1
    assert {span for window in windows for span in window.gold.get("person", ())} == set(spans)
    for window in windows:
        assert set(window.gold.get("person", ())) == {span for span in spans if span in window.text}
        assert window.gold["city"] == ()


def searched(instance: Instance, room: int) -> tuple[list[Instance], dict[str, set[str]]]:
    """The windows of a text whose tokens are letters, by a search for every span in every window, and lost spans."""
    windows = []
    for number, (start, end) in enumerate(text_windows(instance.text, letters(instance.text), room)):
        piece = instance.text[start:end].strip()
        present = {label: tuple(span for span in spans if span in piece) for label, spans in instance.gold.items()}
        gold = {label: spans for label, spans in present.items() if spans or not instance.gold[label]}
        if piece:
            windows.append(dataclasses.replace(instance, id=f"{instance.id}@{number}", text=piece, gold=gold))
    lost = {
        label: {span for span in spans if not any(span in window.text for window in windows)}
        for label, spans in instance.gold.items()
    }
    return windows, lost


@given(
    st.text("ab. \u3000", max_size=120),
    st.dictionaries(st.sampled_from(["x", "y", "z"]), st.lists(st.text("ab. ", max_size=20), unique=True).map(tuple)),
    st.lists(st.integers(2, 40), min_size=1, max_size=3),
)
def test_windows_hold_the_spans_that_a_search_finds_in_them(text, gold, rooms) -> None:
    instance = Instance("1", "ext", text, gold)
    places = span_places(instance)
    for room in rooms:
        found = extraction_windows(instance, letters(text), room, places)
        windows, lost = searched(instance, room)
        assert [window.instance for window in found] == windows
        assert [list(window.instance.gold) for window in found] == [list(window.gold) for window in windows]
        assert found == extraction_windows(instance, letters(text), room)
        for window in found:
            # Barred are labels with a lost span, where none of their spans or a part of a lost one is in the window.
            without = {label for label in gold if lost[label] and label not in window.instance.gold}
            assert without <= window.barred <= {label for label in gold if lost[label]}


def test_spans_are_searched_once_for_windows_of_any_size(counts, monkeypatch) -> None:
    names = tuple(f"Person{i}" for i in range(300))
    instance = Instance("1", "ext", " ".join(f"{name} left." for name in names), {"person": names})
    searches, sizes = [], []
    monkeypatch.setattr(sampling, "span_places", lambda one: searches.append(one) or span_places(one))
    monkeypatch.setattr(
        sampling, "extraction_windows", lambda *args: sizes.append(args[2]) or extraction_windows(*args)
    )
    sampler = ExampleSampler(max_target_tokens=64, counts=counts)
    sampled = sampler.training_examples(instance, LabelSet.of({"person": 1, "city": 1}), ("person",), 0, ZH)
    assert sampled.lost_spans == 0
    assert len(set(sizes)) == len(sizes) > 2
    assert searches == [instance]


def test_a_label_with_a_lost_span_is_asked_where_no_part_of_it_is() -> None:
    text = "Ann and " + "a " * 50 + "x" * 60 + " Bob" + " b" * 50 + " Cem"
    gold = {"x": ("Ann", "x" * 60, "Bob"), "y": ("Bob", "Cem"), "z": ("x" * 60,)}
    found = extraction_windows(Instance("1", "ext", text, gold), letters(text), 40)
    for window, barred in found:
        touched = "xx" in window.text
        assert ("x" in barred) == (touched or "x" not in window.gold)
        assert "y" not in barred
        assert "z" in barred
    assert [window.gold["x"] for window, barred in found if "x" not in barred] == [("Ann",)]
    assert any(window.gold.get("x") == ("Bob",) for window, barred in found if "x" in barred)


LONG_ANSWER = " and ".join(f"{name} left Oslo" for name in NAMES * 5)
AROUND = "他在北京。" * 12


def test_a_question_whose_answer_is_in_no_window_is_dropped(counts) -> None:
    instance = families.reading("1", f"{AROUND}{LONG_ANSWER}. {AROUND}", "who left?", [LONG_ANSWER])
    for sampler in (
        ExampleSampler(max_target_tokens=64, counts=counts),
        ExampleSampler(max_prompt_tokens=128, counts=counts),
    ):
        with pytest.raises(SkipInstance, match="no window of its text holds all of a span of 'who left") as error:
            sampler.training_examples(instance, LabelSet.of({}), ("who left?",), 0, ZH)
        assert error.value.reason == "span_too_long"
        # Evaluation asks it: what the model cannot see counts against it.
        (example,) = sampler.evaluation_examples(instance, LabelSet.of({}), ZH).examples
        assert (example.text, example.answers) == (instance.text, ((LONG_ANSWER,),))
    (example,) = (
        ExampleSampler(counts=counts).training_examples(instance, LabelSet.of({}), ("who left?",), 0, ZH).examples
    )
    assert example.answers == ((LONG_ANSWER,),)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.booleans(), st.sampled_from([0.0, 0.6]))
def test_no_training_prompt_asks_for_half_of_a_span(counts, seed, own_labels, share) -> None:
    """Every prompt of a text with spans that no window holds says all that is to be found in its part of the text."""
    rng = random.Random(seed)
    parts = [f"{name} left." for name in NAMES for _ in range(12)] + [f"{LONG_ANSWER}.", AROUND]
    rng.shuffle(parts)
    gold = {"event": (LONG_ANSWER, "Dia left."), "person": NAMES, "phrase": (LONG_ANSWER,)}
    labels = (*gold, "city of birth", "date") if own_labels else ()
    instance = Instance(str(seed), "ext", " ".join(parts), gold, labels)
    label_set = LabelSet.of(dict.fromkeys((*gold, "city of birth", "date", "long phrase"), 1))
    kept = {"person", *rng.sample(sorted(gold), rng.randint(1, 3))}
    sampler = ExampleSampler(max_prompt_tokens=128, max_target_tokens=64, empty_extractions=share, counts=counts)
    sampled = sampler.training_examples(instance, label_set, tuple(sorted(kept)), 0, ZH)
    found = set()
    for example in sampled.examples:
        assert not {"phrase", "long phrase"} & set(example.labels)
        for label, spans in zip(example.labels, example.answers, strict=True):
            assert set(spans) == {span for span in gold.get(label, ()) if span in example.text}
            found |= {(label, span) for span in spans}
            if label == "event":
                assert spans == ("Dia left.",)
                assert "and" not in example.text
    assert {("person", name) for name in NAMES} <= found
    # Of the label that is asked in part, one span may be in no window that no part of the long one is in.
    assert sampled.lost_spans in (2, 3)


def test_a_span_that_is_not_in_a_long_text_is_not_called_too_long(counts) -> None:
    instance = Instance("1", "ext", AROUND * 20, {"person": ("Zoe",)})
    with pytest.raises(SkipInstance) as error:
        ExampleSampler(max_prompt_tokens=128, counts=counts).training_examples(
            instance, LabelSet.of({"person": 1, "city": 1}), ("person",), 0, ZH
        )
    assert error.value.reason == "span_not_in_text"


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
    own = dataclasses.replace(instance, labels=label_set.labels)
    most = max(len(example.labels) for example in sampler.evaluation_examples(own, LabelSet.of({}), ZH).examples)
    (example,) = sampler.training_examples(own, LabelSet.of({}), (gold,), 0, ZH).examples
    assert counts.text(ZH.render(example)[0]) <= 256
    assert example.answers == (gold,)
    assert 1 < len(example.labels) <= most
