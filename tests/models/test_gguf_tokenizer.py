"""Tokenizers of GGUF files: equal ids with the tokenizers that the vocabularies come from."""

import io

import pytest
import sentencepiece
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers, pre_tokenizers
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from seqgpt_jax.models.gguf_tokenizer import make_tokenizer
from tests.io import gguf_samples as samples

# As in the tokenizer.json of SmolLM2 and of Llama 3.2.
DIGITS = pre_tokenizers.Digits(individual_digits=True)
LLAMA_3 = (
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
    "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
)


def smollm():
    tokenizer = samples.make_bpe()
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([DIGITS, split])
    return tokenizer


def qwen2():
    tokenizer = samples.make_bpe(pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), "isolated"))
    tokenizer.normalizer = normalizers.NFC()
    return tokenizer


ORIGINALS = {
    "gpt-2": samples.make_bpe(),
    "smollm": smollm(),
    "qwen2": qwen2(),
    "llama-bpe": samples.make_bpe(pre_tokenizers.Split(Regex(LLAMA_3), "isolated")),
}


def metadata(tokens, model="gguf"):
    return {f"tokenizer.ggml.{key}": value for key, value in tokens.items()} | {"general.architecture": "any"}


OURS = {pre: make_tokenizer(metadata(samples.bpe_metadata(one, pre))) for pre, one in ORIGINALS.items()}
PIECES = [*"the yar19842it's 输入出é́ \n\t=;S", "the", "year", "<|im_start|>", "<|im_end|>", "Ġ"]
TEXT = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=30).map("".join)


@pytest.mark.parametrize("pre", ORIGINALS)
@settings(max_examples=100, deadline=None)
@given(text=TEXT)
@example(text="the years 1984 and 2026: it's  the\n\n\t19th 输入<|im_end|> e\u0301 ١٢٣ ²³")
def test_ids_are_those_of_the_original(pre, text):
    ids = OURS[pre](text).input_ids
    assert ids == ORIGINALS[pre].encode(text).ids
    assert OURS[pre].decode(ids) == (text if pre != "qwen2" else normalizers.NFC().normalize_str(text))


def test_digits_of_smollm_are_split():
    assert OURS["smollm"].tokenize("1984") == list("1984")
    assert OURS["gpt-2"].tokenize("1984") != list("1984")


def test_a_whole_word_of_the_vocabulary_is_one_token_where_the_rule_says_so():
    tokens = samples.bpe_metadata(samples.make_bpe(), "llama-bpe")
    word = next(token for token in reversed(tokens["tokens"]) if token.isalpha() and token.isascii() and len(token) > 2)
    unmerged = [merge for merge in tokens["merges"] if merge.replace(" ", "") != word]
    for pre, count in (("llama-bpe", 1), ("gpt-2", 2)):
        assert len(make_tokenizer(metadata(tokens | {"pre": pre, "merges": unmerged})).tokenize(word)) == count


def test_special_tokens():
    tokenizer = OURS["smollm"]
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id) == (1, 2, 2)
    assert set(tokenizer.all_special_tokens) >= {"<|im_start|>", "<|im_end|>"}
    assert tokenizer("a<|endoftext|>").input_ids[-1] == 0
    assert tokenizer.decode([0, 3, 1], skip_special_tokens=True) == tokenizer.decode([3])


def test_tokens_that_the_user_defined_are_whole_and_not_special():
    tokens = samples.bpe_metadata(samples.make_bpe())
    index = tokens["token_type"].index(5)
    tokens["tokens"][index], tokens["token_type"][index] = "<think>", 4
    tokenizer = make_tokenizer(metadata(tokens))
    assert tokenizer("<think>").input_ids == [index]
    assert tokenizer.decode([index], skip_special_tokens=True) == "<think>"


@pytest.mark.parametrize(
    ("pre", "says", "added"), [("gpt-2", True, 1), ("gpt-2", None, 0), ("llama-bpe", None, 1), ("llama-bpe", False, 0)]
)
def test_start_token(pre, says, added):
    tokens = samples.bpe_metadata(samples.make_bpe(), pre, add_bos_token=says)
    tokenizer = make_tokenizer(metadata({key: value for key, value in tokens.items() if value is not None}))
    assert tokenizer("the").input_ids.count(1) == added
    assert 1 not in tokenizer("the", add_special_tokens=False).input_ids


@pytest.fixture(scope="module")
def sentences():
    """A SentencePiece model with pieces for bytes, as Llama 2 has them."""
    content = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([*samples.TEXTS, "输入 输出 分类 抽取"] * 5),
        model_writer=content,
        model_type="bpe",
        vocab_size=340,
        byte_fallback=True,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        split_digits=True,
        allow_whitespace_only_pieces=True,
        minloglevel=2,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=content.getvalue())


def sentencepiece_metadata(model):
    kinds = [
        2 if model.is_unknown(i) else 3 if model.is_control(i) else 6 if model.is_byte(i) else 1
        for i in range(model.vocab_size())
    ]
    return metadata(
        {
            "model": "llama",
            "tokens": [model.id_to_piece(i) for i in range(model.vocab_size())],
            "scores": [model.get_score(i) for i in range(model.vocab_size())],
            "token_type": kinds,
            "unknown_token_id": 0,
            "bos_token_id": 1,
            "eos_token_id": 2,
        }
    )


def test_sentencepiece_gives_the_same_ids(sentences):
    tokenizer = make_tokenizer(sentencepiece_metadata(sentences))

    @settings(max_examples=100, deadline=None)
    @given(text=TEXT)
    @example(text="  the  years 1984: it's\n\n\tthe 输入 é ²³ 😀 ")
    def check(text):
        text = text.replace("\0", "").replace("▁", "")
        ids = tokenizer(text).input_ids
        assert ids == [1, *sentences.encode(text)]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text

    check()


def test_sentencepiece_without_a_space_before_the_text(sentences):
    values = sentencepiece_metadata(sentences) | {"tokenizer.ggml.add_space_prefix": False}
    ids = make_tokenizer(values)("year").input_ids
    assert ids != [1, *sentences.encode("year")]
    assert make_tokenizer(values).decode(ids, skip_special_tokens=True) == "year"


REFUSED = {
    "kind of model": ({"model": "bert"}, "tokenizer.ggml.model is 'bert'; supported: gpt2, llama"),
    "no model": ({"model": None}, "tokenizer.ggml.model is missing"),
    "splitting rule": ({"pre": "dbrx"}, "tokenizer.ggml.pre is 'dbrx'; supported: gpt-2, smollm"),
    "no rule": ({"pre": None}, "tokenizer.ggml.pre is None"),
    "merges": ({"merges": ["no such"]}, "tokenizer.ggml.merges do not fit"),
    "twice": ({"tokens": ["a"] * samples.VOCAB}, "names a token twice"),
    "kinds": ({"token_type": [1]}, "token_type has 1 entries for 320 tokens"),
    "no end": ({"eos_token_id": None}, "tokenizer.ggml.eos_token_id is missing"),
    "special": ({"eos_token_id": 4000}, "tokenizer.ggml.eos_token_id is 4000, and there are 320 tokens"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_by_name(case):
    changes, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        make_tokenizer(metadata(samples.bpe_metadata(samples.make_bpe(), **changes)))
