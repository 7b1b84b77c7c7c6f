"""Answers with places and scores: of prompts, of chunks of labels, and of windows of a long text."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import NONE, TAB, ContractError
from seqgpt_jax.decoding.answers import answer
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.prompt_limits import PromptLimits
from seqgpt_jax.decoding.questions import Question
from seqgpt_jax.decoding.spans import Label, Span
from seqgpt_jax.decoding.value_scores import ValueScorer
from seqgpt_jax.io.contract import ModelContract
from tests.decoding import folders
from tests.decoding.test_answers import Canned, Oracle

VALUES = ["Ada", "Ada Lovelace", "杭州", "e\u0301", "👩‍👧", "a, b"]
CONTRACT = ModelContract(max_prompt_tokens=96, max_target_tokens=48)


class Reader(Oracle):
    """Finds each span that it knows wherever its prompt has it; it asks as a model with a tokenizer does."""

    def __init__(self, known: dict, contract: ModelContract = CONTRACT) -> None:
        super().__init__(known, contract)
        self.limits = PromptLimits(contract, None, folders.tokenizer())

    def generate(self, prompts: list[Prompt], progress=None) -> list[Completion]:
        texts = [prompt.text for prompt in prompts]
        self.prompts += texts
        completions = []
        for prompt in prompts:
            if prompt.atom == "ext":
                present = [[s for s in self.known.get(label, ()) if s in prompt.source_text] for label in prompt.labels]
                rows = zip(prompt.labels, present, strict=True)
                completions.append(Completion("".join(f"{row}: {'	'.join(of) or 'None'}\n" for row, of in rows)))
            elif prompt.choose == "any":
                fits = [label for label in prompt.labels if self.known[label] in prompt.source_text]
                completions.append(Completion("\t".join(fits) or "None"))
            else:
                scores = {label: float(prompt.source_text.count(self.known[label])) for label in prompt.labels}
                best = max(scores, key=lambda label: scores[label])
                completions.append(Completion(best, label_scores=scores))
        return completions


def test_spans_stand_in_the_text_as_it_was_given() -> None:
    text = "Ada\r\nmet Bob <s> in 北京。\nBob left"
    (found,) = answer(
        Reader({"person": ("Ada", "Bob"), "city": ("北京",)}), [Question(text, "ext", ("person", "city"))]
    )
    assert found.found["person"] == (Span("Ada", 0, 3), Span("Bob", 9, 12), Span("Bob", 24, 27))
    (city,) = found.found["city"]
    assert text[city.start : city.end] == city.text == "北京"


def test_a_span_over_a_line_break_is_spelled_as_the_text_spells_it() -> None:
    text = "of Ada\r\nLovelace"
    (found,) = answer(Reader({"person": ("Ada Lovelace",)}), [Question(text, "ext", ("person",))])
    assert found.answers == {"person": ["Ada Lovelace"]}
    assert found.found == {"person": (Span("Ada\r\nLovelace", 3, 16),)}


def test_spans_that_are_not_in_the_text_have_no_place() -> None:
    (found,) = answer(Canned("person: Ada\tEve\n"), [Question("Ada left", "ext", ("person",))])
    assert found.answers == {"person": ["Ada", "Eve"]}
    assert found.found == {"person": (Span("Ada", 0, 3),)}


def test_scores_follow_their_values_through_chunks() -> None:
    first = Completion("a: x\ty\nb: None\nc: None\nd: None\n", value_scores=((0.9, 0.5), (), (), ()))
    second = Completion("e: z\nf: y\ng: None\nh: None\n", value_scores=((0.25,), (0.75,), (), ()))
    (found,) = answer(Canned(first, second), [Question("x y z", "ext", tuple("abcdefgh"))])
    assert {label: [span.score for span in spans] for label, spans in found.found.items() if spans} == {
        "a": [0.9, 0.5],
        "e": [0.25],
        "f": [0.75],
    }
    (found,) = answer(Canned(Completion("b\ta", value_scores=((0.5, 0.75),))), [Question("x", "cls", ("a", "b"))])
    assert found.found == (Label("b", 0.5), Label("a", 0.75))


def long_text(places: list[int], size: int = 60) -> str:
    """Sentences of which some name Ada."""
    return " ".join(f"{'Ada' if i in places else 'She'} went out, {i}." for i in range(size))


@settings(max_examples=20, deadline=None)
@given(st.sets(st.integers(0, 59), max_size=6))
def test_a_long_text_is_read_to_its_end_in_windows(places) -> None:
    text = long_text(sorted(places))
    reader = Reader({"person": ("Ada",)})
    (found,) = answer(reader, [Question(text, "ext", ("person", "city"))])
    assert [span.start for span in found.found["person"]] == [text.index(f"Ada went out, {i}.") for i in sorted(places)]
    assert all(text[span.start : span.end] == "Ada" for span in found.found["person"])
    assert (found.truncated, found.found["city"]) == (0, ())
    assert len(found.prompts) > 5
    counts = [len(folders.tokenizer()(prompt).input_ids) for prompt in reader.prompts]
    assert max(counts) <= CONTRACT.max_prompt_tokens
    assert found.question.text == text


@pytest.mark.parametrize("pad", ["\n" * 300, " " * 300, "\t" * 300])
def test_a_long_text_that_is_mostly_empty(pad) -> None:
    text = f"{pad}Ada went out.{pad}"
    (found,) = answer(Reader({"person": ("Ada",)}), [Question(text, "ext", ("person",))])
    assert found.found == {"person": (Span("Ada", 300, 303),)}
    assert found.question.text == text


def test_labels_of_a_long_text() -> None:
    text = long_text([40])
    known = {"about Ada": "Ada", "about her": "She", "about him": "He "}
    (any_, one) = answer(
        Reader(known), [Question(text, "cls", tuple(known)), Question(text, "cls", tuple(known), "one")]
    )
    assert any_.answers == ["about Ada", "about her"]
    assert one.answers == ["about her"]
    (label,) = one.found
    assert label.score == one.label_probabilities["about her"] == max(one.label_probabilities.values())


def test_a_pair_is_not_cut_apart() -> None:
    text = long_text([]) + "\tShe went out."
    reader = Reader({"follows": "She", "does not": "He "})
    answer(reader, [Question(text, "cls", ("follows", "does not"))])
    assert len(reader.prompts) == 1


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("constrained", [True, False])
def test_scores_of_a_model_are_products_of_its_tokens_probabilities(beams, constrained) -> None:
    config = DecodeConfig(num_beams=beams, batch_size=4, constrained=constrained)
    engine = Engine(folders.model(3), folders.tokenizer(), config, CONTRACT)
    questions = [Question("Ada Lovelace visited Turin", "ext", ("person", "city")), Question("Ada", "cls", ("a", "b"))]
    for one in answer(engine, questions):
        (completion,) = one.completions
        if not constrained:
            continue
        values = completion.value_scores
        assert values is not None
        assert all(0 < score <= 1 for line in values for score in line)
        if one.question.atom == "cls":
            assert [label.score for label in one.found] == list(values[0])
        else:
            assert [len(line) for line in values] == [len(spans) for spans in one.answers.values()]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["Ada", "Ada Lovelace", "杭州", "e\u0301", "👩‍👧", "a, b"]), max_size=3)),
    st.data(),
)
def test_a_value_has_the_product_of_its_tokens_scores(values, data) -> None:
    tokenizer, labels = folders.tokenizer(), [f"label {i}: x" for i in range(len(values))]
    lines = [f"{label}: {TAB.join(of_line) or NONE}\n" for label, of_line in zip(labels, values, strict=True)]
    text = "".join(lines)
    ids = tokenizer(text).input_ids
    logs = data.draw(st.lists(st.floats(-3, 0), min_size=len(ids), max_size=len(ids)))
    found = ValueScorer(tokenizer).scores("ext", labels, ids, logs, text)
    place, expected = 0, []
    for label, of_line in zip(labels, values, strict=True):
        place += len(f"{label}: ".encode())
        expected.append([])
        for value in of_line or [NONE]:
            # Each byte of the value is in one token.
            bytes_of_value = range(place, place + len(value.encode()))
            tokens = {token for byte in bytes_of_value for token in [_token_of(tokenizer, ids, byte)]}
            if of_line:
                expected[-1].append(pytest.approx(math.exp(sum(logs[token] for token in tokens))))
            place = bytes_of_value.stop + 1
    assert [list(line) for line in found] == expected


def _token_of(tokenizer, ids: list[int], byte: int) -> int:
    """The number of the token with this byte of the text: byte-level tokens are named by a character for each byte."""
    for number, name in enumerate(tokenizer.convert_ids_to_tokens(ids)):
        byte -= len(name)
        if byte < 0:
            return number
    raise IndexError


@pytest.mark.parametrize("text", ["person: Ada", "city: Turin\n", "person:Ada\n", "person: Ada\nmore\n"])
def test_malformed_answers_have_no_scores(text) -> None:
    ids = folders.tokenizer()(text).input_ids
    assert ValueScorer(folders.tokenizer()).scores("ext", ["person"], ids, [-1.0] * len(ids), text) is None


def test_labels_that_fit_into_no_prompt_are_refused_for_long_texts_too() -> None:
    with pytest.raises(ContractError, match="leaves no room for the text"):
        answer(Reader({}), [Question(long_text([]), "cls", ("a long label " * 40, "b"), "one")])
