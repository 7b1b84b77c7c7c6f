"""The grammar for other engines against llguidance, our own automaton, and the contract: all three accept the same.

But for spans after a repeated one, which ours refuses.
"""

import re
from pathlib import Path

import llguidance
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import NONE, TAB, ContractError, clean_text, parse_answer
from seqgpt_jax.decoding import constraints
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.grammar_text import grammar
from seqgpt_jax.decoding.seqgpt import SeqGPT
from tests.decoding import folders

BYTES = llguidance.LLTokenizer("byte")
TEXTS = [
    "Ada met Bob",
    "None of it",
    "北京 is\u3000far",
    "a\u00a0b  c",
    '"quoted" \\n {x} /y/',
    "👩‍👧 ok",
    "n",
    "Ada\tBob",
]
LABELS = [("person", "city"), ("a", "a b", "b"), ("None", "x: y"), ("人物，", '"q"'), ("x",)]


def accepted(rules: str, answer: str) -> bool:
    """Whether llguidance accepts the whole answer."""
    matcher = llguidance.LLMatcher(BYTES, rules)
    assert not matcher.is_error(), matcher.get_error()
    data = list(answer.encode("utf-8", "surrogatepass"))
    return matcher.validate_tokens(data) == len(data) and matcher.consume_tokens(data) and matcher.is_accepting()


def follows_the_contract(text: str, labels: tuple[str, ...], task: str, answer: str) -> bool:
    try:
        values = parse_answer(task, labels, answer)
    except ContractError:
        return False
    if task == "cls":
        return list(values) == [label for label in labels if label in values]
    return all(span in clean_text(text) and TAB not in span for spans in values for span in spans)


GRAMMAR = Grammar(folders.tokenizer(), len(folders.tokenizer()))


def ours(text: str, labels: tuple[str, ...], task: str, answer: str) -> bool:
    """Whether our automaton lets every token of the answer follow, and then the end."""
    prompt = Prompt(task, labels, "", "any", clean_text(text))
    automaton = GRAMMAR.automaton([prompt], 1)
    state = constraints.initial_state(automaton, 1)
    ids = [*folders.tokenizer()(answer).input_ids, folders.tokenizer().eos_token_id]
    for id in ids:
        if bool(constraints.closed_tokens(automaton, state, np.array([200]))[0, 0, id]):
            return False
        state = constraints.advance(automaton, state, np.zeros((1, 1), np.int32), np.full((1, 1), id, np.int32))
    return True


@st.composite
def answers(draw) -> tuple[str, tuple[str, ...], str, str]:
    """(text, labels, task, answer): right answers, and some that are wrong in a place or two."""
    text, labels = draw(st.sampled_from(TEXTS)), draw(st.sampled_from(LABELS))
    task = draw(st.sampled_from(["cls", "ext"]))
    labels = tuple(label.replace("，", ",") for label in labels if task == "ext" or label != NONE)
    if task == "cls":
        answer = draw(
            st.one_of(
                st.lists(st.sampled_from(labels), max_size=3).map(lambda found: TAB.join(found) or NONE),
                st.sampled_from(["", "None", "none", "person\t", "\tperson", "perso", "a b\tb", "b\ta"]),
            )
        )
        return text, labels, task, answer
    lines = []
    for label in labels:
        spans = []
        for _ in range(draw(st.integers(0, 2))):
            start = draw(st.integers(0, len(text)))
            span = clean_text(text)[start : start + draw(st.integers(0, 4))]
            spans.append(draw(st.sampled_from([span, span, span.strip(), span + "x", NONE])))
        lines.append(f"{label}: {TAB.join(spans) if spans else NONE}\n")
    answer = "".join(lines)
    if draw(st.integers(0, 9)) == 0:
        place = draw(st.integers(0, len(answer)))
        answer = answer[:place] + draw(st.sampled_from(["", " ", "\n", "\t", "x"])) + answer[place + 1 :]
    return text, labels, task, answer


@settings(max_examples=400, deadline=None)
@given(answers())
def test_llguidance_accepts_what_the_contract_does(case) -> None:
    text, labels, task, answer = case
    assert accepted(grammar(text, labels, task), answer) == follows_the_contract(text, labels, task, answer)


@settings(max_examples=60, deadline=None)
@given(answers())
def test_llguidance_accepts_what_our_automaton_does(case) -> None:
    text, labels, task, answer = case
    if folders.tokenizer().decode(folders.tokenizer()(answer).input_ids) != answer:
        return
    lists = [line.partition(": ")[2].split(TAB)[:-1] for line in answer.split("\n")] if task == "ext" else []
    if any(len(set(spans)) < len(spans) for spans in lists):
        assert accepted(grammar(text, labels, task), answer) >= ours(text, labels, task, answer)
    else:
        assert accepted(grammar(text, labels, task), answer) == ours(text, labels, task, answer)


@pytest.mark.parametrize(
    ("choose", "right", "wrong"),
    [
        ("one", ["a", "a b"], ["", "None", "a\ta b"]),
        ("one_or_none", ["a", "None"], ["", "a\ta b"]),
        ("any", ["a", "None", "a\ta b", "a b\tb"], ["", "a b\ta", "a\ta"]),
    ],
)
def test_how_many_labels(choose, right, wrong) -> None:
    rules = grammar("x", ("a", "a b", "b"), "cls", choose=choose)
    assert [accepted(rules, answer) for answer in right + wrong] == [True] * len(right) + [False] * len(wrong)


# Random models whose answers end; that of seed 3 repeats itself to the limit.
@pytest.mark.parametrize("seed", [0, 2])
def test_transformers_with_the_page_answers_as_we_do(seed, tmp_path, monkeypatch) -> None:
    """The code of docs/gpu_serving.md on an exported model: greedily it writes what our engine writes."""
    page = (Path(__file__).parents[2] / "docs" / "gpu_serving.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    folder = folders.write_folder(tmp_path / "exported" / "ft", seed=seed)
    names: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, names)
    found = SeqGPT.load(str(folder), num_beams=1).extract(names["text"], names["labels"])
    answer = parse_answer("ext", tuple(names["labels"]), names["answer"])
    assert {label: sorted(set(spans)) for label, spans in zip(names["labels"], answer, strict=True)} == {
        label: sorted({span.text for span in spans}) for label, spans in found.spans.items()
    }


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(ContractError, match="label set is empty"):
        grammar("x", (), "ext")
    with pytest.raises(ContractError, match="twice"):
        grammar("x", ("a", " a"), "cls")
