"""Hugging Face fast tokenizers as SeqIO vocabularies.

SeqIO takes id 0 for padding everywhere. That is BLOOM's `<unk>`, which a byte-level BPE never
emits, so no translation is needed. Of other tokenizers it may be an ordinary token: `decode` takes
it for padding at the end of a row alone, but SeqIO's own feature converters do so everywhere.
"""

import functools
from collections.abc import Sequence

import numpy as np
import seqio
import tensorflow as tf
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN
from seqgpt_jax.data.tokenizer import encode, encoder_of
from seqgpt_jax.io.tokenizer import fingerprint, load_tokenizer, rows_needed


class HFVocabulary(seqio.Vocabulary):
    """A vocabulary that loads its tokenizer when it is first used.

    Args:
      path: folder or Hugging Face name of a fast tokenizer with `[GEN]`.
    """

    def __init__(self, path: str) -> None:
        super().__init__(extra_ids=0)
        self.path = path

    @functools.cached_property
    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The tokenizer; raises `TokenizerError` where it cannot serve."""
        return load_tokenizer(self.path, GEN)

    @property
    def fingerprint(self) -> str:
        """Equal for vocabularies that give equal ids, whatever their paths."""
        return fingerprint(self.tokenizer)

    @property
    def bos_id(self) -> int | None:
        """The id of the start token, None without one."""
        return self.tokenizer.bos_token_id

    @property
    def eos_id(self) -> int | None:
        """The id of the end token, None without one."""
        return self.tokenizer.eos_token_id

    @property
    def unk_id(self) -> int | None:
        """The id of the unknown token, None without one."""
        return self.tokenizer.unk_token_id

    @property
    def _base_vocab_size(self) -> int:
        return rows_needed(self.tokenizer)

    def _encode(self, s: str) -> Sequence[int]:
        return encode(self.tokenizer, [s])[0]

    def _decode(self, ids: Sequence[int]) -> str:
        return self.decode_batch([ids])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, without `</s>`."""
        return encode(self.tokenizer, texts)

    def decode_batch(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each row of ids; start token, `</s>` and padding have none, `[GEN]` is written out."""
        rows = [self._bare(np.trim_zeros(np.asarray(row, np.int64), "b").tolist()) for row in ids]
        return self.tokenizer.backend_tokenizer.decode_batch(rows, skip_special_tokens=False)

    def _bare(self, row: list[int]) -> list[int]:
        start = list(encoder_of(self.tokenizer).start_ids)
        first = len(start) if start and row[: len(start)] == start else 0
        return [id for id in row[first:] if id != self.eos_id]

    def _encode_tf(self, s: tf.Tensor) -> tf.Tensor:
        def encode_bytes(text: bytes | np.ndarray) -> np.ndarray:
            # Outside of a graph TensorFlow hands over an array instead of bytes.
            return np.array(self._encode(tf.compat.as_text(np.asarray(text).item())), np.int32)

        # Stateless: SeqIO's iterators can then be checkpointed.
        ids = tf.numpy_function(encode_bytes, [s], tf.int32, stateful=False)
        ids.set_shape([None])
        return ids

    def _decode_tf(self, ids: tf.Tensor) -> tf.Tensor:
        def decode_ids(values: np.ndarray) -> bytes:
            return self._decode(values.tolist()).encode("utf-8")

        text = tf.numpy_function(decode_ids, [ids], tf.string, stateful=False)
        text.set_shape([])
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HFVocabulary) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)
