"""The tokenizer: any Hugging Face fast tokenizer that knows `[GEN]`.

No token is ever added by itself: BLOOM's tokenizer puts neither `<s>` nor `</s>` around a text.
A prompt is encoded as it stands, a target is followed by the one id of `</s>`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from seqgpt_jax.atomic import CONTROL_TOKENS, GEN
from seqgpt_jax.data.prepare.encoder import Encoder

# BLOOM's split rule. Written so that every regex engine reads the one character class that
# Oniguruma makes of the released ` ?[^(\s|[.,!?…。，、।۔،])]+`.
_BLOOM_SPLIT = r" ?[^(\s|.,!?…。，、।۔،)]+"
_SPECIALS = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


class TokenizerError(ValueError):
    """A tokenizer that cannot serve: the message says what is missing and how to mend it."""


def load_tokenizer(path: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a folder, or of a Hugging Face name that was downloaded before, checked.

    Raises:
      TokenizerError: it cannot be loaded, is not a fast one, or lacks `[GEN]`, `</s>` or `<pad>`.
    """
    try:
        # Never from the network: a mistyped folder would be looked up as somebody's repository.
        tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise TokenizerError(
            f"no tokenizer could be loaded from {path!r}: give a folder with tokenizer.json; "
            f"`python -m seqgpt_jax.import_hf` makes one of a Hugging Face model ({str(error).splitlines()[0]})"
        ) from error
    check_tokenizer(tokenizer, path)
    return tokenizer


def check_tokenizer(tokenizer: PreTrainedTokenizerFast, path: str) -> None:
    """Raises TokenizerError unless the tokenizer is fast and has `[GEN]`, `</s>` and `<pad>`."""
    if not getattr(tokenizer, "is_fast", False):
        raise TokenizerError(f"the tokenizer of {path!r} is not a fast one (no tokenizer.json)")
    if tokenizer.eos_token_id is None or tokenizer.pad_token_id is None:
        raise TokenizerError(f"the tokenizer of {path!r} names no eos_token or no pad_token in tokenizer_config.json")
    if tokenizer.convert_tokens_to_ids(GEN) in (None, tokenizer.unk_token_id):
        raise TokenizerError(
            f"the tokenizer of {path!r} has no {GEN} token: "
            f"`python -m seqgpt_jax.import_hf --source={path} --output=FOLDER` adds it"
        )


def add_gen(tokenizer: PreTrainedTokenizerFast) -> bool:
    """Adds `[GEN]` as one special token where it is missing; whether it was."""
    return bool(tokenizer.add_special_tokens({"additional_special_tokens": [GEN]}))


def encoder_of(tokenizer: PreTrainedTokenizerFast) -> Encoder:
    """The bare tokenizer inside it."""
    return Encoder(tokenizer.backend_tokenizer, tokenizer.eos_token_id)


def encode(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text, on all cores, without added tokens and without truncation."""
    return encoder_of(tokenizer).encode(texts)


def fingerprint(tokenizer: PreTrainedTokenizerFast) -> str:
    """Equal for tokenizers that give equal ids."""
    # The id of `</s>` ends every target and stands outside the backend.
    content = f"{tokenizer.eos_token_id}\n{tokenizer.backend_tokenizer.to_str()}"
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def train_tokenizer(texts: Iterable[str], vocab_size: int) -> PreTrainedTokenizerFast:
    """A byte-level BPE with BLOOM's settings, trained on `texts`.

    The first ids are BLOOM's (`<unk>` 0, `<s>` 1, `</s>` 2, `<pad>` 3); `[GEN]` is the last of the
    `vocab_size` ids.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_BLOOM_SPLIT), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - 1,
        special_tokens=[token for token in CONTROL_TOKENS if token != GEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        padding_side="left",
        truncation_side="left",
        clean_up_tokenization_spaces=False,
        **_SPECIALS,
    )
    add_gen(fast)
    return fast


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes tokenizer.json and its configuration, for ours and for Hugging Face's loaders."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(str(folder))
