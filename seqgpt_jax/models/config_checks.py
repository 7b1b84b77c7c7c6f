"""Checks of hyperparameters that every family has; messages name gin's `Model` field."""

from typing import Any

DTYPES = ("float32", "bfloat16")
REMAT = ("none", "dots", "full")
ATTENTION = ("plain", "blockwise", "splash")


def check_fields(config: Any, *, sizes: tuple[str, ...], positive: tuple[str, ...], architectures: tuple[str, ...]):
    """Checks the fields of a `ModelConfig`.

    Args:
      config: the dataclass.
      sizes: its fields that must be whole numbers above 0.
      positive: its fields that must be numbers above 0.
      architectures: the names of the family.

    Raises:
      ValueError: a value is not allowed; the message says which are.
    """
    for name in sizes:
        value = getattr(config, name)
        if not isinstance(value, int) or value < 1:
            raise ValueError(f"Model.{name} must be a positive whole number, not {value!r}")
    choices = {
        "architecture": architectures,
        "dtype": DTYPES,
        "param_dtype": DTYPES,
        "remat": REMAT,
        "attention": ATTENTION,
    }
    for name, allowed in choices.items():
        if getattr(config, name) not in allowed:
            raise ValueError(f"Model.{name} must be one of {allowed}, not {getattr(config, name)!r}")
    for name in positive:
        if not getattr(config, name) > 0:
            raise ValueError(f"Model.{name} must be above 0, not {getattr(config, name)!r}")


def check_rotary_heads(config: Any) -> None:
    """Raises ValueError where heads of keys cannot be shared by those of queries, or a head has no pairs to turn."""
    if config.n_head % config.n_kv_head:
        raise ValueError(f"Model.n_kv_head = {config.n_kv_head} does not divide n_head = {config.n_head}")
    if config.head_dim % 2:
        raise ValueError(f"Model.head_dim = {config.head_dim} must be even: rotary embeddings turn pairs")


def gated_block_kernel_params(config: Any) -> int:
    """Parameters of the kernels of a block with grouped queries and a gated MLP (`rotary_layers`)."""
    D = config.hidden_size
    return 2 * D * config.head_dim * (config.n_head + config.n_kv_head) + 3 * D * config.mlp_size


def train_flops(config: Any, *, tokens: float, supervised: float, keys: float, tables: int) -> float:
    """FLOPs that a step needs, forward and backward: what MFU counts (PaLM, arXiv:2204.02311, appendix B).

        6 * body parameters * tokens  +  6 * V * D * supervised  +  12 * layers * heads * head_dim * keys

    Only useful work counts: padding, keys of other segments and rematerialization are left out, and the head is
    counted for supervised tokens alone, because no other ones meet it. The body is all but the vocabulary tables.

    Args:
      config: of the model.
      tokens: tokens that are not padding.
      supervised: tokens that are predicted.
      keys: sum over tokens of the number of tokens each one attends to.
      tables: vocabulary tables of the model: 1 where the head is tied, else 2.
    """
    table = config.vocab_size * config.hidden_size
    body = config.num_params() - tables * table
    width = config.n_head * config.head_dim
    return 6.0 * (body * tokens + table * supervised) + 12.0 * config.n_layer * width * keys
