"""Constrained decoding: whatever the model, what is written parses; and every right answer can be written."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgpt_jax.atomic import NONE, TEMPLATES, Classification, ContractError, Extraction, parse_answer
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding import constraints
from seqgpt_jax.decoding.constraints import Grammar, read_question
from seqgpt_jax.decoding.engine import DecodeConfig, Engine
from seqgpt_jax.models import bloom
from seqgpt_jax.models.config import BloomConfig
from tests.data.small_tasks import small_tokenizer

TOKENIZER = small_tokenizer()
VOCAB = len(TOKENIZER) + 8
GRAMMAR = Grammar(TOKENIZER, VOCAB)
CHINESE = TEMPLATES["chinese"]
LABELS = ("person", "person name", "city (capital)", "日期")


def walk(prompt: str, ids: list[int]) -> bool:
    """Whether the automaton of the prompt lets these ids be written, then the end token."""
    automaton = GRAMMAR.automaton([prompt], 1)
    place = constraints.begin(automaton, 1)
    for id in [*ids, TOKENIZER.eos_token_id]:
        if bool(constraints.forbidden(automaton, place, 999)[0, 0, id]):
            return False
        place = constraints.follow(automaton, place, jnp.zeros((1, 1), jnp.int32), jnp.full((1, 1), id))
    return True


EXAMPLES = [
    Classification("x", LABELS, ("person",)),
    Classification("x", LABELS, ("person name", "日期")),
    Classification("x", LABELS, LABELS),
    Extraction("x", LABELS, (("Ann",), (), ("Rome", "New York, NY"), ("5月3日",))),
    Extraction("x", LABELS, (("None of it",), ("Nonesuch", "Non"), (), ())),
    Extraction("x", ("a: b", "a"), (("c: d",), ())),
    # The small tokenizer joins the full stop and the line break.
    Extraction("x", LABELS, (("the U.S.",), ("北京。",), (), ("a.", "b."))),
    Classification("x", LABELS, ()),
    Classification("x", ("None of it", "North"), ("North",)),
]


def test_the_small_tokenizer_joins_a_full_stop_and_a_line_break() -> None:
    assert encode(TOKENIZER, [".\n"])[0] != [*encode(TOKENIZER, ["."])[0], *encode(TOKENIZER, ["\n"])[0]]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_right_answer_can_be_written(example) -> None:
    prompt, target = CHINESE.render(example)
    assert walk(prompt, encode(TOKENIZER, [target])[0])


@pytest.mark.parametrize(
    ("atom", "output"),
    [
        ("cls", "city"),
        ("cls", "person\tperson"),
        ("cls", "日期\tperson"),
        ("cls", "person\t"),
        ("cls", "None\tperson"),
        ("cls", "person\tNone"),
        ("ext", "person: Ann\n"),
        ("ext", "person:  Ann\nperson name: None\n"),
        ("ext", "person: \nperson name: None\n"),
        ("ext", "person: Ann \nperson name: None\n"),
        ("ext", "person: Ann\tNone\nperson name: None\n"),
        ("ext", "person: None\tAnn\nperson name: None\n"),
        ("ext", "person name: None\nperson: None\n"),
    ],
)
def test_what_does_not_parse_cannot_be_written(atom, output) -> None:
    labels = LABELS if atom == "cls" else LABELS[:2]
    prompt = CHINESE.prompt(atom, "x", labels)
    assert not walk(prompt, encode(TOKENIZER, [output])[0])


@settings(max_examples=300)
@given(st.lists(st.sampled_from([*"Noneab \t", "None", " ", "\t", "é"]), max_size=9).map("".join))
def test_character_states_agree_with_the_parser(value) -> None:
    state = constraints._run(0, "".join(map(constraints._character_class, f" {value}")))
    try:
        parse_answer("ext", ("q",), f"q: {value}\n")
        parses = True
    except ContractError:
        parses = False
    assert bool(constraints._ENDS[state]) == parses


@pytest.mark.parametrize("num_beams", [1, 4])
def test_answers_of_a_random_model_parse(num_beams) -> None:
    config = BloomConfig(vocab_size=VOCAB, hidden_size=48, n_layer=2, n_head=6, initializer_range=0.3)
    decode = DecodeConfig(num_beams=num_beams, max_new_tokens=96, batch_size=4)
    engine = Engine(bloom.create(config, seed=3), TOKENIZER, decode)
    questions = [(atom, LABELS[:n]) for atom in ("cls", "ext") for n in (1, 2, 4)]
    prompts = [CHINESE.prompt(atom, f"Ann went to Rome {i}", labels) for i, (atom, labels) in enumerate(questions)]
    answers = engine.generate(prompts)
    # A random model babbles in a value until the automaton makes it end.
    assert engine.unfinished == 0
    for (atom, labels), answer in zip(questions, answers, strict=True):
        parse_answer(atom, labels, answer)
    assert max(map(len, answers)) > 90


def test_other_prompts_are_left_free() -> None:
    assert read_question("Once upon a time") is None
    automaton = GRAMMAR.automaton(["Once upon a time"], 2)
    assert not np.asarray(constraints.forbidden(automaton, constraints.begin(automaton, 3), 1)).any()
    assert read_question(TEMPLATES["english"].prompt("cls", "t", ("a", "b"))) == ("cls", ("a", "b"))
    assert NONE not in LABELS
