"""Tokenizer of a GGUF file, from the vocabulary and merges in its metadata (`tokenizer.ggml.*`).

A file names the rule by which text is split before the merges; the rules themselves are part of llama.cpp, and written
here as the models' own tokenizer.json have them. `transformers` has such a conversion too, but knows fewer rules and
takes another one where it knows none, which changes ids.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

_CONTRACTIONS, _WORDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"[^\r\n\p{L}\p{N}]?\p{L}+"
_OTHERS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_LLAMA_3 = rf"{_CONTRACTIONS}|{_WORDS}|\p{{N}}{{1,3}}|{_OTHERS}"
_QWEN_2 = rf"{_CONTRACTIONS}|{_WORDS}|\p{{N}}|{_OTHERS}"
_TEKKEN = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# By `tokenizer.ggml.pre`. None is the rule of GPT-2, which is part of the byte-level step.
_SPLITS = {
    "gpt-2": None,
    "smollm": None,
    "llama-bpe": _LLAMA_3,
    "llama3": _LLAMA_3,
    "llama-v3": _LLAMA_3,
    "qwen2": _QWEN_2,
    "deepseek-r1-qwen": _QWEN_2,
    "tekken": _TEKKEN,
}
# Here a word that is in the vocabulary is one token whatever the merges, and prompts begin with the start token unless
# the file says otherwise.
_WHOLE_WORDS = {"llama-bpe", "llama3", "llama-v3", "tekken"}
_SPACE = "▁"


class _Kind(IntEnum):
    """`tokenizer.ggml.token_type`."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


def make_tokenizer(metadata: Mapping[str, Any]) -> "PreTrainedTokenizerFast":
    """The fast tokenizer that the metadata describe; rows that only fill up the table are no tokens of it.

    Raises:
      ValueError: a kind of tokenizer or a splitting rule that is not known, or a key that is missing or does not fit.
    """
    from transformers import PreTrainedTokenizerFast

    tokens, kinds = _get(metadata, "tokens"), _get(metadata, "token_type")
    if len(tokens) != len(kinds):
        raise ValueError(f"tokenizer.ggml.token_type has {len(kinds)} entries for {len(tokens)} tokens")
    filling = {i for i, (token, kind) in enumerate(zip(tokens, kinds, strict=True)) if _is_filling(i, token, kind)}
    vocab = {token: i for i, token in enumerate(tokens) if i not in filling}
    if len(vocab) != len(tokens) - len(filling):
        raise ValueError("tokenizer.ggml.tokens names a token twice")
    builders = {"gpt2": _byte_level, "llama": _sentencepiece}
    if (model := _get(metadata, "model")) not in builders:
        raise ValueError(f"tokenizer.ggml.model is {model!r}; supported: {', '.join(builders)}")
    tokenizer, add_start = builders[model](metadata, vocab, kinds)
    for kind, special in ((_Kind.CONTROL, True), (_Kind.USER_DEFINED, False)):
        named = [AddedToken(token, normalized=False, special=special) for token, i in vocab.items() if kinds[i] == kind]
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)(named)
    _get(metadata, "eos_token_id")  # no answer would end without it
    special = {
        f"{ours}_token": token
        for ours, theirs in (("bos", "bos"), ("eos", "eos"), ("unk", "unknown"), ("pad", "padding"))
        if (token := _named_token(metadata, theirs, tokens)) is not None
    }
    if metadata.get("tokenizer.ggml.add_bos_token", add_start) and (start := special.get("bos_token")):
        template = processors.TemplateProcessing(
            single=f"{start} $A", pair=f"{start} $A {start} $B", special_tokens=[(start, vocab[start])]
        )
        tokenizer.post_processor = processors.Sequence([tokenizer.post_processor, template])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        clean_up_tokenization_spaces=False,
        model_max_length=metadata.get(f"{metadata['general.architecture']}.context_length"),
        **special,
    )


def _get(metadata: Mapping[str, Any], key: str) -> Any:
    if (value := metadata.get(f"tokenizer.ggml.{key}")) is None:
        raise ValueError(f"tokenizer.ggml.{key} is missing")
    return value


def _named_token(metadata: Mapping[str, Any], name: str, tokens: Sequence[str]) -> str | None:
    index = metadata.get(key := f"tokenizer.ggml.{name}_token_id")
    if index is not None and not 0 <= index < len(tokens):
        raise ValueError(f"{key} is {index}, and there are {len(tokens)} tokens")
    return None if index is None else tokens[index]


def _is_filling(index: int, token: str, kind: int) -> bool:
    """Whether llama.cpp made the token up for a row of the table that has none."""
    return kind == _Kind.UNUSED and token == f"[PAD{index}]"


def _byte_level(metadata: Mapping[str, Any], vocab: dict[str, int], _: Sequence[int]) -> tuple[Tokenizer, bool]:
    rule = metadata.get("tokenizer.ggml.pre")
    if rule not in _SPLITS:
        raise ValueError(f"tokenizer.ggml.pre is {rule!r}; supported: {', '.join(_SPLITS)}")
    merges = [tuple(merge.split(" ")) for merge in _get(metadata, "merges")]
    tokenizer = _bpe(BPE, vocab=vocab, merges=merges, ignore_merges=rule in _WHOLE_WORDS)
    if (split := _SPLITS[rule]) is not None:
        first = [pre_tokenizers.Split(Regex(split), "isolated")]
    else:
        first = [pre_tokenizers.Digits(individual_digits=True)] if rule == "smollm" else []
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*first, bytes_])
    if split == _QWEN_2:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer, rule in _WHOLE_WORDS


def _sentencepiece(metadata: Mapping[str, Any], vocab: dict[str, int], kinds: Sequence[int]) -> tuple[Tokenizer, bool]:
    scores = _get(metadata, "scores")
    merged = {token: i for token, i in vocab.items() if kinds[i] in (_Kind.NORMAL, _Kind.USER_DEFINED, _Kind.UNUSED)}
    if len({scores[i] for i in merged.values()}) < 2:
        raise ValueError("tokenizer.ggml.scores are all equal, so that merges have no order")
    unknown = next((token for token, i in vocab.items() if kinds[i] == _Kind.UNKNOWN), None)
    tokenizer = _bpe(
        BPE, vocab=vocab, merges=_merges(merged, scores), unk_token=unknown, fuse_unk=True, byte_fallback=True
    )
    prefix = metadata.get("tokenizer.ggml.add_space_prefix", True)
    steps = [normalizers.Prepend(_SPACE)] if prefix else []
    tokenizer.normalizer = normalizers.Sequence([*steps, normalizers.Replace(" ", _SPACE)])
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    tokenizer.post_processor = processors.Sequence([])
    return tokenizer, True


def _merges(vocab: Mapping[str, int], scores: Sequence[float]) -> list[tuple[str, str]]:
    """All ways to make a token of two others, the token of the best score first."""
    pairs = [
        (-scores[i], vocab[token[:at]], vocab[token[at:]], token[:at], token[at:])
        for token, i in vocab.items()
        for at in range(1, len(token))
        if token[:at] in vocab and token[at:] in vocab
    ]
    return [(left, right) for *_, left, right in sorted(pairs)]


def _bpe(model: type[BPE], **arguments: Any) -> Tokenizer:
    try:
        return Tokenizer(model(**arguments))
    except Exception as error:  # tokenizers raises no class of its own
        raise ValueError(f"tokenizer.ggml.merges do not fit tokenizer.ggml.tokens ({error})") from error
