"""Tokenizers of other kinds than BLOOM's, trained on little text: as they come with models, without `[GEN]`."""

import copy
import json
from collections.abc import Callable, Sequence
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import GEN
from seqgpt_jax.io.tokenizer_import import import_tokenizer

TEXTS = (
    "输入: Ada Lovelace visited Turin in 1840. 抽取: person，city，company 输出: None",
    "输入: 杭州欢迎你。 分类: 财经，体育，旅游 输出: 旅游",
    "person: Ada Lovelace city: Turin company: None person name",
    "\tperson\tname\tcity\tcompany",
) * 3
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_GPT4_SPLIT = "|".join(
    (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)",
        r"[^\r\n\p{L}\p{N}]?\p{L}+",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    )
)


def _trained(
    tokenizer: Tokenizer, vocab_size: int, specials: Sequence[str] = (), *, byte_level: bool = False
) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if byte_level else [],
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return tokenizer


def _with_start(tokenizer: Tokenizer, start: str) -> None:
    ids = [(start, tokenizer.token_to_id(start))]
    tokenizer.post_processor = processors.TemplateProcessing(f"{start} $A", f"{start} $A {start}:1 $B:1", ids)


@cache
def chatml() -> PreTrainedTokenizerFast:
    """Byte-level, digits apart, special tokens in front, none free and no token for padding."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    _trained(tokenizer, 400, ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>"], byte_level=True)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|im_start|>", eos_token="<|im_end|>", unk_token="<|endoftext|>"
    )


@cache
def start_token() -> PreTrainedTokenizerFast:
    """Byte-level with the split of GPT-4, which joins a TAB and the word after it; texts begin with a start token.

    Special tokens have the last ids: 0 is `!`.
    """
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_GPT4_SPLIT), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    _trained(tokenizer, 417, byte_level=True)
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>", "<|reserved_special_token_0|>"])
    _with_start(tokenizer, "<|begin_of_text|>")
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<|begin_of_text|>", eos_token="<|end_of_text|>"
    )


def _in_front(vocabulary: dict[str, int]) -> dict[str, int]:
    """A vocabulary with control tokens and bytes before its own tokens."""
    front = ["<unk>", "<s>", "</s>", *_BYTES]
    names = [*front, *sorted(vocabulary, key=vocabulary.__getitem__)]
    return {name: id for id, name in enumerate(dict.fromkeys(names))}


def _named(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    _with_start(tokenizer, "<s>")
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@cache
def sentencepiece_bpe() -> PreTrainedTokenizerFast:
    """BPE that falls back to bytes, as of SentencePiece: `▁` for a space, and one before each text."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    trained = json.loads(_trained(learner, 320).to_str())["model"]
    merges = [tuple(merge) for merge in trained["merges"]]
    model = models.BPE(_in_front(trained["vocab"]), merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return _named(tokenizer)


@cache
def unigram() -> PreTrainedTokenizerFast:
    """A unigram model that falls back to bytes, `▁` for a space and one before each text."""
    learner = Tokenizer(models.Unigram())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    learner.train_from_iterator(
        [text.replace("\t", " ") for text in TEXTS], trainers.UnigramTrainer(vocab_size=200, show_progress=False)
    )
    pieces = json.loads(learner.to_str())["model"]["vocab"]
    front = [(name, 0.0) for name in ("<unk>", "<s>", "</s>", *_BYTES)]
    tokenizer = Tokenizer(models.Unigram([*front, *map(tuple, pieces)], unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return _named(tokenizer)


def imported(kind: str) -> PreTrainedTokenizerFast:
    """The tokenizer of that kind as `import_hf --grow` makes it."""
    return import_tokenizer(copy.deepcopy(KINDS[kind]()), 4, GEN, grow=True).tokenizer


KINDS: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    kind.__name__: kind for kind in (chatml, start_token, sentencepiece_bpe, unigram)
}
