"""The tokenizer's settings, its one added token, and the SeqIO vocabulary around it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AddedToken, AutoTokenizer, PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN
from seqgpt_jax.data.prepare.encoder import Encoder
from seqgpt_jax.data.tokenizer import encode, encoder_of, train_tokenizer
from seqgpt_jax.io.tokenizer import TokenizerError, add_special_token, fingerprint, load_tokenizer, save_tokenizer
from tests.data.small_tasks import small_tokenizer

TOKENIZER = small_tokenizer()


def test_ids_are_blooms_and_gen_is_one_token(tmp_path) -> None:
    assert [TOKENIZER.convert_tokens_to_ids(token) for token in ("<unk>", "<s>", "</s>", "<pad>")] == [0, 1, 2, 3]
    assert TOKENIZER.convert_tokens_to_ids(GEN) == len(TOKENIZER) - 1
    assert encode(TOKENIZER, [f"输出: {GEN}"])[0][-1] == len(TOKENIZER) - 1
    assert add_special_token(TOKENIZER, GEN) is False
    save_tokenizer(TOKENIZER, tmp_path)
    loaded = load_tokenizer(tmp_path, GEN)
    assert fingerprint(loaded) == fingerprint(TOKENIZER)
    assert (loaded.padding_side, loaded.truncation_side) == ("left", "left")


@given(st.text(max_size=60))
def test_any_text_survives_and_nothing_is_added(text) -> None:
    text = text.replace("<", "").replace("[", "")
    (ids,) = encode(TOKENIZER, [text])
    assert 0 not in ids
    assert TOKENIZER.decode(ids) == text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (" Hello world", [" Hello", " world"]),
        ("a (b|c)", ["a", " (", "b", "|", "c", ")"]),
        ("杭州，北京。", ["杭州", "，", "北京", "。"]),
        ("3.14, ok", ["3", ".", "14", ",", " ok"]),
    ],
)
def test_splits_as_bloom_does(text, pieces) -> None:
    # BLOOM's golden ids show that " (" is one token and that digits are not split.
    split = TOKENIZER.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
    assert [text[start:end] for _, (start, end) in split] == pieces


def test_padding_asked_for_elsewhere_does_not_stick(tmp_path) -> None:
    tokenizer = small_tokenizer()
    alone = encode(tokenizer, ["a b c", "a"])
    tokenizer(["a b c d e f", "a"], padding=True, truncation=True, max_length=2)
    assert encode(tokenizer, ["a b c", "a"]) == alone
    tokenizer(["a b c d e f", "a"], padding=True, truncation=True, max_length=2)
    save_tokenizer(tokenizer, tmp_path)
    assert fingerprint(load_tokenizer(tmp_path, GEN)) == fingerprint(small_tokenizer())
    assert encode(load_tokenizer(tmp_path, GEN), ["a b c", "a"]) == alone


def test_a_tokenizer_without_gen_is_refused_with_the_way_out(tmp_path) -> None:
    plain = PreTrainedTokenizerFast(
        tokenizer_object=small_tokenizer().backend_tokenizer.__class__.from_str(
            TOKENIZER.backend_tokenizer.to_str().replace(GEN, "[OTHER]")
        ),
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    )
    plain.save_pretrained(str(tmp_path))
    with pytest.raises(TokenizerError, match=r"has no \[GEN\] token: `python -m seqgpt_jax.import_hf"):
        load_tokenizer(tmp_path, GEN)
    tokenizer = AutoTokenizer.from_pretrained(str(tmp_path))
    assert add_special_token(tokenizer, GEN) is True
    tokenizer.save_pretrained(str(tmp_path))
    load_tokenizer(tmp_path, GEN)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(TokenizerError, match="no tokenizer could be loaded from 'no/such/folder'"):
        load_tokenizer("no/such/folder", GEN)


def tokenizer_with_chat_tokens() -> PreTrainedTokenizerFast:
    """Control tokens of other families: special, special but matched after normalization, and not marked as special."""
    tokenizer = small_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": [GEN, "<|im_end|>", "<start_of_turn>"]})
    tokenizer.add_tokens([AddedToken("<|eot|>", special=True, normalized=True), AddedToken("<tool_call>")])
    tokenizer.add_tokens(["[/INST]", "COVID-19"])
    return tokenizer


CHAT = tokenizer_with_chat_tokens()
CONTROL = ("<unk>", "<s>", "</s>", "<pad>", GEN, "<|im_end|>", "<start_of_turn>", "<|eot|>", "<tool_call>", "[/INST]")


@given(
    st.lists(st.sampled_from([*CONTROL, "a ", "杭州", " ", "<", "|", ">", "[", "COVID-19"]), max_size=8).map("".join)
)
def test_no_text_becomes_a_control_token(text) -> None:
    control = set(CHAT.convert_tokens_to_ids(list(CONTROL)))
    for body in (text, text + "."):
        (ids,) = encode(CHAT, [body])
        if body.endswith(GEN):
            assert ids.pop() == CHAT.convert_tokens_to_ids(GEN)
        assert control.isdisjoint(ids)
        assert CHAT.decode(ids) == body.removesuffix(GEN)


def test_other_added_tokens_and_prompts_without_control_tokens_keep_their_ids() -> None:
    for text in ("a COVID-19 b", "输入: a b\n分类: x，y\n输出: [GEN]", "no such span here\t"):
        assert encode(CHAT, [text]) == [CHAT.backend_tokenizer.encode(text, add_special_tokens=False).ids]
    # The tokenizer itself still reads them.
    assert CHAT.convert_tokens_to_ids("<|im_end|>") in CHAT("a<|im_end|>").input_ids
    assert CHAT.convert_tokens_to_ids("COVID-19") in encode(CHAT, ["a COVID-19 b"])[0]


def test_a_copy_in_another_process_encodes_the_same() -> None:
    text = "a<|im_end|> <tool_call>b[/INST]"
    assert Encoder.unpacked(encoder_of(CHAT).packed()).encode([text]) == encode(CHAT, [text])


def test_merges_that_spell_a_control_token_are_cut() -> None:
    """A tokenizer that was trained on raw text with `</s>` in it spells its id with ordinary merges."""
    tokenizer = train_tokenizer(["</s>"] * 50, 300)
    (ids,) = encode(tokenizer, ["a</s>b</s>"])
    assert tokenizer.eos_token_id not in ids
    assert tokenizer.decode(ids) == "a</s>b</s>"
    plain = encoder_of(tokenizer).backend.encode("</s>", add_special_tokens=False).ids
    assert plain == [tokenizer.eos_token_id]  # else this test would show nothing


def test_a_token_that_is_added_later_is_read() -> None:
    tokenizer = train_tokenizer(["one two"], 270)
    before = encode(tokenizer, ["one two"])
    tokenizer.add_tokens(["one two"])
    assert before != encode(tokenizer, ["one two"]) == [[len(tokenizer) - 1]]
