"""Texts to ids and back with the bare tokenizer: no padding, no truncation, a start token before prompts alone.

No text of a user becomes a control token, whatever the tokenizer: `<|im_end|>` in a text is encoded as ordinary
characters, as if the tokenizer had no such token. The control tokens of a prompt are the `[GEN]` that ends it and the
start token that the tokenizer itself puts before a text, where it does.

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
from seqgpt_jax.io.special_tokens import control_tokens, is_control, tokens_around, unknown_token

# The tokens of bytes, where a tokenizer falls back to them. Unigram models read their names in texts.
_BYTE_NAME = re.compile(r"<0x[0-9A-F]{2}>")


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
        written = backend.to_str()
        tokens = backend.get_added_tokens_decoder().values()
        if any(token.special != is_control(token.content, token.special) for token in tokens):
            content = json.loads(written)
            for token in content["added_tokens"]:
                token["special"] = is_control(token["content"], token["special"])
            written = json.dumps(content)
        return cls(Tokenizer.from_str(written), eos_id)

    def packed(self) -> bytes:
        """As bytes, for another process."""
        return msgpack.packb([self.backend.to_str(), self.eos_id])

    @classmethod
    def unpacked(cls, packed: bytes) -> "Encoder":
        """The inverse of `packed`."""
        backend, eos_id = msgpack.unpackb(packed)
        return cls(Tokenizer.from_str(backend), eos_id)

    @functools.cached_property
    def start_ids(self) -> tuple[int, ...]:
        """The ids that begin a prompt: those that the tokenizer itself puts before a text, often none."""
        return tuple(tokens_around(self.backend)[0])

    def encode_prompts(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text as a prompt: `encode` after the start token, where the tokenizer has one."""
        return [[*self.start_ids, *ids] for ids in self.encode(texts)]

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
            if self._spells_control(body, ids):
                ids = self._in_parts(body)
            rows.append(ids if body == text else [*ids, prompt_end])
        return rows

    @functools.cached_property
    def _control_ids(self) -> frozenset[int]:
        # The id of what a tokenizer without bytes does not know is ordinary text.
        unknown = unknown_token(self.backend)
        return frozenset(id for id, token in control_tokens(self.backend).items() if token.content != unknown)

    @functools.cached_property
    def _knows_bytes(self) -> bool:
        return self.backend.token_to_id("<0x0A>") is not None

    def _spells_control(self, text: str, ids: Sequence[int]) -> bool:
        """Whether ordinary tokens of a text spell a control token, or the name of a byte became that byte."""
        if not self._control_ids.isdisjoint(ids):
            return True
        return self._knows_bytes and _BYTE_NAME.search(text) is not None and self.decode(ids) != text

    def _in_parts(self, text: str) -> list[int]:
        """The ids of a text in which merges of ordinary tokens spell a control token: it is cut within."""
        contents = [self.backend.id_to_token(id) for id in self._control_ids] + ["<0x"] * self._knows_bytes
        within = "|".join(f"(?<={re.escape(content[0])})(?={re.escape(content[1:])})" for content in contents)
        ids = self._ids_of_parts(re.split(within, text))
        # A normalizer may make a control token of other characters: none of one alone.
        return ids if self._control_ids.isdisjoint(ids) else self._ids_of_parts(list(text))

    def _ids_of_parts(self, parts: Sequence[str]) -> list[int]:
        encodings = self.backend.encode_batch_fast(parts, add_special_tokens=False)
        return [id for encoding in encodings for id in encoding.ids]

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Start and end of each token of a text, in characters."""
        return self.backend.encode(text, add_special_tokens=False).offsets

    def decode(self, ids: Sequence[int]) -> str:
        """The text of these ids, special tokens included."""
        return self.backend.decode(list(ids), skip_special_tokens=False)
