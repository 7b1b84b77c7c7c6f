"""seqgpt_jax: train, evaluate, export and serve SeqGPT-class models in JAX."""

import logging
import os

__version__ = "0.1.0"

# `etils.epath`, which Orbax uses too, then reads buckets with gcsfs; else it imports TensorFlow where it is installed.
os.environ.setdefault("EPATH_USE_TF", "false")

# `transformers` warns once on import that PyTorch is missing; only its tokenizers are used here. Other warnings stay.
logging.getLogger("transformers").addFilter(lambda record: not record.getMessage().startswith("PyTorch was not found"))
