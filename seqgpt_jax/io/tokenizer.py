"""Tokenizers in folders: loading, checking, saving, fingerprint."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.io import storage
from seqgpt_jax.io.special_tokens import control_tokens, tokens_around


class TokenizerError(ValueError):
    """A tokenizer that cannot be used; the message says what is missing and how to fix it."""


def load_tokenizer(path: str | os.PathLike[str], prompt_end: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a folder (a bucket's too), or of a Hugging Face name that was downloaded before, checked.

    Args:
      path: folder or name.
      prompt_end: the special token that ends prompts, which it must have.

    Raises:
      TokenizerError: it cannot be loaded, lacks `prompt_end`, an end token or a padding token, cannot write answers, or
        changes texts as `import_hf` would have mended.
      StorageError: the bucket cannot be reached.
    """
    tokenizer = read_tokenizer(path)
    _check(tokenizer, path, prompt_end)
    return tokenizer


def read_tokenizer(path: str | os.PathLike[str]) -> PreTrainedTokenizerFast:
    """As `load_tokenizer`, unchecked: exactly what tokenizer.json says, whatever class the folder names."""
    try:
        with storage.reading(storage.open_path(path)) as local:
            # Never from the network: a mistyped folder would be looked up as somebody's repository.
            return PreTrainedTokenizerFast.from_pretrained(str(local), local_files_only=True)
    except storage.StorageError:
        raise
    except Exception as error:  # tokenizers raises no other class for a corrupt tokenizer.json
        raise TokenizerError(
            f"no tokenizer could be loaded from {str(path)!r}: give a folder with tokenizer.json; "
            f"`python -m seqgpt_jax.import_hf` makes one of a Hugging Face model ({str(error).splitlines()[0]})"
        ) from error


def _check(tokenizer: PreTrainedTokenizerFast, path: str | os.PathLike[str], prompt_end: str) -> None:
    where = f"the tokenizer of {str(path)!r}"
    mend = f"`python -m seqgpt_jax.import_hf --source={path} --output=FOLDER`"
    if tokenizer.eos_token_id is None:
        raise TokenizerError(f"{where} names no eos_token in tokenizer_config.json")
    if tokenizer.pad_token_id is None:
        raise TokenizerError(f"{where} names no pad_token in tokenizer_config.json: {mend} chooses one")
    if tokenizer.convert_tokens_to_ids(prompt_end) in (None, tokenizer.unk_token_id):
        raise TokenizerError(f"{where} has no {prompt_end} token: {mend} adds it")
    backend = tokenizer.backend_tokenizer
    if tokens_around(backend)[1] or adds_space(backend):
        what = "a space before" if adds_space(backend) else "an end token after"
        raise TokenizerError(f"{where} puts {what} each text: {mend} takes that out")
    check_separators(tokenizer, where)


def check_separators(tokenizer: PreTrainedTokenizerFast, where: str) -> None:
    """Raises TokenizerError unless a TAB and a line break, which answers need, are one token each."""
    backend = tokenizer.backend_tokenizer
    for name, character in (("TAB", "\t"), ("line break", "\n")):
        ids = backend.encode(character, add_special_tokens=False).ids
        if len(ids) != 1 or backend.decode(ids, skip_special_tokens=False) != character:
            raise TokenizerError(
                f"{where} has no token for a {name}, without which no answer can be written: "
                "take a model with a byte-level tokenizer, or one that falls back to bytes"
            )


def adds_space(backend: Tokenizer) -> bool:
    """Whether the tokenizer reads a text as if a space were before it (`add_dummy_prefix` of SentencePiece)."""
    text = backend.normalizer.normalize_str("x") if backend.normalizer else "x"
    if backend.pre_tokenizer:
        text = "".join(piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str(text))
    return text in ("▁x", "Ġx")


def add_special_token(tokenizer: PreTrainedTokenizerFast, token: str) -> bool:
    """Adds one special token where it is missing; whether it was."""
    return bool(tokenizer.add_special_tokens({"additional_special_tokens": [token]}))


# All of it is in tokenizer.json. Known to transformers 4 and 5, which take that file as it is for this class, and for
# other ones build parts of it anew.
_PORTABLE_CLASS = "PreTrainedTokenizerFast"


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes tokenizer.json and tokenizer_config.json as every transformers from 4.28 (tokenizers 0.13) on reads them.

    `save_pretrained` of version 5 writes a class and keys that version 4 refuses, and merges that tokenizers before
    0.20 refuse. It loads with the same `fingerprint`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    content = json.loads(tokenizer.backend_tokenizer.to_str()) | {"padding": None, "truncation": None}
    merges = content["model"].get("merges", ())
    # A piece with a space in it can only be written as a pair.
    if all(" " not in piece for merge in merges if not isinstance(merge, str) for piece in merge):
        content["model"] |= {"merges": [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]}
    # Named where it is missing too: some classes and versions have defaults, which would become new tokens.
    named: dict[str, str | None] = dict.fromkeys(("unk_token", "bos_token", "eos_token", "pad_token"))
    named |= {name: str(token) for name, token in tokenizer.special_tokens_map.items() if isinstance(token, str)}
    others = [str(token) for token in tokenizer.all_special_tokens if token not in named.values()]
    config: dict[str, Any] = {
        "tokenizer_class": _PORTABLE_CLASS,
        **named,
        "additional_special_tokens": others,
        "clean_up_tokenization_spaces": tokenizer.clean_up_tokenization_spaces,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": tokenizer.model_max_length,
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
    }
    for name, values in (("tokenizer.json", content), ("tokenizer_config.json", config)):
        (folder / name).write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def control_ids(tokenizer: PreTrainedTokenizerFast) -> set[int]:
    """The ids of control tokens: of those that the folder names, and of all others that look like it."""
    return set(tokenizer.all_special_ids) | control_tokens(tokenizer.backend_tokenizer).keys()


def never_generated(tokenizer: PreTrainedTokenizerFast, vocab_size: int) -> list[int]:
    """The ids below `vocab_size` that no answer holds: rows without a token, and control tokens except the end."""
    without_token = set(range(vocab_size)) - set(tokenizer.get_vocab().values())
    return sorted((without_token | control_ids(tokenizer)) - {tokenizer.eos_token_id})


def rows_needed(tokenizer: PreTrainedTokenizerFast) -> int:
    """The rows that a vocabulary table has to have: the highest id and one more; ids may have gaps."""
    return max(tokenizer.get_vocab().values()) + 1


def fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Equal for tokenizers that give equal ids."""
    # It remembers that somebody once called it with padding or truncation, which gives the same ids here.
    tokenizer.backend_tokenizer.no_padding()
    tokenizer.backend_tokenizer.no_truncation()
    # The id of `</s>` ends every target and is not part of the backend.
    content = f"{tokenizer.eos_token_id}\n{tokenizer.backend_tokenizer.to_str()}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]
