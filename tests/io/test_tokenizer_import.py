"""Tokenizers of other models: `[GEN]` by each of the three ways, padding, no space before texts, what is refused."""

import copy
import itertools
import json

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from seqgpt_jax import import_hf
from seqgpt_jax.atomic import GEN
from seqgpt_jax.command_line import UsageError
from seqgpt_jax.io.model_folder import load
from seqgpt_jax.io.special_tokens import tokens_around
from seqgpt_jax.io.tensor_files import read_tensors
from seqgpt_jax.io.tokenizer import (
    TokenizerError,
    fingerprint,
    load_tokenizer,
    never_generated,
    read_tokenizer,
    rows_needed,
    save_tokenizer,
)
from seqgpt_jax.io.tokenizer_import import import_tokenizer, unused_special_tokens
from tests.data.tokenizer_kinds import KINDS, imported
from tests.models import peers


def kind(name: str) -> PreTrainedTokenizerFast:
    return copy.deepcopy(KINDS[name]())


@pytest.mark.parametrize("name", KINDS)
def test_a_free_row_is_taken(name) -> None:
    tokenizer = kind(name)
    rows = rows_needed(tokenizer) + 1
    result = import_tokenizer(tokenizer, rows, GEN)
    assert result.rows == rows
    assert result.tokenizer.convert_tokens_to_ids(GEN) == rows - 1
    assert any(change == f"{GEN} was added" for change in result.changes)


@pytest.mark.parametrize("name", ["chatml", "start_token"])
def test_a_full_table_names_the_ways_out_and_what_could_be_taken(name) -> None:
    tokenizer = kind(name)
    with pytest.raises(TokenizerError, match=r"--gen_token=NAME takes .*--grow") as error:
        import_tokenizer(tokenizer, rows_needed(tokenizer), GEN)
    unused = {"chatml": "<repo_name>", "start_token": "<|reserved_special_token_0|>"}[name]
    assert unused in str(error.value)
    assert not [token for token in tokenizer.special_tokens_map.values() if token in str(error.value)]


@pytest.mark.parametrize(("name", "take"), [("chatml", "<repo_name>"), ("start_token", "<|reserved_special_token_0|>")])
def test_an_unused_token_gives_its_row(name, take) -> None:
    tokenizer = kind(name)
    rows, id, before = rows_needed(tokenizer), tokenizer.convert_tokens_to_ids(take), tokenizer.get_vocab()
    result = import_tokenizer(tokenizer, rows, GEN, take=take)
    after = result.tokenizer.get_vocab()
    assert after == {GEN if token == take else token: number for token, number in before.items()}
    assert (result.rows, result.tokenizer.convert_tokens_to_ids(GEN)) == (rows, id)
    text = f"输入: a {take} b\n输出: {GEN}"
    ids = result.tokenizer(text).input_ids
    assert [number for number in ids if number == id] == [ids[-1]]
    assert id in never_generated(result.tokenizer, rows)


def test_a_special_token_past_the_table_is_dropped_where_another_gives_its_row() -> None:
    """As that for images in the folders of Gemma 3's text models."""
    tokenizer, take = kind("chatml"), "<repo_name>"
    rows, before = rows_needed(tokenizer), tokenizer.get_vocab()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    with pytest.raises(TokenizerError, match=f"only {rows} rows"):
        import_tokenizer(copy.deepcopy(tokenizer), rows, GEN)
    result = import_tokenizer(tokenizer, rows, GEN, take=take)
    assert result.rows == rows
    assert result.tokenizer.get_vocab() == {GEN if one == take else one: id for one, id in before.items()}
    assert any("<image_soft_token>, for which the model has no row" in change for change in result.changes)


def test_the_token_of_a_unigram_model_gives_its_row() -> None:
    tokenizer = kind("unigram")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<0x00>"]})
    id = tokenizer.convert_tokens_to_ids("<0x00>")
    result = import_tokenizer(tokenizer, rows_needed(tokenizer), GEN, take="<0x00>")
    assert result.tokenizer.convert_tokens_to_ids(GEN) == id
    assert "<0x00>" not in result.tokenizer.get_vocab()


@pytest.mark.parametrize("take", ["<|im_end|>", "<|im_start|>", "<|endoftext|>", "person", "<no_such>"])
def test_a_token_with_a_role_is_not_taken(take) -> None:
    tokenizer = kind("chatml")
    with pytest.raises(
        TokenizerError, match=rf"--gen_token={take.replace('|', '.')} is no unused .*it has <repo_name>"
    ):
        import_tokenizer(tokenizer, rows_needed(tokenizer), GEN, take=take)


def test_a_start_token_that_is_not_named_is_not_taken() -> None:
    tokenizer = kind("start_token")
    del tokenizer._special_tokens_map["bos_token"]
    assert "<|begin_of_text|>" not in unused_special_tokens(tokenizer)


def test_a_second_gen_is_refused() -> None:
    with pytest.raises(TokenizerError, match=r"has a \[GEN\] token already: leave out --gen_token=<repo_name>"):
        import_tokenizer(imported("chatml"), 512, GEN, take="<repo_name>")


def test_gen_among_the_ordinary_tokens_becomes_special() -> None:
    tokenizer = kind("chatml")
    tokenizer.add_tokens([GEN])
    result = import_tokenizer(tokenizer, rows_needed(tokenizer), GEN)
    assert result.tokenizer.convert_tokens_to_ids(GEN) in result.tokenizer.all_special_ids


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chatml", "<|endoftext|>"),
        ("start_token", "<|end_of_text|>"),
        ("sentencepiece_bpe", "<unk>"),
    ],
)
def test_padding_is_an_existing_token(name, expected) -> None:
    result = import_tokenizer(kind(name), 1000, GEN)
    assert result.tokenizer.pad_token == expected
    assert f"{expected} pads" in result.changes
    assert rows_needed(result.tokenizer) == rows_needed(kind(name)) + 1


@pytest.mark.parametrize("token", ["<|finetune_right_pad_id|>", "[PAD]", "<pad>", "<|padding|>"])
def test_a_token_made_for_padding_pads(token) -> None:
    tokenizer = kind("start_token")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|vision_pad|>", token]})
    assert import_tokenizer(tokenizer, 1000, GEN).tokenizer.pad_token == token


def test_the_end_token_that_pads_can_be_generated() -> None:
    tokenizer = imported("start_token")
    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert tokenizer.eos_token_id not in never_generated(tokenizer, 1000)


@pytest.mark.parametrize("name", ["sentencepiece_bpe", "unigram"])
def test_no_space_is_read_before_a_text(name, tmp_path) -> None:
    before, after = kind(name), imported(name)
    alone, inside = (after.encode(text, add_special_tokens=False) for text in ("name", "\nname"))
    assert inside[1:] == alone
    assert after.decode(after.encode(" a  b\t c ", add_special_tokens=False)) == " a  b\t c "
    # Nothing else has changed.
    text = " person: Ada\ncity\tname"
    (space, *ids), bare = before.encode(text, add_special_tokens=False), after.encode(text, add_special_tokens=False)
    assert bare in (ids, [space, *ids])
    before.pad_token = "<unk>"
    before.add_special_tokens({"additional_special_tokens": [GEN]})
    save_tokenizer(before, tmp_path)
    with pytest.raises(TokenizerError, match=r"puts a space before each text: `python -m seqgpt_jax\.import_hf"):
        load_tokenizer(tmp_path, GEN)


def test_a_byte_level_tokenizer_reads_no_space_before_a_text() -> None:
    tokenizer = kind("chatml")
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    assert tokenizer.tokenize("name")[0] != "name"
    assert import_tokenizer(tokenizer, 1000, GEN).tokenizer.tokenize("name") == ["name"]


def test_answers_are_decoded_as_they_were_generated() -> None:
    tokenizer = kind("chatml")
    tokenizer.clean_up_tokenization_spaces = True
    tokenizer = import_tokenizer(tokenizer, 1000, GEN).tokenizer
    text = "the U.S . , he 's"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_an_end_token_after_texts_is_taken_out(tmp_path) -> None:
    tokenizer = kind("start_token")
    ids = [(name, tokenizer.convert_tokens_to_ids(name)) for name in ("<|begin_of_text|>", "<|end_of_text|>")]
    names = [name for name, _ in ids]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        f"{names[0]} $A {names[1]}", special_tokens=ids
    )
    tokenizer.pad_token = names[1]
    tokenizer.add_special_tokens({"additional_special_tokens": [GEN]})
    save_tokenizer(tokenizer, tmp_path)
    with pytest.raises(TokenizerError, match="puts an end token after each text"):
        load_tokenizer(tmp_path, GEN)
    result = import_tokenizer(tokenizer, 1000, GEN)
    assert tokens_around(result.tokenizer.backend_tokenizer) == ([ids[0][1]], [])


# The class of Qwen2 in `transformers` 5 has the split of its own models, as `chatml` here has it for digits.
@pytest.mark.parametrize(
    ("name", "architecture"),
    [*itertools.product(KINDS, [None, "llama", "mistral", "qwen3", "gemma3_text", "bloom"]), ("chatml", "qwen2")],
)
def test_saved_and_loaded_again_the_ids_are_the_same(name, architecture, tmp_path) -> None:
    """By ours and by `transformers`, whose class for an architecture may build a tokenizer of its own."""
    tokenizer = imported(name)
    save_tokenizer(tokenizer, tmp_path)
    ours = load_tokenizer(tmp_path, GEN)
    assert fingerprint(load_tokenizer(tmp_path, GEN)) == fingerprint(ours)
    if architecture:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": architecture}))
    loaded = [ours, AutoTokenizer.from_pretrained(tmp_path)]
    for text in ("a", f"输入: Ada in Turin, 1840.\n分类: x，y\n输出: {GEN}", "é🙂\ta  b\n"):
        for other in loaded:
            assert other(text).input_ids == tokenizer(text).input_ids
    for other in loaded:
        assert len(other) == len(tokenizer)
        for role in ("bos_token", "eos_token", "pad_token", "unk_token"):
            assert getattr(other, role) == getattr(tokenizer, role)


@pytest.mark.parametrize(
    ("model", "pre_tokenizer"),
    [
        (models.WordLevel({"<unk>": 0, "</s>": 1, "x": 2}, unk_token="<unk>"), pre_tokenizers.Whitespace()),
        (models.Unigram([("<unk>", 0.0), ("</s>", 0.0), ("x", -1.0)], unk_id=0, byte_fallback=False), None),
    ],
)
def test_a_tokenizer_that_knows_no_line_break_is_refused(model, pre_tokenizer) -> None:
    backend = Tokenizer(model)
    if pre_tokenizer:
        backend.pre_tokenizer = pre_tokenizer
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")
    with pytest.raises(TokenizerError, match="has no token for a TAB, without which no answer can be written"):
        import_tokenizer(tokenizer, 100, GEN)


def test_a_tokenizer_without_end_is_refused() -> None:
    tokenizer = kind("chatml")
    tokenizer.eos_token = None
    with pytest.raises(TokenizerError, match=r"names no eos_token: write it into tokenizer_config\.json"):
        import_tokenizer(tokenizer, 1000, GEN)


@pytest.fixture
def full(tmp_path):
    """A model whose table has no free row."""
    peers.save_peer(tmp_path / "full", 6)
    tokenizer = peers.make_tokenizer(gen=False)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<repo_name>"]})
    tokenizer.add_tokens([f"word{number}" for number in range(peers.VOCAB - len(tokenizer))])
    tokenizer.save_pretrained(str(tmp_path / "full"))
    return tmp_path / "full"


def test_import_of_a_sentencepiece_file_alone_says_what_makes_a_tokenizer_of_it(full, tmp_path) -> None:
    (full / "tokenizer.json").rename(full / "tokenizer.model")
    with pytest.raises(UsageError, match=r"no tokenizer\.json; AutoTokenizer of transformers makes tokenizer\.json of"):
        import_hf.main([f"--source={full}", f"--output={tmp_path / 'out'}"])
    (full / "tokenizer.model").unlink()
    with pytest.raises(UsageError, match=r"no tokenizer\.json$"):
        import_hf.main([f"--source={full}", f"--output={tmp_path / 'out'}"])


def test_import_takes_the_row_of_a_token(full, tmp_path, capsys) -> None:
    row = read_tokenizer(full).convert_tokens_to_ids("<repo_name>")
    assert import_hf.main([f"--source={full}", f"--output={tmp_path / 'out'}", "--gen_token=<repo_name>"]) == 0
    assert "[GEN] took the row of <repo_name>" in capsys.readouterr().out
    loaded = load(tmp_path / "out")
    assert loaded.tokenizer.convert_tokens_to_ids(GEN) == row
    assert loaded.config.vocab_size == peers.VOCAB
    for name, tensor in read_tensors(full).items():
        np.testing.assert_array_equal(read_tensors(tmp_path / "out")[name].read(), tensor.read())


def test_import_grows_the_table(full, tmp_path, capsys) -> None:
    assert import_hf.main([f"--source={full}", f"--output={tmp_path / 'out'}", "--grow"]) == 0
    assert "[GEN] was added; the vocabulary table has now 640 rows" in capsys.readouterr().out
    loaded = load(tmp_path / "out")
    assert (loaded.config.vocab_size, loaded.tokenizer.convert_tokens_to_ids(GEN)) == (640, peers.VOCAB)
    assert json.loads((tmp_path / "out" / "config.json").read_text())["vocab_size"] == 640
    before, after = read_tensors(full), read_tensors(tmp_path / "out")
    for name, tensor in before.items():
        old, new = tensor.read(), after[name].read()
        np.testing.assert_array_equal(new[: len(old)], old)
        if len(new) > len(old):
            assert name.endswith("word_embeddings.weight")
            np.testing.assert_allclose(new[len(old) :], np.tile(old.mean(0), (128, 1)), rtol=1e-5, atol=1e-6)
    never = json.loads((tmp_path / "out" / "generation_config.json").read_text())["suppress_tokens"]
    assert set(range(peers.VOCAB, 640)) <= set(never)


def test_import_of_a_tokenizer_that_is_too_large_for_its_table(full, tmp_path) -> None:
    tokenizer = read_tokenizer(full)
    tokenizer.add_tokens(["one", "more"])
    save_tokenizer(tokenizer, full)
    flags = [f"--source={full}", f"--output={tmp_path / 'out'}"]
    with pytest.raises(TokenizerError, match="has 514 tokens and the embedding table only 512 rows: --grow"):
        import_hf.main([*flags, "--gen_token=<repo_name>"])
    assert import_hf.main([*flags, "--grow"]) == 0
