"""Devices that a model is split over while it decodes: tensor parallelism over the chips of one host.

Each device has some of the heads, of the MLP and of the vocabulary, whatever of these its number divides; the compiler
adds the sums over devices. Prompts are the same on all of them: several batches at once are several processes.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import jax
import numpy as np
from etils import epath
from jax.sharding import AxisType, Mesh
from transformers import PreTrainedTokenizerBase

from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.io.model_folder import Loaded, load, read_config
from seqgpt_jax.models.backbone import Backbone, ModelConfig
from seqgpt_jax.models.parameters import axis_sizes
from seqgpt_jax.models.sharding import ShardingRules, use_sharding

_AXIS = "tensor"
_SPLIT = ("vocab", "mlp", "heads", "kv_heads")


def mesh_of(devices: int, among: Sequence[jax.Device] | None = None) -> Mesh:
    """The mesh of the first of some devices, by default of those of this process.

    Raises:
      ValueError: there are fewer.
    """
    among = jax.local_devices() if among is None else among
    if devices > len(among):
        raise ValueError(f"Decode.devices = {devices}, and there are {len(among)} here ({among[0].platform})")
    return Mesh(np.array(among[:devices]), (_AXIS,), axis_types=(AxisType.Auto,))


def rules_for(config: ModelConfig, devices: int) -> ShardingRules:
    """What of a model is split over so many devices.

    Raises:
      ValueError: nothing is, because the number divides none of its sizes.
    """
    # Of caches too, where no parameter has heads of keys for themselves.
    sizes = axis_sizes(config) | {"kv_heads": {config.n_kv_head}}
    split = {name for name in _SPLIT if name in sizes and all(size % devices == 0 for size in sizes[name])}
    if not split:
        listed = ", ".join(f"{name} {size}" for name in _SPLIT for size in sorted(sizes.get(name, ())))
        raise ValueError(f"Decode.devices = {devices} divides none of the sizes of this model: {listed}")
    return ShardingRules(batch=None, embed=None, **{name: _AXIS if name in split else None for name in _SPLIT})


def load_for(
    decode: DecodeConfig,
    path: epath.PathLike,
    *,
    step: int | str | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> Loaded:
    """The model in a folder, laid out for an engine with these settings; step, tokenizer and errors as for `load`.

    It is split over `Decode.devices`, or in the memory of the host (`DecodeConfig.loads_on_host`).
    """
    if decode.devices == 1 and not decode.loads_on_host:
        return load(path, step=step, tokenizer=tokenizer)
    mesh = mesh_of(decode.devices, _host() if decode.loads_on_host else None)
    rules = rules_for(read_config(path), decode.devices)
    return load(path, step=step, tokenizer=tokenizer, mesh=mesh, rules=rules)


def load_on_host(path: epath.PathLike, *, step: int | str | None = None, dtype: str | None = None) -> Loaded:
    """The model in a folder in the memory of the host; arguments and errors as for `load`.

    The weights of a run are float32 until all are read, which an accelerator that decodes with them may not hold.
    """
    host = _host()
    if host is None:
        return load(path, step=step, dtype=dtype)
    return load(path, step=step, dtype=dtype, mesh=mesh_of(1, host), rules=rules_for(read_config(path), 1))


def _host() -> list[jax.Device] | None:
    """Devices whose memory is that of the host; None where JAX_PLATFORMS leaves them out."""
    try:
        return jax.local_devices(backend="cpu")
    except RuntimeError:
        return None


def splitting(model: Backbone, devices: int) -> Callable[[], AbstractContextManager]:
    """Makes the context that a model from `load_for` computes within.

    Raises:
      ValueError: it is not split over so many devices.
    """
    table = model.word_embeddings[...]
    found = len(table.sharding.device_set) if isinstance(table, jax.Array) else 1
    if found != devices:
        raise ValueError(f"Decode.devices = {devices}, and the model was loaded for {found}: load it with `load_for`")
    if devices == 1:
        return nullcontext
    return partial(use_sharding, mesh_of(devices), rules_for(model.config, devices))
