"""Weights that are NaN, infinite or too large for a dtype are refused by name, wherever weights come in or go out."""

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import orbax.checkpoint as ocp
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from safetensors.numpy import load_file, save_file

from seqgpt_jax import decode, export, import_hf
from seqgpt_jax.io.finite import NotFiniteWeightsError, is_finite, not_finite
from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
from seqgpt_jax.io.model_folder import load, save_run_config
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create, params_of
from tests.models import peers

CONFIG = BloomConfig(vocab_size=peers.VOCAB, hidden_size=48, n_layer=2, n_head=6)


@pytest.fixture(scope="module")
def params() -> dict:
    return jax.device_get(params_of(create(CONFIG, seed=4)))


def _with(params: dict, name: str, index: tuple[int, ...], value: float) -> dict:
    """A copy in which one element has this value."""
    copy = jax.tree.map(np.array, params)
    *path, last = name.split(".")
    inner = copy
    for key in path:
        inner = inner[key]
    inner[last][index] = value
    return copy


def _save_run(folder, params: dict, step: int = 3) -> None:
    folder.mkdir(exist_ok=True)
    save_run_config(folder, CONFIG)
    peers.make_tokenizer().save_pretrained(str(folder / "tokenizer"))
    with ocp.CheckpointManager((folder / "checkpoints").absolute(), item_names=("params",)) as manager:
        manager.save(step, args=ocp.args.Composite(params=ocp.args.StandardSave(params)))


def _save_hf(folder, params: dict, dtype="float32") -> None:
    """An exported folder into which the weights come without a check."""
    clean = jax.tree.map(lambda leaf: np.zeros_like(leaf), params)
    save_folder(folder, CONFIG, params_to_hf(clean, CONFIG, dtype), peers.make_tokenizer())
    file = folder / "model.safetensors"
    tensors = {name: tensor.read() for name, tensor in params_to_hf(params, CONFIG, dtype).items()}
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, file, metadata={"format": "pt"})


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ml_dtypes.bfloat16])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_element_of_many_is_seen(dtype, bad):
    value = np.zeros((5, 7), dtype)
    assert is_finite(value)
    assert is_finite(value[:0])
    assert not is_finite(np.array(bad, dtype))
    for row in range(5):
        value[row, 6] = bad
        assert not is_finite(value)
        value[row, 6] = 1
    value[0, 0] = ml_dtypes.finfo(dtype).max
    assert is_finite(value)


def test_parameters_on_a_mesh_are_named_by_layer():
    mesh = jax.make_mesh((4,), ("fsdp",), axis_types=(AxisType.Auto,), devices=jax.devices()[:4])
    stacked = np.ones((3, 8), np.float32)
    stacked[2, 5] = np.nan
    tree = {"layers": {"kernel": stacked, "bias": np.ones((3, 8))}, "table": np.full((8, 2), np.inf, np.float32)}
    placed = jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))
    placed["layers"]["kernel"] = jax.device_put(stacked, NamedSharding(mesh, PartitionSpec(None, "fsdp")))
    assert not_finite(placed) == [("layers.kernel", 2), ("table", None)]
    assert not_finite({"layers": {"bias": jnp.ones((3, 2))}, "table": jnp.ones(3)}) == []


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_a_run_is_refused_by_tensor_and_checkpoint(tmp_path, params, bad):
    _save_run(tmp_path / "ft", _with(params, "layers.mlp.dense_h_to_4h.bias", (1, 3), bad))
    named = r"checkpoints/3 holds NaN or infinity in layers\.mlp\.dense_h_to_4h\.bias\[1\]\. "
    for call in (
        lambda: load(tmp_path / "ft"),
        lambda: decode.main([f"--model={tmp_path / 'ft'}", "--task=cls", "--text=a", "--labels=b,c"]),
        lambda: export.main([f"--model={tmp_path / 'ft'}", f"--output={tmp_path / 'out'}"]),
    ):
        with pytest.raises(NotFiniteWeightsError, match=named):
            call()
    assert not (tmp_path / "out").exists()


def test_a_number_too_large_for_the_dtype_of_an_export(tmp_path, params, capsys):
    """3.4e38 is a float32, and infinity in bfloat16; 1e5 is infinity in float16."""
    large = _with(params, "final_norm.scale", (7,), 3.4e38)
    _save_run(tmp_path / "ft", large)
    _save_hf(tmp_path / "hf", large)
    with pytest.raises(NotFiniteWeightsError, match=r"in bfloat16 holds .* in final_norm\.scale\. .*use float32"):
        export.main([f"--model={tmp_path / 'ft'}", f"--output={tmp_path / 'out'}"])
    with pytest.raises(NotFiniteWeightsError, match=r"hf are too large for bfloat16: use float32: ln_f\.weight$"):
        export.main([f"--model={tmp_path / 'hf'}", f"--output={tmp_path / 'out'}"])
    assert not (tmp_path / "out").exists()
    assert export.main([f"--model={tmp_path / 'ft'}", f"--output={tmp_path / 'out'}", "--dtype=float32"]) == 0
    assert load_file(tmp_path / "out" / "model.safetensors")["transformer.ln_f.weight"][7] == np.float32(3.4e38)
    tensors = params_to_hf(_with(params, "embed_norm.bias", (0,), 1e5), CONFIG, "float16")
    with pytest.raises(NotFiniteWeightsError, match=r"word_embeddings_layernorm\.bias holds .* in float16: .*float32"):
        save_folder(tmp_path / "half", CONFIG, tensors, peers.make_tokenizer())
    assert not list(tmp_path.glob("half*"))


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_an_import_and_a_hugging_face_folder_are_refused_by_the_names_in_the_file(tmp_path, params, dtype):
    bad = _with(params, "layers.attention.dense.kernel", (0, 1, 2, 3), np.nan)
    bad = _with(bad, "word_embeddings", (400, 1), np.inf)
    _save_hf(tmp_path / "hf", bad, dtype)
    with pytest.raises(NotFiniteWeightsError, match=r"transformer\.word_embeddings\.weight holds NaN or infinity"):
        import_hf.main([f"--source={tmp_path / 'hf'}", f"--output={tmp_path / 'in'}"])
    assert not list(tmp_path.glob("in*"))
    both = r"hf are NaN or infinite: h\.0\.self_attention\.dense\.weight, word_embeddings\.weight$"
    with pytest.raises(NotFiniteWeightsError, match=both):
        load(tmp_path / "hf")


def test_nan_in_a_table_is_not_taken_for_a_head_of_its_own(tmp_path, params):
    _save_hf(tmp_path / "hf", _with(params, "word_embeddings", (9, 9), np.nan))
    file = tmp_path / "hf" / "model.safetensors"
    tensors = load_file(file)
    tensors["lm_head.weight"] = tensors["transformer.word_embeddings.weight"].copy()
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(NotFiniteWeightsError, match=r"are NaN or infinite: word_embeddings\.weight$"):
        load(tmp_path / "hf")
