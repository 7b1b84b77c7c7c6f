"""seqgpt_jax: train, evaluate, export and serve SeqGPT-class models in JAX."""
