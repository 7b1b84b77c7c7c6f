"""seqgpt_jax: train, evaluate, export and serve SeqGPT-class models in JAX."""

import logging
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqgpt_jax.decoding.grammar_text import grammar
    from seqgpt_jax.decoding.seqgpt import SeqGPT

__all__ = ["SeqGPT", "grammar"]

__version__ = "0.1.0"

# `etils.epath`, which Orbax uses too, then reads buckets with gcsfs; else it imports TensorFlow where it is installed.
os.environ.setdefault("EPATH_USE_TF", "false")

# `transformers` warns once on import that PyTorch is missing; only its tokenizers are used here. Other warnings stay.
logging.getLogger("transformers").addFilter(lambda record: not record.getMessage().startswith("PyTorch was not found"))


def __getattr__(name: str) -> Any:
    # On first use: it loads JAX and transformers, which takes seconds, and most commands do not need it.
    if name == "SeqGPT":
        from seqgpt_jax.decoding.seqgpt import SeqGPT

        return SeqGPT
    if name == "grammar":
        from seqgpt_jax.decoding.grammar_text import grammar

        return grammar
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
