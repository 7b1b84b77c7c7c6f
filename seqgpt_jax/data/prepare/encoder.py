"""Texts to ids and back with the bare tokenizer: no padding, no truncation, no token added.

Worker processes import this module and not `transformers`, which takes seconds to load.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgpack
from tokenizers import Tokenizer


@dataclass(frozen=True)
class Encoder:
    """A tokenizer as preparation needs it.

    Attributes:
      backend: the tokenizer of the `tokenizers` library.
      eos_id: the id of `</s>`, which ends a target.
    """

    backend: Tokenizer
    eos_id: int

    def packed(self) -> bytes:
        """As bytes, for another process."""
        return msgpack.packb([self.backend.to_str(), self.eos_id])

    @classmethod
    def unpacked(cls, packed: bytes) -> "Encoder":
        """The inverse of `packed`."""
        backend, eos_id = msgpack.unpackb(packed)
        return cls(Tokenizer.from_str(backend), eos_id)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, on all cores unless TOKENIZERS_PARALLELISM says otherwise."""
        # A tokenizer remembers that somebody once called it with padding or truncation, also on disk.
        self.backend.no_padding()
        self.backend.no_truncation()
        return [encoding.ids for encoding in self.backend.encode_batch_fast(list(texts), add_special_tokens=False)]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token of a text, in characters."""
        self.backend.no_padding()
        self.backend.no_truncation()
        return self.backend.encode(text, add_special_tokens=False).offsets

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens included."""
        return self.backend.decode(list(ids), skip_special_tokens=False)
