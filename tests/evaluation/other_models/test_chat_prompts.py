"""Chat prompts and how answers to them are read."""

import pytest

from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.evaluation.other_models.chat_prompts import chat_prompt, read_chat

NER = Prompt("ext", ("person", "place"), "", source_text="Ada met Bob, Jr. in London, England.")
CHOICE = Prompt("cls", ("good", "very bad"), "", "one", "It works.")


def test_the_extraction_prompt_is_that_of_the_paper() -> None:
    assert chat_prompt(NER) == (
        "[Label begin]\nperson, place\n[Label end]\n"
        "Extract all entities belonging to the above candidate labels from the following text.\n"
        "[Text begin]\nAda met Bob, Jr. in London, England.\n[Text end]\n"
        "Output format: each line has the form\nLabel: All entities belonging to this label\nAnswer:"
    )


@pytest.mark.parametrize(
    ("choose", "words"),
    [("one", "the label\n"), ("one_or_none", "the label, or None\n"), ("any", "separated by commas")],
)
def test_a_classification_says_how_many_labels(choose, words) -> None:
    message = chat_prompt(Prompt("cls", ("good", "very bad"), "", choose, "It works."))
    assert message.startswith("[Label begin]\ngood, very bad\n[Label end]\nChoose ")
    assert words in message


def test_a_prompt_without_its_text_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the text"):
        chat_prompt(Prompt("ext", ("person",), "…"))


@pytest.mark.parametrize(
    ("output", "read"),
    [
        ("person: Ada, Bob\nplace: London, England", "person: Ada\tBob\nplace: London\tEngland\n"),
        ("person: Ada,Bob\nplace: None.", "person: Ada\tBob\nplace: None\n"),
        ("Person：Ada、Ada\n\nPlace: None", "person: Ada\nplace: None\n"),
        ("1. person: Ada; Bob\n2. place: [] ", "person: Ada\tBob\nplace: None\n"),
        ("Here they are:\r\n- **person**: `Ada`\r\n", "person: Ada\nplace: None\n"),
        ('person: "Ada"\nplace: Paris', "person: Ada\nplace: Paris\n"),
        ("person: none\nplace: 无", "person: None\nplace: None\n"),
        ("Nobody is named.", "Nobody is named."),
        ("", ""),
    ],
)
def test_extractions(output, read) -> None:
    assert read_chat(NER, output) == read


def test_the_answer_to_a_question_may_hold_a_comma() -> None:
    question = "Where did they meet?"
    prompt = Prompt("ext", (question,), "", source_text=NER.source_text)
    assert read_chat(prompt, f"{question}: London, England") == f"{question}: London, England\n"


@pytest.mark.parametrize(
    ("output", "read"),
    [
        ("Good.", "good"),
        ("The label is: Very bad", "very bad"),
        ("- good\n- very bad", "good\tvery bad"),
        ("None", "None"),
        ("N/A.", "None"),
        ("It is good", "It is good"),
        ("", ""),
    ],
)
def test_classifications(output, read) -> None:
    assert read_chat(CHOICE, output) == read
