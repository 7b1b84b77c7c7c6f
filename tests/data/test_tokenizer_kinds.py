"""Prompts and targets with other tokenizers: start token before prompts alone, no control token out of texts."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN, TEMPLATES, Classification, Extraction
from seqgpt_jax.data.batches import pack
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.encoder import Encoder
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.prepare.token_counts import TokenCounts
from seqgpt_jax.data.store import EvalStore, TrainRecord, TrainStore
from seqgpt_jax.data.tokenizer import encode, encode_prompts, encoder_of
from seqgpt_jax.data.truncation import truncate_left
from seqgpt_jax.io.tokenizer import control_ids, save_tokenizer
from tests.data.small_tasks import ENTITIES, TOPICS, small_tokenizer
from tests.data.tokenizer_kinds import KINDS, imported

STARTS = {"chatml": None, "start_token": "<|begin_of_text|>", "sentencepiece_bpe": "<s>", "unigram": "<s>"}
ZH = TEMPLATES["chinese"]
EXAMPLES = (
    Classification("Ada visited Turin in 1840. \u2581 no", ("person", "a\u2581b", "城市"), ("person", "城市")),
    Extraction("杭州欢迎你  é🙂", ("city", "name"), (("杭州",), ())),
)


@cache
def tokenizer_of(kind: str) -> PreTrainedTokenizerFast:
    return imported(kind)


def start_of(kind: str) -> list[int]:
    return [tokenizer_of(kind).convert_tokens_to_ids(STARTS[kind])] if STARTS[kind] else []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_prompts_have_the_ids_that_transformers_gives_and_targets_no_start(kind, example) -> None:
    tokenizer = tokenizer_of(kind)
    prompt, target = ZH.render(example)
    (prompt_ids,), (target_ids,) = encode_prompts(tokenizer, [prompt]), encode(tokenizer, [target])
    assert prompt_ids == tokenizer(prompt).input_ids
    start = len(start_of(kind))
    assert prompt_ids[:start] == start_of(kind)
    assert prompt_ids[-1] == tokenizer.convert_tokens_to_ids(GEN)
    control = control_ids(tokenizer)
    assert control.isdisjoint([*prompt_ids[start:-1], *target_ids])
    assert tokenizer.decode(target_ids) == target


@pytest.mark.parametrize("kind", KINDS)
def test_another_process_and_counts_know_the_start(kind) -> None:
    encoder, start = encoder_of(tokenizer_of(kind)), len(start_of(kind))
    assert encoder.start_ids == tuple(start_of(kind))
    prompt, _ = ZH.render(EXAMPLES[1])
    assert Encoder.unpacked(encoder.packed()).encode_prompts([prompt]) == encoder.encode_prompts([prompt])
    counts = TokenCounts(encoder)
    assert counts.prompt(prompt) == counts.text(prompt) + start
    bare = counts.text(ZH.prompt("ext", "x", ("x",))) - 1
    assert counts.control_words(ZH, "ext") == bare + start


def test_bloom_like_tokenizers_have_no_start() -> None:
    tokenizer = small_tokenizer()
    prompt, _ = ZH.render(EXAMPLES[0])
    assert encoder_of(tokenizer).start_ids == ()
    assert encode_prompts(tokenizer, [prompt]) == encode(tokenizer, [prompt]) == [tokenizer(prompt).input_ids]


@pytest.mark.parametrize("kind", KINDS)
def test_truncation_leaves_the_start_in_front(kind) -> None:
    tokenizer, start = tokenizer_of(kind), start_of(kind)
    prompt, _ = ZH.render(EXAMPLES[0])
    (ids,) = encode_prompts(tokenizer, [prompt])
    cut = truncate_left(ids, len(ids) - 2, tokenizer.decode, start=len(start))
    assert (cut.ids, cut.removed, cut.loss) == ([*start, *ids[len(start) + 2 :]], 2, None)
    text = prompt.split("\n")[0]
    # SentencePiece has no other sign for a space.
    assert (text.replace("\u2581", " ") if kind in ("sentencepiece_bpe", "unigram") else text).endswith(cut.text)
    tokenizer.truncation_side = "left"
    assert tokenizer(prompt, truncation=True, max_length=len(ids) - 2).input_ids == cut.ids


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["name: Ada\ncity: Turin\n", "person:\nn", "1840\n(x)"])
def test_a_line_has_the_same_ids_wherever_it_is(kind, text) -> None:
    first, rest = text.split("\n", 1)
    parts = encode(tokenizer_of(kind), [first, "\n", rest])
    assert encode(tokenizer_of(kind), [text]) == [[id for part in parts for id in part]]


CONTROL = ("<s>", "</s>", "<unk>", "<|im_end|>", "<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", GEN)
PIECES = (*CONTROL, "<0x0A>", "<0x41>", "<tool>", "<", "|", ">", "[", "a ", " ", "杭州", "person", "\u00e9")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@pytest.mark.parametrize("kind", KINDS)
def test_no_text_becomes_a_control_token(kind, text) -> None:
    tokenizer = tokenizer_of(kind)
    for body in (text, text + "."):
        (ids,) = encode(tokenizer, [body])
        if body.endswith(GEN):
            assert ids.pop() == tokenizer.convert_tokens_to_ids(GEN)
        assert control_ids(tokenizer).isdisjoint(ids)
        assert tokenizer.decode(ids) == body.removesuffix(GEN)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
@pytest.mark.parametrize("kind", ["chatml", "sentencepiece_bpe", "unigram"])
def test_any_text_survives(kind, text) -> None:
    text = text.replace("\u2581", "")  # SentencePiece's own space
    (ids,) = encode(tokenizer_of(kind), [text])
    assert tokenizer_of(kind).decode(ids) == text


def test_unigram_models_read_names_of_bytes_and_control_tokens_in_texts() -> None:
    backend = tokenizer_of("unigram").backend_tokenizer
    assert backend.encode("a<0x0A>", add_special_tokens=False).tokens == ["a", "<0x0A>"]  # else nothing is shown above


def test_a_normalizer_that_spells_a_control_token_is_outwitted() -> None:
    pieces = ["</s>", *"</s>a", "</", "</s", "\t", "\n", "\uff1c"]
    merges = [("<", "/"), ("</", "s"), ("</s", ">")]
    backend = Tokenizer(models.BPE({piece: id for id, piece in enumerate(dict.fromkeys(pieces))}, merges))
    backend.normalizer = normalizers.NFKC()
    backend.add_special_tokens(["</s>"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>")
    (ids,) = encode(tokenizer, ["a\uff1c/s>a"])
    assert tokenizer.convert_ids_to_tokens(ids) == ["a", "<", "/", "s", ">", "a"]
    copied = encoder_of(tokenizer).backend
    assert tokenizer.eos_token_id in copied.encode("a\uff1c/s>a").ids  # else nothing is shown


def test_an_id_0_that_is_text_and_an_end_that_pads_too_are_trained() -> None:
    tokenizer = tokenizer_of("start_token")
    assert (tokenizer.convert_tokens_to_ids("!"), tokenizer.pad_token_id) == (0, tokenizer.eos_token_id)
    (prompt,), (target,) = encode_prompts(tokenizer, [f"a!{GEN}"]), [*encode(tokenizer, ["!!a"])]
    target.append(tokenizer.eos_token_id)
    row = pack([TrainRecord("id", 0, np.array(prompt), np.array(target))], length=16, target_capacity=8)
    assert row["target_ids"][row["target_weights"] > 0].tolist() == target
    assert row["tokens"][row["segment_ids"] > 0].tolist() == [*prompt, *target[:-1]]


@pytest.mark.parametrize("kind", ["start_token", "sentencepiece_bpe"])
def test_stores_have_the_start_before_prompts(kind, tmp_path) -> None:
    save_tokenizer(tokenizer_of(kind), tmp_path / "tokenizer")
    common = {"mixture": "small", "tokenizer": "-", "output_dir": str(tmp_path), "max_prompt_tokens": 64}
    tokenizer, start = tokenizer_of(kind), start_of(kind)
    folder = prepare(ResolvedPreparation(PrepareConfig(**common), (ENTITIES, TOPICS), tokenizer))
    store = TrainStore(folder)
    records = store.read(0, range(store.manifest["examples_per_epoch"][0]))
    assert len({record.id.split("/")[0] for record in records}) == 2
    for record in records:
        assert list(record.prompt_ids[:1]) == start
        assert start[0] not in [*record.prompt_ids[1:], *record.target_ids]
        assert len(record.prompt_ids) <= 64
        if tokenizer.decode(record.prompt_ids[1:]).startswith(ZH.input):
            assert tokenizer(tokenizer.decode(record.prompt_ids[1:])).input_ids == list(record.prompt_ids)
    test = PrepareConfig(**common, split="test")
    evaluation = EvalStore(prepare(ResolvedPreparation(test, (ENTITIES, TOPICS), tokenizer)))
    assert all(record.prompt_ids[0] == start[0] for record in (evaluation[n] for n in range(len(evaluation))))
    prompts, _ = store.lengths(0)
    np.testing.assert_array_equal(prompts, [len(record.prompt_ids) for record in records])
