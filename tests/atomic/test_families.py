"""The ten families as atoms, with the wording of the dossier."""

import pytest

from seqgpt_jax.atomic import families


def test_inference_joins_with_tab() -> None:
    instance = families.inference("1", "A man is dancing.", "A man sleeps.", "contradiction")
    assert (instance.atom, instance.text) == ("cls", "A man is dancing.\tA man sleeps.")
    assert dict(instance.gold) == {"contradiction": ()}


def test_questions_in_both_languages() -> None:
    sentence = "The two-day game commenced on 19 August 1900?"
    english = families.event_typing("1", sentence, "commenced", ["Process_start"], "en")
    assert english.text == f"what is the event type of commenced in {sentence}?"
    assert (
        families.entity_typing("1", "杭州欢迎你", "杭州", ["城市"], "zh").text == "杭州欢迎你中杭州的实体类型是什么？"
    )
    assert (
        families.relation_typing("1", "x。", "温州", "红蜻蜓", ["总部地点"], "zh").text
        == "x。中温州和红蜻蜓的关系是什么？"
    )
    assert families.event_query("Process_start", "en") == "Process_start event"
    sued = families.event_arguments("1", sentence, "trial", [("time", "19 August 1900")], ["time", "place"], "en")
    assert dict(sued.gold) == {"time of the trial event": ("19 August 1900",)}
    assert sued.labels == ("time of the trial event", "place of the trial event")
    named = families.event_arguments("1", "甲起诉乙", "起诉", [("原告", "甲")], ["原告"], "zh", trigger="起诉")
    assert dict(named.gold) == {"起诉事件“起诉”的原告": ("甲",)}
    assert families.by_trigger(["a" * 99, "b"]) == {"a" * 99: "a" * 60, "b": "b"}


@pytest.mark.parametrize("language", families.LANGUAGES)
def test_a_question_keeps_the_sentence_that_it_is_about(language) -> None:
    sentence = "Ann is in Rome in May."
    questions = [
        families.entity_typing("1", sentence, "Ann", ["person"], language),
        families.relation_typing("2", sentence, "Ann", "Rome", ["place"], language),
        families.event_typing("3", sentence, "is in", ["stay"], language),
    ]
    assert {instance.source_text for instance in questions} == {sentence}
    assert families.classification("4", sentence, ["x"]).source_text == ""
    assert families.inference("5", sentence, "Ann is away.", "no").source_text == ""


def test_reading_asks_one_query() -> None:
    instance = families.reading("1", "The war ended in 1918.", "When?", ["1918", "1918"])
    assert (instance.atom, instance.labels, dict(instance.gold)) == ("ext", ("When?",), {"When?": ("1918",)})


def test_spans_are_grouped_once_each_in_text_order() -> None:
    instance = families.spans_by_label("1", "a b a", [("x", "a"), ("y", "b"), ("x", "a")])
    assert dict(instance.gold) == {"x": ("a",), "y": ("b",)}


def test_multiple_choice_offers_its_options() -> None:
    instance = families.multiple_choice("1", "p", "q", ["o1", "o2"], "o2")
    assert (instance.text, instance.labels, set(instance.gold)) == ("p\tq", ("o1", "o2"), {"o2"})


def test_one_string_is_no_list_of_labels():
    for wrong in (
        lambda: families.classification("1", "text", "delivery"),
        lambda: families.reading("1", "a", "b?", "a"),
    ):
        with pytest.raises(TypeError, match=r"write \['"):
            wrong()
