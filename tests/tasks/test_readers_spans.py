"""Readers of spans: lists of tokens, character offsets, marks inside the text, rows of the hub."""

from pathlib import Path

import pytest

from seqgpt_jax.data.raw.sources import PARQUET, HuggingFace, Tfds
from seqgpt_jax.data.raw.task_spec import DatasetSpec, Task
from seqgpt_jax.tasks.assistants.english import top_level_slots
from seqgpt_jax.tasks.assistants.massive import english_slot
from seqgpt_jax.tasks.ner.chinese import character_spans
from seqgpt_jax.tasks.ner.clinical_zh import textbook_spans
from seqgpt_jax.tasks.ner.nested import genia_type, vehicle_spans
from seqgpt_jax.tasks.readers.hub import hub, tfds
from seqgpt_jax.tasks.readers.inline import CURLY, SQUARE, marked_spans
from seqgpt_jax.tasks.readers.names import verbatim
from seqgpt_jax.tasks.readers.offsets import spans_at
from seqgpt_jax.tasks.readers.record import Record
from seqgpt_jax.tasks.readers.tagged import word_tags
from seqgpt_jax.tasks.readers.tokens import bare, begin_inside, numbered, tagged_tokens, token_entities
from seqgpt_jax.tasks.slots.chinese import shop_slot


def built(build, value):
    (item,) = build(Record(Path("file"), 1, value))
    return item.text, dict(item.gold)


def test_tags_by_name_by_number_and_without_prefix():
    tokens = ["Ada", "May", "of", "Rome"]
    expected = ("Ada May of Rome", {"PER": ("Ada May",), "LOC": ("Rome",)})
    assert built(tagged_tokens(), {"tokens": tokens, "ner_tags": ["B-PER", "I-PER", "O", "B-LOC"]}) == expected
    tag = numbered(begin_inside("PER", "LOC"))
    assert built(tagged_tokens(tag=tag), {"tokens": tokens, "ner_tags": [1, 2, 0, 3]}) == expected
    words = {"words": tokens, "ner": ["PER", "PER", "O", "LOC"]}
    assert built(tagged_tokens(tokens="words", tags="ner", tag=bare), words) == expected


def test_characters_are_joined_without_spaces():
    assert built(tagged_tokens(joiner=""), {"tokens": list("去南江"), "ner_tags": ["O", "B-LOC", "I-LOC"]}) == (
        "去南江",
        {"LOC": ("南江",)},
    )


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"tokens": ["a", "b"], "ner_tags": [0]}, "2 tokens but 1 ner_tags"),
        ({"tokens": ["a"], "ner_tags": [3]}, "tag 3 is not one of 0 to 2"),
        ({"tokens": ["a"], "ner_tags": [-1]}, "tag -1 is not one of 0 to 2"),
    ],
)
def test_tags_that_do_not_fit_the_tokens(row, problem):
    with pytest.raises(ValueError, match=problem):
        built(tagged_tokens(tag=numbered(begin_inside("PER"))), row)


def test_nested_entities_come_in_text_order_the_inner_one_first():
    row = {
        "tokens": ["big", "red", "bus", "stop"],
        "entities": [
            {"type": "PLACE", "start": 0, "end": 4},
            {"type": "THING", "start": 2, "end": 3},
            {"type": "THING", "start": 0, "end": 3},
        ],
    }
    text, gold = built(token_entities(verbatim), row)
    assert text == "big red bus stop"
    assert list(gold.items()) == [("THING", ("big red bus", "bus")), ("PLACE", ("big red bus stop",))]


@pytest.mark.parametrize(("start", "end"), [(0, 3), (1, 1), (-1, 1)])
def test_entities_outside_the_sentence(start, end):
    row = {"tokens": ["a", "b"], "entities": [{"type": "T", "start": start, "end": end}]}
    with pytest.raises(ValueError, match=f"tokens {start} to {end} of 'T' are outside"):
        built(token_entities(verbatim), row)


@pytest.mark.parametrize(("start", "end"), [(0, 4), (2, 2), (-1, 2)])
def test_places_outside_the_text(start, end):
    with pytest.raises(ValueError, match=f"characters {start} to {end} of 'T' are outside"):
        spans_at("abc", [("T", start, end)])


def test_entities_that_are_not_what_stands_there():
    with pytest.raises(ValueError, match="characters 0 to 1 are not '肺叶'"):
        textbook_spans({"text": "肺部", "entities": [{"start_idx": 0, "end_idx": 1, "type": "bod", "entity": "肺叶"}]})
    with pytest.raises(ValueError, match="characters 0 to 3 are not 'blue'"):
        vehicle_spans({"data": "red car", "ner_label": [["vehicle_color", 0, 3, "blue", 0, 1, ["blue"]]]})
    with pytest.raises(ValueError, match="characters 0 to 1 are not '青木'"):
        character_spans({"text": "白石", "label": {"company": {"青木": [[0, 1]]}}})


def test_marks_inside_the_text():
    assert built(marked_spans(SQUARE, verbatim), "at [time : six pm] in [ place:Rome ]") == (
        "at six pm in Rome",
        {"time": ("six pm",), "place": ("Rome",)},
    )
    assert built(marked_spans(CURLY, verbatim), "在{{location:南江}}") == ("在南江", {"location": ("南江",)})
    assert built(marked_spans(CURLY, verbatim), "a {b} [c]") == ("a {b} [c]", {})


@pytest.mark.parametrize(
    ("mark", "text"),
    [(SQUARE, "at [time six"), (SQUARE, "at [time : ]"), (SQUARE, "[a : [b : c]]"), (CURLY, "{{a:{{b:c}}d}}")],
)
def test_marks_that_are_broken_or_hold_others(mark, text):
    with pytest.raises(ValueError, match="is broken or holds another one"):
        built(marked_spans(mark, verbatim), text)


def test_tagged_characters():
    assert built(word_tags(verbatim, joiner=""), "红:B-色 裙:O <=> <NULL>") == ("红裙", {"色": ("红",)})


def test_names_of_single_data_sets():
    assert [genia_type(code) for code in ("G#cell_line", "RNA")] == ["cell line", "RNA"]
    assert [shop_slot(code) for code in ("20000_品牌", "PINLEI", "PK")] == ["品牌", "品类", "属性名"]
    assert [english_slot(code) for code in ("timeofday", "place_name")] == ["time of day", "place name"]
    for slots in ("3:SL:X", "0:1:IN:X"):
        with pytest.raises(ValueError, match=r"not enough values|is not `first:end:SL:NAME`"):
            top_level_slots({"utterance": "abc", "slots": slots})


def test_rows_of_the_hub_are_in_the_folder_of_their_configuration():
    def only_task(source):
        (spec,) = DatasetSpec("any", source, tasks=(Task("CLS", "en", None),)).task_specs()
        return spec

    spec = only_task(hub("owner/name", "en-US", {"train": "train", "test": "test_en"}, PARQUET))
    assert spec.splits == {"train": ("en-US/train.jsonl",), "test": ("en-US/test.jsonl",)}
    assert spec.source == HuggingFace("owner/name", "en-US", {"train": "train", "test": "test_en"}, PARQUET)
    assert only_task(hub("owner/name")).splits["validation"] == ("validation.jsonl",)
    spec = only_task(tfds("paws_x_wiki/zh:1.0.0", {"train": "train"}))
    assert spec.splits == {"train": ("zh/train.jsonl",)}
    assert spec.source == Tfds("paws_x_wiki/zh:1.0.0", {"train": "train"})
