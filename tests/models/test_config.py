import re
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx
from transformers import BloomConfig as PeerConfig

import seqgpt_jax.configs
from seqgpt_jax.command_line import Configs
from seqgpt_jax.models.backbone import ModelConfig
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import abstract, create
from seqgpt_jax.models.registry import config_from_hf

FOLDER = Path(seqgpt_jax.configs.__file__).parent / "models"
# The table on the model cards of the BLOOM family, and the sizes of the others' published tensors.
PUBLISHED = {
    "bloomz_560m": 559_214_592,
    "bloomz_1b1": 1_065_314_304,
    "bloomz_1b7": 1_722_408_960,
    "bloomz_3b": 3_002_557_440,
    "bloomz_7b1": 7_069_016_064,
    "bloomz_176b": 176_247_271_424,
    "qwen3_0_6b": 596_049_920,
    "qwen3_1_7b": 1_720_574_976,
    "qwen3_4b": 4_022_468_096,
    "qwen3_8b": 8_190_735_360,
    "smollm2_135m": 134_515_008,
    "smollm2_360m": 361_821_120,
    "smollm2_1_7b": 1_711_376_384,
    "llama3_2_1b": 1_235_814_400,
    "llama3_2_3b": 3_212_749_824,
    "gemma3_270m": 268_098_176,
    "gemma3_1b": 999_885_952,
}


def _read(name: str) -> ModelConfig:
    return Configs([f"{name}.gin"], [], uses=("Model",)).build("Model")


def _count(config: ModelConfig) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(abstract(config), nnx.Param)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes(name):
    config = _read(name)
    assert config.num_params() == PUBLISHED[name]
    assert _count(config) == PUBLISHED[name]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.gin")), ids=lambda path: path.stem)
def test_counts_in_comments(path):
    for stated in re.findall(r"([\d,]{6,}) parameters", path.read_text()):
        assert int(stated.replace(",", "")) == _count(_read(path.stem))


def test_new_and_old_names_of_hugging_face():
    new = PeerConfig(vocab_size=512, hidden_size=48, n_layer=2, n_head=6).to_dict()
    old = {"model_type": "bloom", "vocab_size": 512, "n_embed": 48, "num_hidden_layers": 2, "num_attention_heads": 6}
    assert BloomConfig.from_hf(new) == BloomConfig.from_hf(old)


def test_to_hf_is_understood_by_transformers():
    config = BloomConfig(vocab_size=512, hidden_size=48, n_layer=2, n_head=6, layer_norm_epsilon=1e-6)
    peer = PeerConfig(**config.to_hf())
    assert BloomConfig.from_hf(peer.to_dict()) == config
    assert (peer.hidden_size, peer.n_layer, peer.n_head) == (48, 2, 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "gpt2"}, "gpt2.*supported: bloom, llama"),
        ({"model_type": None}, "None"),
        ({"apply_residual_connection_post_layernorm": True}, "apply_residual_connection_post_layernorm"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings"),
        ({"n_layer": None}, "n_layer"),
    ],
)
def test_other_architectures_are_refused(change, message):
    values = BloomConfig(vocab_size=8, hidden_size=4, n_layer=1, n_head=2).to_hf()
    with pytest.raises(ValueError, match=message):
        config_from_hf(values | change)


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_size": 0},
        {"n_head": 5},
        {"n_layer": 1.5},
        {"dtype": "float16"},
        {"remat": "all"},
        {"layer_norm_epsilon": 0},
    ],
)
def test_errors_name_the_field(change):
    with pytest.raises(ValueError, match=f"Model.{next(iter(change))}"):
        BloomConfig(**({"vocab_size": 8, "hidden_size": 48, "n_layer": 1, "n_head": 6} | change))


def test_initial_values():
    model = create(BloomConfig(vocab_size=512, hidden_size=48, n_layer=3, n_head=6), seed=1)
    kernel = np.asarray(model.layers.mlp.dense_h_to_4h.kernel[...])
    assert kernel.std() == pytest.approx(0.02, rel=0.05)
    assert not np.array_equal(kernel[0], kernel[1])  # layers are drawn one by one
    assert not np.asarray(model.layers.mlp.dense_h_to_4h.bias[...]).any()
    assert (np.asarray(model.final_norm.scale[...]) == 1).all()
