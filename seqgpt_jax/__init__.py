"""seqgpt_jax: train, evaluate, export and serve SeqGPT-class models in JAX."""

import os

# `etils.epath`, Orbax's too, is to read buckets with gcsfs, and not to import TensorFlow because it is installed.
os.environ.setdefault("EPATH_USE_TF", "false")
