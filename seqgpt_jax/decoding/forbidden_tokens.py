"""Tokens that are never generated, constrained or not: control tokens, and rows of a model without a token."""

import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.io.tokenizer import never_generated, rows_needed


def forbidden_tokens(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> np.ndarray:
    """bool [vocab_size]: True for rows without a token and for control tokens except the end.

    Raises:
      ValueError: the tokenizer has more tokens than the model has rows.
    """
    if rows_needed(tokenizer) > vocab_size:
        raise ValueError(f"the tokenizer has {rows_needed(tokenizer)} tokens but the model has rows for {vocab_size}")
    forbidden = np.zeros(vocab_size, bool)
    forbidden[never_generated(tokenizer, vocab_size)] = True
    return forbidden
