"""Tokenizers in folders: loading, checking, saving, fingerprint."""

import hashlib
import os
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast

from seqgpt_jax.io import storage


class TokenizerError(ValueError):
    """A tokenizer that cannot be used; the message says what is missing and how to fix it."""


def load_tokenizer(path: str | os.PathLike[str], prompt_end: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a folder (a bucket's too), or of a Hugging Face name that was downloaded before, checked.

    Args:
      path: folder or name.
      prompt_end: the special token that ends prompts, which it must have.

    Raises:
      TokenizerError: it cannot be loaded, is not a fast one, or lacks `prompt_end`, `</s>` or `<pad>`.
      StorageError: the bucket cannot be reached.
    """
    try:
        with storage.reading(storage.open_path(path)) as local:
            # Never from the network: a mistyped folder would be looked up as somebody's repository.
            tokenizer = AutoTokenizer.from_pretrained(str(local), local_files_only=True)
    except storage.StorageError:
        raise
    except (OSError, ValueError) as error:
        raise TokenizerError(
            f"no tokenizer could be loaded from {str(path)!r}: give a folder with tokenizer.json; "
            f"`python -m seqgpt_jax.import_hf` makes one of a Hugging Face model ({str(error).splitlines()[0]})"
        ) from error
    _check(tokenizer, path, prompt_end)
    return tokenizer


def _check(tokenizer: PreTrainedTokenizerFast, path: str | os.PathLike[str], prompt_end: str) -> None:
    where = f"the tokenizer of {str(path)!r}"
    if not getattr(tokenizer, "is_fast", False):
        raise TokenizerError(f"{where} is not a fast one (no tokenizer.json)")
    if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise TokenizerError(f"{where} names no eos_token or no pad_token in tokenizer_config.json")
    if tokenizer.convert_tokens_to_ids(prompt_end) in (None, tokenizer.unk_token_id):
        raise TokenizerError(
            f"{where} has no {prompt_end} token: "
            f"`python -m seqgpt_jax.import_hf --source={path} --output=FOLDER` adds it"
        )


def add_special_token(tokenizer: PreTrainedTokenizerFast, token: str) -> bool:
    """Adds one special token where it is missing; whether it was."""
    return bool(tokenizer.add_special_tokens({"additional_special_tokens": [token]}))


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes tokenizer.json and its configuration, for ours and for Hugging Face's loaders."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))


def fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Equal for tokenizers that give equal ids."""
    # It remembers that somebody once called it with padding or truncation, which gives the same ids here.
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    # The id of `</s>` ends every target and is not part of the backend.
    content = f"{tokenizer.eos_token_id}\n{tokenizer.backend_tokenizer.to_str()}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]
