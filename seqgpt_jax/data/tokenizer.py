"""Tokenization of prompts and targets, and training of a tokenizer with BLOOM's settings.

A prompt begins with the start token where the tokenizer itself puts one before a text, as models were trained so;
BLOOM's puts none. Nothing else is added: a target is followed by the one id of `</s>`.
"""

from collections.abc import Iterable, Sequence
from weakref import WeakKeyDictionary

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import CONTROL_TOKENS, GEN
from seqgpt_jax.data.prepare.encoder import Encoder
from seqgpt_jax.io.tokenizer import add_special_token

# BLOOM's split rule. Written so that every regex engine reads the one character class that
# Oniguruma makes of the released ` ?[^(\s|[.,!?…。，、।۔،])]+`.
_BLOOM_SPLIT = r" ?[^(\s|.,!?…。，、।۔،)]+"
_SPECIALS = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}


# Copies of a large vocabulary take seconds; a tokenizer that has got a token since needs another one.
_ENCODERS: WeakKeyDictionary[PreTrainedTokenizerFast, tuple[int, Encoder]] = WeakKeyDictionary()


def encoder_of(tokenizer: PreTrainedTokenizerFast) -> Encoder:
    """The bare tokenizer in it, as a copy that reads control tokens in texts as ordinary characters."""
    size, encoder = _ENCODERS.get(tokenizer, (None, None))
    if encoder is None or size != len(tokenizer) or encoder.eos_id != tokenizer.eos_token_id:
        encoder = Encoder.copied(tokenizer.backend_tokenizer, tokenizer.eos_token_id)
        _ENCODERS[tokenizer] = len(tokenizer), encoder
    return encoder


def encode(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Ids of each text, on all cores, without added tokens and without truncation.

    The only control token among them is a `[GEN]` that ends a text.
    """
    return encoder_of(tokenizer).encode(texts)


def encode_prompts(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """As `encode`, after the start token where the tokenizer has one; without truncation."""
    return encoder_of(tokenizer).encode_prompts(texts)


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
    add_special_token(fast, GEN)
    return fast
