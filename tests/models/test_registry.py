"""A second family beside BLOOM: what must know of it, and what follows by itself."""

import dataclasses
import inspect
from dataclasses import dataclass

import numpy as np
import pytest

from seqgpt_jax.command_line import Configs, UsageError
from seqgpt_jax.io import model_folder
from seqgpt_jax.models import registry
from seqgpt_jax.models.bloom import Bloom
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create
from seqgpt_jax.models.registry import Architecture, make_config

SIZES = {"vocab_size": 8, "hidden_size": 4, "n_layer": 1, "n_head": 2}


@dataclass(frozen=True, kw_only=True)
class WideConfig(BloomConfig):
    architecture: str = "bloom"
    window: int


class Wide(Bloom):
    def embed(self, tokens_BxL):
        return super().embed(tokens_BxL) * self.config.window


@pytest.fixture
def wide(monkeypatch):
    """A family with a field of its own, which needs a value."""
    bloom = registry.ARCHITECTURES["bloom"]
    monkeypatch.setattr(BloomConfig, "__post_init__", lambda self: None)
    monkeypatch.setitem(
        registry.ARCHITECTURES, "wide", Architecture(WideConfig, Wide, bloom.key_map, "Wide", "mit", "MIT.")
    )


def test_gin_binds_the_architecture():
    sizes = [f"Model.{name}={value}" for name, value in SIZES.items()]
    assert Configs([], sizes, uses=("Model",)).build("Model") == BloomConfig(**SIZES)
    assert Configs([], [*sizes, "Model.architecture='bloom'"], uses=("Model",)).build("Model") == BloomConfig(**SIZES)
    with pytest.raises(UsageError, match=r"Model\.architecture = 'lama' is unknown; supported: bloom"):
        Configs([], [*sizes, "Model.architecture=lama"], uses=("Model",)).build("Model")
    with pytest.raises(UsageError, match=r"not set: Model\.hidden_size, Model\.n_layer"):
        Configs([], ["Model.n_head=2"], uses=("Model",)).build("Model")


def test_a_model_json_knows_its_architecture(tmp_path, wide):
    config = make_config("wide", **SIZES, window=3)
    model_folder.save_run_config(tmp_path, config)
    assert model_folder.read_run_config(tmp_path) == config
    model = create(config)
    tokens = np.array([[1, 2]])
    assert type(model) is Wide
    np.testing.assert_array_equal(model.embed(tokens), 3 * create(BloomConfig(**SIZES)).embed(tokens))


def test_a_model_json_of_before_the_key_is_bloom(tmp_path):
    config = BloomConfig(**SIZES)
    values = dataclasses.asdict(config)
    del values["architecture"]
    assert make_config(**values) == config


def test_fields_of_another_family_are_refused(wide):
    with pytest.raises(ValueError, match=r"Model\.architecture = 'bloom' has no window"):
        make_config(**SIZES, window=3)
    with pytest.raises(ValueError, match=r"Model\.architecture = 'wide' needs window"):
        make_config("wide", **SIZES)


def test_gin_sees_the_fields_of_all_families(wide):
    parameters = registry._all_fields().parameters
    assert parameters.keys() >= {"architecture", "hidden_size", "window"}
    assert parameters["hidden_size"].default is inspect.Parameter.empty  # required by both
    assert parameters["window"].default is not inspect.Parameter.empty  # BLOOM has none
    assert parameters["initializer_range"].default == 0.02  # of all
