"""Weights to and from Hugging Face folders, bit by bit."""

import json
import shutil
import weakref
import zipfile

import jax
import ml_dtypes
import numpy as np
import pytest
import torch
from jax.sharding import AxisType
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer, models
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from seqgpt_jax.io.hf_checkpoint import (
    WeightsError,
    load_params,
    params_to_hf,
    read_config,
    read_weights,
    save_folder,
)
from seqgpt_jax.io.tensor_files import Tensor, TensorFileError, read_tensors, write_tensors
from seqgpt_jax.io.tokenizer import fingerprint, save_tokenizer
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, param_shardings, params_of
from seqgpt_jax.models.sharding import ShardingRules
from tests.io import reading
from tests.models import peers
from tests.models.test_sharding import RULES

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
CONFIG = BloomConfig(vocab_size=peers.VOCAB, hidden_size=peers.HIDDEN, n_layer=peers.LAYERS, n_head=6)


def _bits(array: np.ndarray) -> bytes:
    return array.dtype.name.encode() + np.ascontiguousarray(array).tobytes()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    peers.save_peer(folder, 6)
    return folder


@pytest.fixture
def copy(source, tmp_path):
    return shutil.copytree(source, tmp_path / "copy")


def _edit(folder, change) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path, metadata={"format": "pt"})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shards", ["one file", "many files"])
def test_round_trip_keeps_every_bit(tmp_path, dtype, shards):
    kilobytes = 100 if shards == "many files" else 10**6
    peers.save_peer(tmp_path / "in", 6, dtype=DTYPES[dtype], max_shard_size=f"{kilobytes}KB")
    assert (tmp_path / "in" / "model.safetensors.index.json").exists() == (shards == "many files")
    config = BloomConfig.from_hf(read_config(tmp_path / "in"), param_dtype=dtype)
    tensors = params_to_hf(load_params(tmp_path / "in", config), config, dtype)
    save_folder(tmp_path / "out", config, tensors, peers.make_tokenizer(), max_shard_bytes=kilobytes * 1000)

    before, after = read_tensors(tmp_path / "in"), read_tensors(tmp_path / "out")
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        assert _bits(after[name].read()) == _bits(tensor.read()), name
    if shards == "many files":
        files = sorted((tmp_path / "out").glob("model-*.safetensors"))
        assert len(files) > 2
        assert all(file.stat().st_size < 110_000 for file in files)
        index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
        assert index["metadata"]["total_size"] == config.num_params() * np.dtype(dtype).itemsize


def test_exported_folder_in_transformers(tmp_path):
    model = create(CONFIG, seed=5)
    params = params_of(model)
    tensors = params_to_hf(params, CONFIG, "float32")
    save_folder(tmp_path / "out", CONFIG, tensors, peers.make_tokenizer(), max_shard_bytes=100_000, card="# A card\n")
    peer, report = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(report.values())
    tokens = np.random.default_rng(0).integers(4, peers.VOCAB, (2, 20))
    np.testing.assert_allclose(peers.run_ours(model, tokens), peers.run_peer(peer, tokens), rtol=0, atol=1e-5)

    assert peer.config.architectures == ["BloomForCausalLM"]
    assert (peer.config.eos_token_id, peer.config.pad_token_id) == (2, 3)
    generation = peer.generation_config
    assert (generation.num_beams, generation.do_sample, generation.max_new_tokens) == (4, False, 256)
    assert (generation.eos_token_id, generation.pad_token_id) == (2, 3)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert (tokenizer.padding_side, tokenizer.truncation_side) == ("left", "left")
    assert len(tokenizer("[GEN]", add_special_tokens=False)["input_ids"]) == 1
    assert (tmp_path / "out" / "README.md").read_text() == "# A card\n"
    batch = tokenizer(["a few words [GEN]", "[GEN]"], return_tensors="pt", padding=True)
    output = peer.generate(**batch, max_new_tokens=3)
    assert output.shape[0] == 2


def _saved_tokenizer(folder) -> tuple[dict, dict]:
    return tuple(json.loads((folder / f"{name}.json").read_text()) for name in ("tokenizer", "tokenizer_config"))


@pytest.mark.parametrize("extra", [[], ["<turn>", "[GEN] "]])
def test_the_tokenizer_is_written_as_old_versions_read_it(tmp_path, extra):
    tokenizer = peers.make_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["[GEN]", *extra]})
    tokenizer.model_max_length = 77
    tokenizer(["padded", "and cut"], padding=True, truncation=True, max_length=1)
    save_tokenizer(tokenizer, tmp_path)
    content, config = _saved_tokenizer(tmp_path)
    assert content["model"]["merges"]
    assert all(isinstance(merge, str) and merge.count(" ") == 1 for merge in content["model"]["merges"])
    assert (content["padding"], content["truncation"]) == (None, None)
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert config["additional_special_tokens"] == ["[GEN]", *extra]
    assert config["model_input_names"] == ["input_ids", "attention_mask"]
    assert not config.keys() & {"extra_special_tokens", "backend", "is_local", "local_files_only", "name_or_path"}
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert fingerprint(loaded) == fingerprint(tokenizer)
    assert loaded.all_special_ids == tokenizer.all_special_ids
    assert (loaded.padding_side, loaded.truncation_side) == (tokenizer.padding_side, tokenizer.truncation_side)
    assert loaded.model_max_length == 77


def test_merges_of_pieces_with_spaces_stay_pairs(tmp_path):
    pieces = ["<unk>", "<s>", "</s>", "<pad>", " ", "a", "b", " a", " ab"]
    model = models.BPE({piece: id for id, piece in enumerate(pieces)}, [(" ", "a"), (" a", "b")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(model), eos_token="</s>", pad_token="<pad>")
    save_tokenizer(tokenizer, tmp_path)
    assert _saved_tokenizer(tmp_path)[0]["model"]["merges"] == [[" ", "a"], [" a", "b"]]
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded("ab ab")["input_ids"] == tokenizer("ab ab")["input_ids"] == [5, 6, 8]


def test_an_end_token_that_pads_too_can_be_generated(tmp_path):
    tokenizer = peers.make_tokenizer()
    tokenizer.pad_token = "</s>"
    save_folder(tmp_path / "out", CONFIG, params_to_hf(params_of(create(CONFIG)), CONFIG, "float32"), tokenizer)
    never = json.loads((tmp_path / "out" / "generation_config.json").read_text())["suppress_tokens"]
    gen = tokenizer.convert_tokens_to_ids("[GEN]")
    # `<pad>`, which no longer pads, is a control token all the same.
    assert never == [0, 1, 3, gen, *range(gen + 1, peers.VOCAB)]


def test_saving_leaves_the_tokenizer_as_it_was(tmp_path):
    tokenizer = peers.make_tokenizer()
    tokenizer.padding_side = "right"
    params = params_of(create(CONFIG))
    save_folder(tmp_path / "out", CONFIG, params_to_hf(params, CONFIG, "bfloat16"), tokenizer)
    assert tokenizer.padding_side == "right"
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["dtype"] == config["torch_dtype"] == "bfloat16"  # the name since transformers 4.56, and before it


def test_saving_over_something_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        save_folder(tmp_path / "out", CONFIG, {}, peers.make_tokenizer())
    assert (tmp_path / "out" / "thesis.txt").read_text() == "precious"


def test_failed_save_leaves_no_folder(tmp_path):
    params = params_of(create(CONFIG))
    del params["final_norm"]
    with pytest.raises(KeyError):
        save_folder(tmp_path / "out", CONFIG, params_to_hf(params, CONFIG, "float32"), peers.make_tokenizer())
    assert not (tmp_path / "out").exists()


def test_tokenizer_larger_than_the_table(tmp_path):
    small = BloomConfig(vocab_size=300, hidden_size=48, n_layer=1, n_head=6)
    with pytest.raises(ValueError, match=r"300 rows: enlarge it"):
        save_folder(tmp_path / "out", small, {}, peers.make_tokenizer())


@pytest.mark.parametrize("stored", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("wanted", DTYPES)
def test_weights_are_cast_to_the_config(copy, stored, wanted):
    kind = np.dtype(getattr(ml_dtypes, stored, stored))
    _edit(copy, lambda tensors: tensors.update({name: value.astype(kind) for name, value in tensors.items()}))
    config = BloomConfig.from_hf(read_config(copy), param_dtype=wanted)
    params = load_params(copy, config)
    raw = load_file(copy / "model.safetensors")
    for found, name in (
        (params["word_embeddings"], "word_embeddings.weight"),
        (params["layers"]["input_norm"]["bias"][2], "h.2.input_layernorm.bias"),
    ):
        assert found.dtype == wanted
        np.testing.assert_array_equal(found, raw[f"transformer.{name}"].astype(found.dtype))


def test_fused_kernel_is_cut_by_head_first(source):
    params = load_params(source, CONFIG)
    raw = load_file(source / "model.safetensors")["transformer.h.1.self_attention.query_key_value.weight"]
    # Rows of the file: head 0's query, key and value, then head 1's; 8 each.
    key_of_head_2 = raw[2 * 24 + 8 : 2 * 24 + 16]
    np.testing.assert_array_equal(
        params["layers"]["attention"]["query_key_value"]["kernel"][1, :, 2, 1, :], key_of_head_2.T
    )


def test_names_without_prefix_and_a_tied_head(source, copy):
    def change(tensors):
        for name in list(tensors):
            tensors[name.removeprefix("transformer.")] = tensors.pop(name)
        tensors["lm_head.weight"] = tensors["word_embeddings.weight"].copy()

    _edit(copy, change)
    assert {"lm_head.weight", "word_embeddings.weight", "ln_f.weight"} < read_tensors(copy).keys()
    found, expected = load_params(copy, CONFIG), load_params(source, CONFIG)
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    assert len(jax.tree.leaves(found)) == len(jax.tree.leaves(expected)) > 10


def test_a_head_of_its_own_is_refused(copy):
    _edit(copy, lambda tensors: tensors.update({"lm_head.weight": tensors["transformer.word_embeddings.weight"] + 1}))
    with pytest.raises(WeightsError, match=r"config.json says that the two are tied"):
        load_params(copy, CONFIG)


def test_every_wrong_tensor_is_named(copy):
    def change(tensors):
        del tensors["transformer.h.1.mlp.dense_h_to_4h.bias"]
        tensors["transformer.h.0.rotary"] = np.zeros(3, np.float32)
        tensors["transformer.ln_f.weight"] = np.zeros(7, np.float32)

    _edit(copy, change)
    with pytest.raises(WeightsError) as caught:
        read_weights(copy, CONFIG)
    text = str(caught.value)
    assert "missing: h.1.mlp.dense_h_to_4h.bias [192]" in text
    assert "unknown: h.0.rotary [3]" in text
    assert "ln_f.weight is [7], the config says [48]" in text


def test_config_of_another_size(source):
    with pytest.raises(WeightsError, match=r"missing: h\.3\.ln_f|missing: h\.3\.input_layernorm\.bias"):
        read_weights(source, BloomConfig(vocab_size=peers.VOCAB, hidden_size=48, n_layer=4, n_head=6))


def test_pytorch_files_are_read_without_pytorch(source, tmp_path):
    state = peers.make_peer(6).state_dict()
    names = sorted(state)
    files = {"pytorch_model-00001-of-00002.bin": names[:20], "pytorch_model-00002-of-00002.bin": names[20:]}
    for file, part in files.items():
        torch.save({name: state[name].to(torch.bfloat16) for name in part}, tmp_path / file)
    index = {"weight_map": {name: file for file, part in files.items() for name in part}}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    expected = load_params(source, CONFIG)
    found = load_params(tmp_path, CONFIG)
    jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b.astype("bfloat16")), found, expected)


def test_pytorch_views_and_shared_storage(tmp_path):
    base = torch.arange(24, dtype=torch.float16).reshape(4, 6)
    torch.save({"turned": base.T, "part": base[1:3, ::2], "number": base[2, 3]}, tmp_path / "pytorch_model.bin")
    tensors = read_tensors(tmp_path)
    assert tensors["turned"].shape == (6, 4)
    for name, expected in {"turned": base.T, "part": base[1:3, ::2], "number": base[2, 3]}.items():
        np.testing.assert_array_equal(tensors[name].read(), expected.numpy())


def test_pytorch_file_cannot_run_code(tmp_path):
    class Nasty:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"a": Nasty()}, tmp_path / "pytorch_model.bin")
    with pytest.raises(TensorFileError, match=r"print, which is not part"):
        read_tensors(tmp_path)


def test_broken_and_missing_files(copy, tmp_path):
    with pytest.raises(TensorFileError, match="holds no weights"):
        read_tensors(tmp_path)
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TensorFileError, match=r"model\.safetensors cannot be read"):
        read_tensors(copy)
    path.unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}}))
    with pytest.raises(TensorFileError, match=r"not there: gone\.safetensors"):
        read_tensors(copy)


def test_an_index_that_an_earlier_save_left_beside_a_single_file_does_not_count(copy):
    expected = {name: tensor.shape for name, tensor in read_tensors(copy).items()}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "gone.safetensors"}}))
    assert {name: tensor.shape for name, tensor in read_tensors(copy).items()} == expected


def test_a_corrupt_config_is_named(copy):
    for content, fault in (('{"model_type": "bl', "is no JSON"), ('["bloom"]', "list instead of an object")):
        (copy / "config.json").write_text(content)
        with pytest.raises(WeightsError, match=rf"config\.json .*{fault}"):
            read_config(copy)


def test_integers_are_refused(copy):
    _edit(copy, lambda tensors: tensors.update({"transformer.ln_f.bias": np.zeros(48, np.int8)}))
    with pytest.raises(TensorFileError, match=r"ln_f\.bias is I8"):
        read_weights(copy, CONFIG)


@pytest.mark.parametrize("stored", ["safetensors", "torch"])
def test_loading_onto_a_mesh_reads_each_part_once(source, tmp_path, monkeypatch, stored):
    if stored == "torch":
        torch.save(peers.make_peer(6).state_dict(), tmp_path / "pytorch_model.bin")
    folder = source if stored == "safetensors" else tmp_path
    expected = load_params(source, CONFIG)
    sizes = reading.count(monkeypatch)
    mesh = jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
    shardings = param_shardings(CONFIG, mesh, RULES)
    params = load_params(folder, CONFIG, shardings)
    jax.tree.map(np.testing.assert_array_equal, params, expected)
    for leaf, place in zip(jax.tree.leaves(params), jax.tree.leaves(shardings), strict=True):
        assert leaf.sharding == place
        assert leaf.dtype == "float32"
    assert params["word_embeddings"].addressable_shards[0].data.shape == (128, 48)
    # The data axis holds everything twice and most parts are quarters: nothing is read twice, or whole.
    assert sum(sizes) == CONFIG.num_params()
    assert max(sizes) == 128 * 48


def test_layers_may_be_split(source):
    mesh = jax.make_mesh((3,), ("stage",), axis_types=(AxisType.Auto,), devices=jax.devices()[:3])
    rules = ShardingRules(layers="stage", vocab=None, embed=None, mlp=None, heads=None)
    params = load_params(source, CONFIG, param_shardings(CONFIG, mesh, rules))
    assert params["layers"]["mlp"]["dense_h_to_4h"]["kernel"].addressable_shards[2].data.shape == (1, 48, 192)
    jax.tree.map(np.testing.assert_array_equal, params, load_params(source, CONFIG))


def test_one_tensor_is_in_memory_at_a_time(tmp_path):
    given: list[weakref.ref] = []
    rng = np.random.default_rng(0)
    values = {f"t{number}": rng.standard_normal((3, 5 + number)).astype(np.float32) for number in range(6)}

    def read(name: str) -> np.ndarray:
        assert all(earlier() is None for earlier in given)
        array = values[name].copy()
        given.append(weakref.ref(array))
        return array

    tensors = {name: Tensor(value.shape, value.dtype, lambda name=name: read(name)) for name, value in values.items()}
    write_tensors(tmp_path, tensors, max_shard_bytes=400)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    for name, tensor in read_tensors(tmp_path).items():
        np.testing.assert_array_equal(tensor.read(), values[name])


def test_tensors_of_several_widths_in_one_file(tmp_path):
    """As files that mix them hold them, with nothing of a wide one at an odd place; read by the library itself."""
    values = {
        "half": np.arange(3, dtype=np.float16),
        "wide": np.arange(4, dtype=np.float32).reshape(2, 2),
        "brain": np.arange(5).astype(ml_dtypes.bfloat16),
        "number": np.array(7, np.float32),
        "turned": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    }
    tensors = {name: Tensor(value.shape, value.dtype, lambda value=value: value) for name, value in values.items()}
    write_tensors(tmp_path, tensors, max_shard_bytes=10**6)
    found = load_file(tmp_path / "model.safetensors")
    assert found.keys() == values.keys()
    for name, tensor in read_tensors(tmp_path).items():
        assert _bits(found[name]) == _bits(tensor.read()) == _bits(values[name])
        assert tensor.read().flags.aligned
        assert not tensor.read().flags.writeable


def test_a_pytorch_file_that_is_corrupt_or_compressed(tmp_path):
    path, value = tmp_path / "pytorch_model.bin", torch.arange(1000, dtype=torch.float32)
    torch.save({"a": value}, path)
    whole = path.read_bytes()
    at = whole.index(value.numpy().tobytes()) + 400
    path.write_bytes(whole[:at] + b"?" + whole[at + 1 :])
    with pytest.raises(TensorFileError, match=r"pytorch_model\.bin is corrupt; fetch it again .*CRC"):
        read_tensors(tmp_path)["a"].read()
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    with pytest.raises(TensorFileError, match=r"is compressed, .* save it again"):
        read_tensors(tmp_path)["a"].read()
