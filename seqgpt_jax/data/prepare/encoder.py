"""Texts to ids and back with the bare tokenizer: no padding, no truncation, no token added.

No text of a user becomes a control token, whatever the tokenizer: `<|im_end|>` in a text is encoded as ordinary
characters, as if the tokenizer had no such token. The one control token of a string is the `[GEN]` that ends a prompt.

Worker processes import this module and not `transformers`, which takes seconds to load.
"""

import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgpack
from tokenizers import Tokenizer

from seqgpt_jax.atomic import GEN

# Some tokenizers do not mark all of their control tokens as special: `<tool_call>`, `[/INST]`.
_MARKER = re.compile(r"<\S+>|\[\S+\]")


@dataclass(frozen=True)
class Encoder:
    """A tokenizer as preparation needs it.

    Attributes:
      backend: the tokenizer of the `tokenizers` library; its settings for padding, truncation and control tokens in
        texts are changed, so it should be nobody else's.
      eos_id: the id of `</s>`, which ends a target.
    """

    backend: Tokenizer
    eos_id: int

    def __post_init__(self) -> None:
        # A tokenizer remembers that somebody once called it with padding or truncation, also on disk.
        self.backend.no_padding()
        self.backend.no_truncation()
        # As text, that is, not as ids.
        self.backend.encode_special_tokens = True

    @classmethod
    def copied(cls, backend: Tokenizer, eos_id: int) -> "Encoder":
        """The encoder of a copy, in which all control tokens are special: also those in angle or square brackets."""
        content = json.loads(backend.to_str())
        for token in content["added_tokens"]:
            token["special"] = token["special"] or _MARKER.fullmatch(token["content"]) is not None
        return cls(Tokenizer.from_str(json.dumps(content)), eos_id)

    def packed(self) -> bytes:
        """As bytes, for another process."""
        return msgpack.packb([self.backend.to_str(), self.eos_id])

    @classmethod
    def unpacked(cls, packed: bytes) -> "Encoder":
        """The inverse of `packed`."""
        backend, eos_id = msgpack.unpackb(packed)
        return cls(Tokenizer.from_str(backend), eos_id)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, on all cores unless TOKENIZERS_PARALLELISM says otherwise.

        The only control token among them is a `[GEN]` that ends a text.
        """
        prompt_end = self.backend.token_to_id(GEN)
        bodies = [text if prompt_end is None else text.removesuffix(GEN) for text in texts]
        encodings = self.backend.encode_batch_fast(bodies, add_special_tokens=False)
        rows = []
        for text, body, encoding in zip(texts, bodies, encodings, strict=True):
            ids = encoding.ids
            if not self._control_ids.isdisjoint(ids):
                ids = self._in_parts(body)
            rows.append(ids if body == text else [*ids, prompt_end])
        return rows

    @functools.cached_property
    def _control_ids(self) -> frozenset[int]:
        added = self.backend.get_added_tokens_decoder()
        # The id of what a tokenizer without bytes does not know is ordinary text.
        unknown = {getattr(self.backend.model, "unk_token", None)}
        return frozenset(id for id, token in added.items() if token.special and token.content not in unknown)

    def _in_parts(self, text: str) -> list[int]:
        """The ids of a text in which merges of ordinary tokens spell a control token: it is cut within."""
        contents = (self.backend.id_to_token(id) for id in self._control_ids)
        within = "|".join(f"(?<={re.escape(content[0])})(?={re.escape(content[1:])})" for content in contents)
        parts = self.backend.encode_batch_fast(re.split(within, text), add_special_tokens=False)
        return [id for part in parts for id in part.ids]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token of a text, in characters."""
        return self.backend.encode(text, add_special_tokens=False).offsets

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens included."""
        return self.backend.decode(list(ids), skip_special_tokens=False)
