"""Constrained decoding: whatever the model, what is written parses; and every right answer can be written."""

import copy
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqgpt_jax.atomic import TAB, TEMPLATES, Classification, ContractError, Extraction, parse_answer
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding import constraints
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create
from tests.data.small_tasks import small_tokenizer

TOKENIZER = small_tokenizer()
VOCAB = len(TOKENIZER) + 8
GRAMMAR = Grammar(TOKENIZER, VOCAB)
CHINESE = TEMPLATES["chinese"]
LABELS = ("person", "person name", "city (capital)", "日期")


def accepts(atom: str, labels: tuple[str, ...], ids: list[int]) -> bool:
    """Whether the automaton of a prompt with these labels lets these ids be generated, then the end token."""
    prompt = Prompt(atom, labels, CHINESE.prompt(atom, "x", labels))
    GRAMMAR.check([prompt])
    automaton = GRAMMAR.automaton([prompt], 1)
    state = constraints.initial_state(automaton, 1)
    for id in [*ids, TOKENIZER.eos_token_id]:
        if bool(constraints.closed_tokens(automaton, state, jnp.array([999]))[0, 0, id]):
            return False
        state = constraints.advance(automaton, state, jnp.zeros((1, 1), jnp.int32), jnp.full((1, 1), id))
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
    # And the last character of a label and the TAB after it.
    Classification("x", ("No.", "Yes", "U.S.", "U"), ("No.", "U.S.", "U")),
    Classification("x", ("。", "|", "a。", "b"), ("。", "a。", "b")),
    Extraction("x", LABELS, (("a\u00a0b", "c\u3000d"), ("é", "🙂"), ("<", "[GE"), ("a <s >",))),
]


def test_the_small_tokenizer_joins_a_full_stop_and_a_line_break() -> None:
    assert encode(TOKENIZER, [".\n"])[0] != [*encode(TOKENIZER, ["."])[0], *encode(TOKENIZER, ["\n"])[0]]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_right_answer_can_be_written(example) -> None:
    _, target = CHINESE.render(example)
    assert accepts(example.atom, example.labels, encode(TOKENIZER, [target])[0])


@pytest.mark.parametrize(
    ("atom", "output"),
    [
        ("cls", "city"),
        ("cls", "person\tperson"),
        ("cls", "日期\tperson"),
        ("cls", "person\t"),
        ("cls", "None\tperson"),
        ("cls", "person\tNone"),
        ("cls", "日期\t"),
        ("ext", "person: a\u3000\nperson name: None\n"),
        ("ext", "person: \u00a0a\nperson name: None\n"),
        ("ext", "person:\u3000a\nperson name: None\n"),
        ("ext", "person: a\u2028b\nperson name: None\n"),
        ("ext", "person: a\x85b\nperson name: None\n"),
        ("ext", "person: a</s>\nperson name: None\n"),
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
    assert not accepts(atom, labels, encode(TOKENIZER, [output])[0])


@pytest.mark.parametrize("num_beams", [1, 4])
def test_answers_of_a_random_model_parse(num_beams) -> None:
    config = BloomConfig(vocab_size=VOCAB, hidden_size=48, n_layer=2, n_head=6, initializer_range=0.3)
    decode = DecodeConfig(num_beams=num_beams, max_new_tokens=96, batch_size=4)
    engine = Engine(create(config, seed=3), TOKENIZER, decode, ModelContract())
    questions = [(atom, LABELS[:n]) for atom in ("cls", "ext") for n in (1, 2, 4)]
    texts = [CHINESE.prompt(atom, f"Ann went to Rome {i}", labels) for i, (atom, labels) in enumerate(questions)]
    prompts = [Prompt(atom, labels, text) for (atom, labels), text in zip(questions, texts, strict=True)]
    completions = engine.generate(prompts)
    # A random model repeats itself in a value until the automaton makes it end.
    assert all(completion.finished for completion in completions)
    for (atom, labels), completion in zip(questions, completions, strict=True):
        parse_answer(atom, labels, completion.text)
    assert max(len(completion.text) for completion in completions) > 90


def test_prompts_of_any_wording_are_constrained_by_their_labels() -> None:
    config = BloomConfig(vocab_size=VOCAB, hidden_size=48, n_layer=2, n_head=6, initializer_range=0.3)
    decode = DecodeConfig(num_beams=2, max_new_tokens=48, batch_size=2)
    engine = Engine(create(config, seed=3), TOKENIZER, decode, ModelContract())
    texts = ("Text: a b\nFind: person\nAnswer: [GEN]", "Once upon a time", "what?\n\n\n[GEN]")
    completions = engine.generate([Prompt(atom, LABELS[:2], text) for atom in ("cls", "ext") for text in texts])
    for atom, completion in zip(["cls"] * 3 + ["ext"] * 3, completions, strict=True):
        parse_answer(atom, LABELS[:2], completion.text)


def test_the_small_tokenizer_joins_a_full_stop_and_a_tab() -> None:
    assert any(encode(TOKENIZER, [end + TAB])[0] != encode(TOKENIZER, [end, TAB]) for end in (".", "。", "|"))


def shortest(prompt: Prompt) -> int:
    """The fewest tokens with which the prompt is not refused."""
    with pytest.raises(ContractError, match=r"but may have only 1: set Decode\.max_new_tokens to") as error:
        GRAMMAR.check([prompt], 1)
    (needed,) = re.findall(r"max_new_tokens to (\d+)", str(error.value))
    with pytest.raises(ContractError):
        GRAMMAR.check([prompt], int(needed) - 1)
    GRAMMAR.check([prompt], int(needed))
    return int(needed)


@pytest.mark.parametrize("atom", ["cls", "ext"])
@pytest.mark.parametrize("more", [0, 1, 7])
def test_answers_end_within_any_limit_that_is_not_refused(atom, more) -> None:
    """Whatever is chosen among the tokens that may follow, there is always one, and the answer parses."""
    labels = ("a", "a long label。", "None of it", "No.", "an even longer label of many tokens", "日期")
    prompt = Prompt(atom, labels, CHINESE.prompt(atom, "x", labels))
    limit = shortest(prompt) + more
    automaton = GRAMMAR.automaton([prompt], 1)
    random = np.random.default_rng(more)
    forbidden, advance = jax.jit(constraints.closed_tokens), jax.jit(constraints.advance)
    for _ in range(4):
        state, ids = constraints.initial_state(automaton, 1), []
        while not ids or ids[-1] != TOKENIZER.eos_token_id:
            (may_follow,) = np.nonzero(~np.asarray(forbidden(automaton, state, np.array([limit - len(ids)])))[0, 0])
            assert len(may_follow), f"nothing may follow {TOKENIZER.decode(ids)!r}"
            # The end only where nothing else may follow, so that limits are reached.
            others = may_follow[may_follow != TOKENIZER.eos_token_id]
            token = int(random.choice(others)) if len(others) else TOKENIZER.eos_token_id
            ids.append(token)
            state = advance(automaton, state, jnp.zeros((1, 1), jnp.int32), jnp.full((1, 1), token))
        assert len(ids) <= limit
        parse_answer(atom, labels, TOKENIZER.decode(ids[:-1]))


@pytest.mark.parametrize(
    ("atom", "labels", "message"),
    [
        ("ext", (), "needs labels"),
        ("cls", ("a", "a"), "needs different labels"),
        ("ext", ("a", ""), "label '' is empty"),
        ("ext", ("a\tb",), "no answer with it can be read"),
        ("ext", ("a\nb",), "no answer with it can be read"),
        ("cls", (" a", "b"), "no answer with it can be read"),
        ("cls", ("a", "None"), "cannot have the label 'None'"),
        ("cls", ("a", "the </s> token"), "no answer with it can be read"),
    ],
)
def test_what_cannot_be_constrained_is_refused_before_anything_is_generated(atom, labels, message, monkeypatch) -> None:
    config = BloomConfig(vocab_size=VOCAB, hidden_size=48, n_layer=1, n_head=6)
    engine = Engine(create(config), TOKENIZER, DecodeConfig(batch_size=1), ModelContract())
    monkeypatch.setattr(engine, "_search", lambda *_: pytest.fail("generated"))
    good = Prompt("cls", ("a", "b"), CHINESE.prompt("cls", "x", ("a", "b")))
    with pytest.raises(ContractError, match=message):
        engine.generate([good, Prompt(atom, labels, "输入: a long text\n抽取: something\n输出: [GEN]")])


def test_a_label_that_holds_a_control_token_of_another_tokenizer_is_spelled_in_ordinary_tokens() -> None:
    tokenizer = copy.deepcopy(TOKENIZER)
    tokenizer.add_special_tokens({"additional_special_tokens": ["[GEN]", "<|end|>"]})
    grammar, prompt = Grammar(tokenizer, VOCAB), Prompt("cls", ("b", "an <|end|>"), "x")
    grammar.check([prompt])
    written = set(grammar.automaton([prompt], batch_size=1).token.ravel().tolist())
    (ids,) = encode(tokenizer, ["an <|end|>"])
    assert set(ids) <= written
    assert tokenizer.convert_tokens_to_ids("<|end|>") not in written
    assert tokenizer.decode(ids) == "an <|end|>"
