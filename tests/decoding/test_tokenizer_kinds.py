"""Constraint tables of other tokenizers: training's spelling of every answer can be written, random answers parse."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import TEMPLATES, Classification, ContractError, Extraction, parse_answer
from seqgpt_jax.data.tokenizer import encode
from seqgpt_jax.decoding import constraints
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.forbidden_tokens import forbidden_tokens
from seqgpt_jax.decoding.value_states import token_bytes, token_table, value_states
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.io.tokenizer import control_ids
from tests.data.tokenizer_kinds import KINDS, imported
from tests.decoding.peer import EOS, peer_answers, peer_of, tiny_model

CHINESE = TEMPLATES["chinese"]
# One size for all kinds, so that few programs are compiled.
ROWS = 512
LABELS = ("person", "person name", "city", "name", "城市", "(x)", "label 17", "n", "na")
FORBIDDEN, ADVANCE = jax.jit(constraints.closed_tokens), jax.jit(constraints.advance)


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    return imported(kind)


@cache
def grammar_of(kind: str) -> Grammar:
    return Grammar(tokenizer_of(kind), ROWS)


def after(
    automaton: constraints.Automaton, state: constraints.AutomatonState, token: int
) -> constraints.AutomatonState:
    return ADVANCE(automaton, state, jnp.zeros((1, 1), jnp.int32), jnp.full((1, 1), token))


def accepts(kind: str, atom: str, labels: tuple[str, ...], ids: list[int]) -> bool:
    grammar, prompt = grammar_of(kind), Prompt(atom, labels, "x")
    grammar.check([prompt])
    automaton = grammar.automaton([prompt], 1)
    state = constraints.initial_state(automaton, 1)
    for id in [*ids, tokenizer_of(kind).eos_token_id]:
        if bool(FORBIDDEN(automaton, state, np.array([999]))[0, 0, id]):
            return False
        state = after(automaton, state, id)
    return True


EXAMPLES = [
    Classification("x", LABELS, ("person",)),
    Classification("x", LABELS, ("person", "name")),
    Classification("x", LABELS, ("person name", "city", "name", "城市", "(x)", "label 17", "n", "na")),
    Classification("x", LABELS, ("person", "person name", "n", "na")),
    Classification("x", LABELS, ()),
    Classification("x", ("name", "person", "person name"), ("name", "person", "person name")),
    Extraction("x", LABELS[:4], (("Ada",), (), ("Turin", "name of it"), ("1840",))),
    Extraction("x", LABELS[4:7], (("None of it",), ("杭州。", "(a)"), ("é🙂",))),
    Extraction("x", ("name", "n"), ((), ())),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_every_right_answer_can_be_written_as_training_spells_it(kind, example) -> None:
    _, target = CHINESE.render(example)
    assert accepts(kind, example.atom, example.labels, encode(tokenizer_of(kind), [target])[0])


WORDS = ("person", "name", "(x)", "a.", "。", "17", "城市", ":", "-", "_id", "B-PER", "$5", "'s", "#tag", "Ünï", "🙂")
PHRASE = st.lists(st.sampled_from([*WORDS, " ", "/"]), min_size=1, max_size=3).map("".join).map(CHINESE.clean_label)
PHRASES = st.lists(PHRASE.filter(lambda phrase: phrase not in ("", "None")), min_size=1, max_size=4, unique=True)


@settings(max_examples=25, deadline=None)
@given(labels=PHRASES, spans=PHRASES, atom=st.sampled_from(["cls", "ext"]))
@pytest.mark.parametrize("kind", KINDS)
def test_so_can_answers_of_any_words(kind, labels, spans, atom) -> None:
    if atom == "cls":
        example = Classification("x", tuple(labels), tuple(labels[::2]))
    else:
        example = Extraction("x", tuple(labels), tuple(tuple(spans[number:]) for number in range(len(labels))))
    _, target = CHINESE.render(example)
    assert accepts(kind, atom, example.labels, encode(tokenizer_of(kind), [target])[0])


def test_one_of_them_joins_a_tab_and_the_word_after_it() -> None:
    tokenizer = tokenizer_of("start_token")
    assert encode(tokenizer, ["a\tname"]) != [[id for part in encode(tokenizer, ["a", "\t", "name"]) for id in part]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("atom", "output"),
    [
        ("cls", "name\tperson"),
        ("cls", "name\tname"),
        ("cls", "na\tn"),
        ("cls", "person\t"),
        ("cls", "None\tname"),
        ("ext", "person:  Ada\nperson name: None\n"),
        ("ext", "person:Ada\nperson name: None\n"),
    ],
)
def test_what_does_not_parse_cannot_be_written(kind, atom, output) -> None:
    labels = LABELS if atom == "cls" else LABELS[:2]
    assert not accepts(kind, atom, labels, encode(tokenizer_of(kind), [output])[0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("atom", ["cls", "ext"])
def test_random_answers_parse_and_end_within_any_limit(kind, atom) -> None:
    tokenizer, grammar, random = tokenizer_of(kind), grammar_of(kind), np.random.default_rng(0)
    labels = LABELS if atom == "cls" else LABELS[3:6]
    prompt, control = Prompt(atom, labels, "x"), control_ids(tokenizer)
    automaton = grammar.automaton([prompt], 1)
    for more in (0, 1, 6, 30):
        limit, state, ids = grammar._needed_tokens(prompt) + more, constraints.initial_state(automaton, 1), []
        grammar.check([prompt], limit)
        while not ids or ids[-1] != tokenizer.eos_token_id:
            (may_follow,) = np.nonzero(~np.asarray(FORBIDDEN(automaton, state, np.array([limit - len(ids)])))[0, 0])
            others = may_follow[may_follow != tokenizer.eos_token_id]
            ids.append(int(random.choice(others)) if len(others) else tokenizer.eos_token_id)
            state = after(automaton, state, ids[-1])
        assert len(ids) <= limit
        assert control.isdisjoint(ids[:-1])
        parse_answer(atom, labels, tokenizer.decode(ids[:-1], skip_special_tokens=True))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=30))
@pytest.mark.parametrize("kind", KINDS)
def test_the_bytes_of_tokens_are_the_text(kind, text) -> None:
    tokenizer = tokenizer_of(kind)
    (ids,) = encode(tokenizer, [text])
    of_token = _bytes_of(kind)
    assert b"".join(of_token[id] for id in ids).decode() == tokenizer.decode(ids)


@cache
def _bytes_of(kind: str) -> list[bytes]:
    return token_bytes(tokenizer_of(kind))


def test_prompts_are_asked_as_transformers_asks_them_whole_or_cut() -> None:
    """With a start token, which stays in front."""
    tokenizer, contract = tokenizer_of("sentencepiece_bpe"), ModelContract(max_prompt_tokens=96, max_target_tokens=8)
    assert tokenizer.eos_token_id == EOS
    tokenizer.truncation_side = "left"
    model = tiny_model(5, vocab_size=ROWS, sharpness=0.3, mixing=3.0)
    texts = [CHINESE.prompt("ext", text, ("person", "city")) for text in ("Ada", "Ada in Turin", "a b " * 60)]
    ids = [tokenizer(text, truncation=True, max_length=96).input_ids for text in texts]
    assert [row[0] for row in ids] == [tokenizer.bos_token_id] * 3
    suppressed = np.flatnonzero(forbidden_tokens(tokenizer, ROWS)).tolist()
    expected = peer_answers(peer_of(model), ids, 1, 8, suppressed)
    without_start = peer_answers(peer_of(model), [row[1:] for row in ids], 1, 8, suppressed)
    assert expected != without_start, "the model does not see the start token: the test shows nothing"
    decode = DecodeConfig(num_beams=1, batch_size=4, constrained=False)
    found = Engine(model, tokenizer, decode, contract).generate([Prompt("ext", ("person",), text) for text in texts])
    assert [list(one.ids) for one in found] == [row[:-1] if row[-1] == EOS else row for row in expected]
    assert [one.truncated > 0 for one in found] == [False, False, True]
    assert found[2].text_read.endswith("a b a b ")
    assert not found[2].text_read.startswith("<s>")


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_has_a_control_token(kind) -> None:
    table = token_table(tokenizer_of(kind), ROWS)
    assert (table[:, sorted(control_ids(tokenizer_of(kind)))] == value_states().dead).all()


def test_labels_that_the_tokenizer_normalizes_are_answered_as_they_were_asked() -> None:
    labels, tokenizer = ("e\u0301te", "\u212b", "a"), tokenizer_of("start_token")
    assert tokenizer.decode(encode(tokenizer, [labels[0]])[0]) == "\u00e9te"
    engine = Engine(
        tiny_model(5, vocab_size=ROWS),
        tokenizer,
        DecodeConfig(num_beams=1, batch_size=4, max_new_tokens=48),
        ModelContract(max_prompt_tokens=96),
    )
    prompts = [Prompt(atom, labels, "x", choose) for atom, choose in (("ext", "any"), ("cls", "any"), ("cls", "one"))]
    extracted, listed, one = engine.generate(prompts)
    for prompt, found in zip(prompts, (extracted, listed, one), strict=True):
        parse_answer(prompt.atom, prompt.labels, found.text)
    assert [line.split(":")[0] for line in extracted.text.splitlines()] == list(labels)
    assert one.text in labels
    assert one.label_scores.keys() == {*labels}
    assert grammar_of_labels(labels).as_asked(prompts[1], "\u00e9te\t\u00c5\ta") == "\t".join(labels)


def grammar_of_labels(labels: tuple[str, ...]) -> Grammar:
    grammar = grammar_of("start_token")
    grammar.check([Prompt("cls", labels, "x")])
    return grammar


def test_labels_that_are_the_same_to_the_tokenizer_are_refused() -> None:
    with pytest.raises(ContractError, match="labels 'e\u0301te' and 'éte' are the same to the model's tokenizer"):
        grammar_of("start_token").check([Prompt("cls", ("e\u0301te", "a", "\u00e9te"), "x")])


def test_a_label_of_unknown_characters_is_refused() -> None:
    with pytest.raises(ContractError, match="label '日' has characters that the model's tokenizer does not know"):
        Grammar(without_bytes(), ROWS).check([Prompt("cls", ("a", "日"), "x")])


def without_bytes() -> PreTrainedTokenizerFast:
    """A tokenizer of few characters that knows no others."""
    pieces = ["<unk>", "</s>", "[GEN]", "\t", "\n", " ", *"None:a"]
    model = models.Unigram([(piece, 0.0) for piece in dict.fromkeys(pieces)], unk_id=0, byte_fallback=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(model), eos_token="</s>", pad_token="<unk>", unk_token="<unk>"
    )


def test_names_of_other_characters_and_gaps_between_ids_have_bytes_too() -> None:
    backend = Tokenizer(models.BPE({"a": 0, "日": 1, "Ċ": 4}, []))
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert token_bytes(tokenizer) == (b"a", "日".encode(), b"", b"", b"\n")
