"""Import of other models' tokenizers: `[GEN]` gets a row of the table, padding a token, texts no space before them."""

import json
import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.io.name_list import first_names
from seqgpt_jax.io.special_tokens import control_tokens, tokens_around
from seqgpt_jax.io.tokenizer import TokenizerError, add_special_token, adds_space, check_separators, rows_needed

# Tables grow to a multiple of this, which all meshes divide.
ROWS_MULTIPLE = 128
_NAMES_SHOWN = 8
# `<pad>`, `[PAD]`, `<|padding|>`, `<|finetune_right_pad_id|>`; not those of images: `<|vision_pad|>`.
_PADDING = re.compile(r"\W*(finetune_right_)?pad(ding|_id)?\W*", re.IGNORECASE)


@dataclass(frozen=True)
class ImportedTokenizer:
    """A tokenizer that is ready for our prompts.

    Attributes:
      tokenizer: with `[GEN]`, an end token and a padding token.
      rows: those of the vocabulary table, more than before where it has to grow.
      changes: what was changed, in words.
    """

    tokenizer: PreTrainedTokenizerFast
    rows: int
    changes: list[str] = field(default_factory=list)


def import_tokenizer(
    tokenizer: PreTrainedTokenizerFast, rows: int, prompt_end: str, *, take: str | None = None, grow: bool = False
) -> ImportedTokenizer:
    """The tokenizer with `prompt_end` and a padding token, and without what it adds to texts except a start token.

    Args:
      tokenizer: may be changed.
      rows: those of the model's vocabulary table.
      prompt_end: `[GEN]`, which is added where it is missing.
      take: an unused special token, whose row `prompt_end` takes over; its name is gone. Special tokens without a row
        are gone then too, such as that for images of Gemma 3's text models.
      grow: whether the table may grow where it has no free row.

    Raises:
      TokenizerError: the table has no row for a token, `take` is not a token that can be taken, there is no end token,
        or answers cannot be written.
    """
    if tokenizer.eos_token_id is None:
        raise TokenizerError("the tokenizer names no eos_token: write it into tokenizer_config.json")
    changes = []
    if take is not None and not grow and (beyond := _special_beyond(tokenizer, rows, prompt_end)):
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] not in beyond]
        tokenizer = _rebuilt(tokenizer, content, without=beyond)
        changes.append(f"{', '.join(beyond)}, for which the model has no row, is gone")
    if rows_needed(tokenizer) > rows and not grow:
        raise TokenizerError(
            f"the tokenizer has {rows_needed(tokenizer)} tokens and the embedding table only {rows} rows: --grow "
            "gives it more rows"
        )
    # Some folders ask for it: "U.S ." would be decoded as "U.S.", and no span of the text would be that.
    tokenizer.clean_up_tokenization_spaces = False
    if adds_space(tokenizer.backend_tokenizer):
        content = json.loads(tokenizer.backend_tokenizer.to_str())
        tokenizer = _rebuilt(tokenizer, _without_added_space(content))
        changes.append("the space that its tokenizer reads before each text is gone")
    start, end = tokens_around(tokenizer.backend_tokenizer)
    if end:
        _keep_start_alone(tokenizer.backend_tokenizer, start)
        changes.append("the tokens that its tokenizer puts after each text are gone")
    tokenizer, change = _with_prompt_end(tokenizer, rows, prompt_end, take, grow)
    changes.append(change)
    needed = rows_needed(tokenizer)
    if needed > rows:
        rows = -(-needed // ROWS_MULTIPLE) * ROWS_MULTIPLE
        changes.append(f"the vocabulary table has now {rows:,} rows")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = _padding_token(tokenizer)
        changes.append(f"{tokenizer.pad_token} pads")
    check_separators(tokenizer, "this tokenizer")
    return ImportedTokenizer(tokenizer, rows, changes)


def _special_beyond(tokenizer: PreTrainedTokenizerFast, rows: int, prompt_end: str) -> list[str]:
    """Special tokens that were added past the table: the model cannot have read them."""
    found = control_tokens(tokenizer.backend_tokenizer)
    return [token.content for id, token in sorted(found.items()) if id >= rows and token.content != prompt_end]


def _with_prompt_end(
    tokenizer: PreTrainedTokenizerFast, rows: int, prompt_end: str, take: str | None, grow: bool
) -> tuple[PreTrainedTokenizerFast, str]:
    """The tokenizer with that token, and what was done for it."""
    if prompt_end in tokenizer.get_vocab():
        if take is not None:
            raise TokenizerError(f"the tokenizer has a {prompt_end} token already: leave out --gen_token={take}")
        # It may be there as an ordinary token.
        add_special_token(tokenizer, prompt_end)
        return tokenizer, f"{prompt_end} was there already"
    unused = unused_special_tokens(tokenizer)
    if take is not None:
        if take not in unused:
            raise TokenizerError(f"--gen_token={take} is no unused special token of the tokenizer; {_listed(unused)}")
        renamed = _renamed(json.loads(tokenizer.backend_tokenizer.to_str()), take, prompt_end)
        return _rebuilt(tokenizer, renamed, without=[take], special=prompt_end), f"{prompt_end} took the row of {take}"
    if rows_needed(tokenizer) >= rows and not grow:
        raise TokenizerError(
            f"the tokenizer has {rows_needed(tokenizer) + 1} tokens, {prompt_end} among them, and the embedding table "
            f"only {rows} rows: --gen_token=NAME takes the row of an unused special token ({_listed(unused)}), --grow "
            "gives the table more rows"
        )
    before = set(tokenizer.get_vocab().values())
    add_special_token(tokenizer, prompt_end)
    if tokenizer.convert_tokens_to_ids(prompt_end) in before:
        raise TokenizerError(
            f"the ids of the tokenizer have gaps, so that {prompt_end} would get the id of another token: "
            f"--gen_token=NAME takes the row of an unused special token; {_listed(unused)}"
        )
    return tokenizer, f"{prompt_end} was added"


def unused_special_tokens(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The control tokens that have no role: not end, start, padding or unknown, and not put around texts."""
    named = set(tokenizer.special_tokens_map.values())
    around = {id for ids in tokens_around(tokenizer.backend_tokenizer) for id in ids}
    found = control_tokens(tokenizer.backend_tokenizer)
    return [token.content for id, token in sorted(found.items()) if id not in around and token.content not in named]


def _listed(unused: list[str]) -> str:
    return f"it has {first_names(unused, _NAMES_SHOWN)}" if unused else "it has none that could be taken"


def _rebuilt(
    tokenizer: PreTrainedTokenizerFast,
    content: dict[str, Any],
    without: Collection[str] = (),
    special: str | None = None,
) -> PreTrainedTokenizerFast:
    """The same tokenizer with another tokenizer.json, some special tokens less and one more."""
    try:
        backend = Tokenizer.from_str(json.dumps(content))
    except Exception as error:  # tokenizers raises no other class
        raise TokenizerError(f"the tokenizer cannot be changed: {error}") from error
    named = {role: token for role, token in tokenizer.special_tokens_map.items() if token not in without}
    others = [token for token in tokenizer.all_special_tokens if token not in (*named.values(), *without)]
    settings = ("model_max_length", "padding_side", "truncation_side", "clean_up_tokenization_spaces")
    rebuilt = PreTrainedTokenizerFast(
        tokenizer_object=backend, **named, **{name: getattr(tokenizer, name) for name in settings}
    )
    rebuilt.add_special_tokens({"additional_special_tokens": [*others, *([special] if special else [])]})
    return rebuilt


def _without_added_space(content: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer.json that reads no space before a text, nor drops the first one when it writes."""
    content = dict(content)
    content["normalizer"] = _filtered(content["normalizer"], "normalizers", lambda part: part["type"] != "Prepend")
    content["decoder"] = _filtered(content["decoder"], "decoders", lambda part: part["type"] != "Strip")
    for name, parts in (("pre_tokenizer", "pretokenizers"), ("decoder", "decoders")):
        for part in (content[name] or {}).get(parts, [content[name] or {}]):
            if part.get("type") == "Metaspace":
                part |= {"prepend_scheme": "never"}
                part.pop("add_prefix_space", None)
            elif part.get("type") == "ByteLevel" and name == "pre_tokenizer":
                part["add_prefix_space"] = False
    return content


def _filtered(step: dict[str, Any] | None, parts: str, keep: Callable[[dict[str, Any]], bool]) -> dict[str, Any] | None:
    """A step of a tokenizer, maybe a sequence of several, without the parts that are not to be kept."""
    if step is None or step["type"] != "Sequence":
        return step if step is not None and keep(step) else None
    kept = [part for part in step[parts] if keep(part)]
    return step | {parts: kept} if kept else None


def _renamed(content: dict[str, Any], name: str, new_name: str) -> dict[str, Any]:
    """A tokenizer.json in which a special token has another name and keeps its id."""
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [
        token | plain | {"content": new_name} if token["content"] == name else token
        for token in content["added_tokens"]
    ]
    model = dict(content["model"])
    if isinstance(model["vocab"], dict):
        model["vocab"] = {new_name if piece == name else piece: id for piece, id in model["vocab"].items()}
    else:
        model["vocab"] = [[new_name if piece == name else piece, score] for piece, score in model["vocab"]]
    if "merges" in model:
        pairs = (merge.split(" ", 1) if isinstance(merge, str) else merge for merge in model["merges"])
        model["merges"] = [pair for pair in pairs if name not in (*pair, "".join(pair))]
    return content | {"added_tokens": added, "model": model}


def _keep_start_alone(backend: Tokenizer, start: list[int]) -> None:
    """Leaves of what the tokenizer puts around a text that which is before it."""
    names = [backend.id_to_token(id) for id in start]
    backend.post_processor = processors.TemplateProcessing(
        single=[*names, "$A"], pair=[*names, "$A", "$B"], special_tokens=list(zip(names, start, strict=True))
    )


def _padding_token(tokenizer: PreTrainedTokenizerFast) -> str:
    """An existing token that can pad: one made for it, else that of the unknown, else the end token."""
    made_for_it = [token for token in unused_special_tokens(tokenizer) if _PADDING.fullmatch(token)]
    return next(filter(None, [*made_for_it, tokenizer.unk_token, tokenizer.eos_token]))
