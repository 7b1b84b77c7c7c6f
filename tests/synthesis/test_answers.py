"""Validation of answers: repairs, reasons of rejection, and that what is accepted is own data."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.synthesis.answers import REASONS, Accepted, Rejected, validated
from seqgpt_jax.synthesis.config import SynthesizeConfig
from seqgpt_jax.synthesis.label_merging import label_map
from seqgpt_jax.synthesis.passages import Passage
from seqgpt_jax.tasks.readers import own

EN = "Ada Lovelace met Charles Babbage in London. She was 17 years old then."
ZH = "王小明在杭州的阿里巴巴工作，后来去了北京大学读书。"


def ask(answer, task="NER", text=EN, **more) -> Accepted:
    language = "zh" if text == ZH else "en"
    content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return validated(Passage("t#0", text, language, 9, task), content, **more)


def ner(*pairs):
    return {"entities": [{"type": label, "mentions": list(spans)} for label, spans in pairs]}


@pytest.mark.parametrize(
    ("span", "found", "repair"),
    [
        ("London", "London", None),
        (" London; ", "London", "span_trimmed"),
        ("“Ada Lovelace”", "Ada Lovelace", "span_trimmed"),
        ("ada lovelace", "Ada Lovelace", "span_respelled"),
        ("Ｌondon", "London", "span_respelled"),
    ],
)
def test_a_span_is_repaired_to_what_the_text_has(span, found, repair) -> None:
    accepted = ask(ner(("person or place", [span])))
    assert accepted.records == [{"text": EN, "task": "ext", "answers": {"person or place": [found]}}]
    assert dict(accepted.repairs) == ({repair: 1} if repair else {})


def test_some_spans_that_are_not_in_the_text_are_dropped_and_most_reject() -> None:
    accepted = ask(ner(("city", ["London", "Paris"])))
    assert accepted.records[0]["answers"] == {"city": ["London"]}
    assert accepted.repairs["span_dropped"] == 1
    with pytest.raises(Rejected) as error:
        ask(ner(("city", ["London", "Paris", "Rome"])))
    assert error.value.reason == "span_not_in_text"
    assert "2 of 3" in str(error.value)


def test_json_is_cut_out_of_a_fence_and_of_words() -> None:
    for wrapped in ('```json\n{"labels": ["meeting"]}\n```', 'Here it is: {"labels": ["meeting"]} Good luck!'):
        accepted = ask(wrapped, "CLS")
        assert accepted.records == [{"text": EN, "task": "cls", "answers": ["meeting"]}]
        assert accepted.repairs["json_cut_out"] == 1


@pytest.mark.parametrize(
    "answer",
    [
        '<think>The form is {"labels": ["label"]}. It is a meeting.</think>\n{"labels": ["meeting"]}',
        '<think>The form is {"labels": ["label", …]}, so:</think>{"labels": ["meeting"]}',
        'The form is {"labels": ["label", …]}, or {"labels": ["label"]}. So: {"labels": ["meeting"]}. {"sure": true}',
        'A {brace}, and {"labels": ["meeting"]}',
    ],
)
def test_an_answer_is_behind_what_a_model_thinks_aloud(answer) -> None:
    accepted = ask(answer, "CLS")
    assert [record["answers"] for record in accepted.records] == [["meeting"]]
    assert accepted.repairs["json_cut_out"] == 1


def test_a_mark_of_thoughts_in_an_answer_is_a_span() -> None:
    accepted = ask(ner(("tag", ["<think>"])), text=f"{EN} It writes <think> before it answers.")
    assert [record["answers"] for record in accepted.records] == [{"tag": ["<think>"]}]


def test_a_thought_that_is_cut_off_is_no_answer() -> None:
    with pytest.raises(Rejected) as error:
        ask('<think>The form is {"labels": ["label"]}. It is', "CLS", finished=False)
    assert error.value.reason == "cut_off"
    with pytest.raises(Rejected) as error:
        ask('{"entities": [{"type": "city", "mentions": ["London"]}, {"type": "per', finished=False)
    assert error.value.reason == "cut_off"


def test_labels_are_normalized_once_each_and_long_ones_dropped() -> None:
    accepted = ask({"labels": ["Historical_Meeting.", "historical  meeting", "x" * 61, "UK history"]}, "CLS")
    assert accepted.records[0]["answers"] == ["historical meeting", "UK history"]
    assert dict(accepted.repairs) == {"label_normalized": 1, "label_dropped": 2}


def test_typing_gives_a_record_for_each_mention() -> None:
    mentions = [{"mention": "王小明", "types": ["人物", "职员"]}, {"mention": "杭州", "types": ["城市"]}]
    accepted = ask({"mentions": mentions}, "ET", ZH)
    assert accepted.records == [
        {"text": ZH, "mention": "王小明", "answers": ["人物", "职员"]},
        {"text": ZH, "mention": "杭州", "answers": ["城市"]},
    ]


@pytest.mark.parametrize(
    ("reason", "task", "text", "answer"),
    [
        ("refusal", "CLS", EN, "I'm sorry, but I can't assist with that request."),
        ("refusal", "CLS", ZH, "抱歉，我无法回答这个问题。"),
        ("not_json", "CLS", EN, "history"),
        ("not_json", "CLS", EN, '["history"]'),
        ("not_json", "CLS", EN, "[" * 100_000),
        ("wrong_form", "CLS", EN, '{"label": "history"}'),
        ("wrong_form", "CLS", EN, '{"labels": [1]}'),
        ("wrong_form", "NER", EN, '{"entities": ["London"]}'),
        ("wrong_form", "NER", EN, '{"entities": [{"type": "city", "mentions": [{"text": "London"}]}]}'),
        ("wrong_form", "ET", EN, '{"mentions": [{"mention": "London"}]}'),
        ("no_labels", "CLS", EN, '{"labels": []}'),
        ("no_labels", "NER", EN, '{"entities": []}'),
        ("no_labels", "CLS", EN, '{"labels": ["None"]}'.replace("None", "...")),
        ("label_is_text", "CLS", EN, json.dumps({"labels": [EN]})),
        ("wrong_language", "CLS", EN, '{"labels": ["历史"]}'),
        ("wrong_language", "CLS", ZH, '{"labels": ["education"]}'),
    ],
)
def test_an_answer_that_cannot_be_used_is_rejected_with_its_reason(reason, task, text, answer) -> None:
    with pytest.raises(Rejected) as error:
        ask(answer, task, text)
    assert error.value.reason == reason
    assert str(error.value).startswith(REASONS[reason])


def test_the_endpoint_says_refused_or_cut_off() -> None:
    with pytest.raises(Rejected, match="declined"):
        ask({"labels": ["history"]}, "CLS", refused=True)
    with pytest.raises(Rejected, match="cut off"):
        ask('{"labels": ["hist', "CLS", finished=False)
    # A whole object before the limit is one.
    assert ask({"labels": ["history"]}, "CLS", finished=False).records


def test_labels_of_the_user_are_taken_as_the_user_writes_them() -> None:
    accepted = ask({"labels": ["HISTORY", "science"]}, "CLS", only=("History", "其他"))
    assert accepted.records == [{"text": EN, "task": "cls", "answers": ["History"], "labels": ["History", "其他"]}]
    with pytest.raises(Rejected, match="no usable label"):
        ask({"labels": ["science"]}, "CLS", only=("History", "Other"))


_TEXTS = st.text(st.sampled_from("ab AB,。.你好\t\u3000İß"), min_size=1, max_size=12)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["labels", "mentions", "mention", "types", "entities", "type"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)
_ENTITIES = st.fixed_dictionaries(
    {
        "entities": st.lists(
            st.fixed_dictionaries({"type": _TEXTS, "mentions": st.lists(_TEXTS, max_size=3)}), max_size=3
        )
    }
)
_MENTIONS = st.fixed_dictionaries(
    {
        "mentions": st.lists(
            st.fixed_dictionaries({"mention": _TEXTS, "types": st.lists(_TEXTS, max_size=3)}), max_size=3
        )
    }
)


@settings(max_examples=300, deadline=None)
@given(value=_VALUES | _ENTITIES | _MENTIONS, task=st.sampled_from(["CLS", "ET", "NER"]), text=_TEXTS)
def test_any_json_is_rejected_with_a_reason_or_becomes_own_data_without_fault(
    tmp_path_factory, value, task, text
) -> None:
    from seqgpt_jax.atomic import clean_text

    text = " ".join(clean_text(text).split())
    if not text:
        return
    try:
        accepted = ask(value, task, text)
    except Rejected:  # whose reason is one of `REASONS`, by its constructor
        return
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in accepted.records), encoding="utf-8")
    assert [one.fault for one in own.checked(path)] == [None] * len(accepted.records)


def test_the_map_of_labels_joins_plurals_and_hyphens_within_a_task() -> None:
    counts = {"CLS": {"video game": 5, "video-games": 2, "glass": 1}, "NER": {"video games": 1}}
    assert label_map(counts) == {"CLS": {"video-games": "video game"}}


def test_labels_of_the_user_are_in_the_form_of_a_prompt() -> None:
    only = SynthesizeConfig(labels={"CLS": ["天气，出行", " 体育\n"]}).labels["CLS"]
    assert only == ("天气,出行", "体育")
    for answer, label in (("体育", "体育"), ("天气，出行", "天气,出行"), ("天气,出行", "天气,出行")):
        (record,) = ask({"labels": [answer]}, "CLS", ZH, only=only).records
        assert (record["answers"], record["labels"]) == ([label], [*only])


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["sports", " \t"], r"labels\['CLS'\] has the label ' \\t', which is empty"),
        (["sports", "None "], "which answers that none fits"),
        (["a，b", "a,b"], "'a,b' and 'a,b' are one label"),
        (["Sports", "other", "ｓports"], "'ｓports' and 'Sports' are one label"),
        (["sports", 3], "a label is a string, not 3"),
    ],
)
def test_labels_that_no_answer_can_name_are_refused_before_anything_is_asked(labels, message) -> None:
    with pytest.raises(ValueError, match=message):
        SynthesizeConfig(labels={"CLS": labels})


def test_labels_of_the_user_may_be_long() -> None:
    only = ("a label of the user's own " * 4 + "end", "other")
    assert ask({"labels": [only[0]]}, "CLS", only=only).labels == [only[0]]
    with pytest.raises(Rejected):
        ask({"labels": [only[0]]}, "CLS")
