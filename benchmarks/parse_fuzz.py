"""Constrained decoding with random models: whatever the labels, the tokenizer and the limit, every answer parses.

    python benchmarks/parse_fuzz.py --prompts=10000 --output=benchmarks/results/parse_fuzz.json

Tokenizers are trained on little text, so that most characters are spelled in bytes; models are random, with flat and
sharp distributions; limits are near the smallest that are not refused.
"""

import argparse
import json
import math
import random
import re
import time
from collections import Counter
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from transformers import PreTrainedTokenizerFast

from seqgpt_jax.atomic import NONE, TEMPLATES, ContractError, clean_text, parse_answer
from seqgpt_jax.data.tokenizer import train_tokenizer
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.constraints import Grammar
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.io.contract import ModelContract
from seqgpt_jax.models.backbone import Backbone
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import abstract, from_params, params_of

TEXTS = {
    "english": ("Ada met Bob. in Turin!\tperson: None\nAnn, Rome | city.\n", "No.\tYes.\tthe U.S. (1840)\n"),
    "chinese": ("杭州欢迎你。\t北京！\n人名: None\n地点: 杭州，北京。\n", "财经。\t体育\t旅游。\n"),
    "spaces": ("a\u00a0b\u3000c\u2009d\u2028e\x85f \t\n None", "é🙂 ñ\u00a0\n\u3000\t"),
}
PIECES = (
    *("a", "None", "No", "e", "N", "person", "city of", "label 17", "x" * 20),
    *("。", ".", "!", ")", "|", ":", ": ", "-", "<", "[GE", "</", "s>", "'", '"', "\\"),
    *("日期", "人名", "🙂", "é", "ß", "\u200b", "\u00a0", "\u3000", "\u2009", "\ufeff", "\u0301", "ก", "नम", "עב"),
    *(" ", "  ", ",", "1"),
)
_TEMPLATE = TEMPLATES["chinese"]
_CONFIG = {"hidden_size": 32, "n_layer": 1, "n_head": 4}
_BATCH = 32
# One size for all tokenizers, and few limits, so that few programs are compiled.
_ROWS = 408
_LIMITS = (24, 64, 192)


def tokenizers() -> dict[str, PreTrainedTokenizerFast]:
    """Byte-level tokenizers: of each text, of all of them, and one that has next to nothing but bytes."""
    made = {name: train_tokenizer(texts, 340) for name, texts in TEXTS.items()}
    everything = [text for texts in TEXTS.values() for text in texts]
    return made | {"all": train_tokenizer(everything, 400), "bytes": train_tokenizer(["a a"], 262)}


def random_labels(rng: random.Random, atom: str) -> tuple[str, ...]:
    """Between one and eight different labels that a prompt can have."""
    labels = []
    for _ in range(rng.randint(1, 8)):
        label = _TEMPLATE.clean_label("".join(rng.choices(PIECES, k=rng.randint(1, 4))))
        if label and label == label.strip() and not (atom == "cls" and label == NONE):
            labels.append(label)
    return tuple(dict.fromkeys(labels)) or ("a",)


def random_model(rng: np.random.Generator) -> Backbone:
    """A random model whose distributions are flat or sharp."""
    config = BloomConfig(vocab_size=_ROWS, **_CONFIG)
    params = jax.tree.map(lambda leaf: rng.normal(0, 0.4, leaf.shape).astype(np.float32), params_of(abstract(config)))
    params["final_norm"]["scale"] = float(rng.choice([0.1, 0.5, 2.0])) * (1 + params["final_norm"]["scale"])
    return from_params(config, jax.tree.map(jnp.asarray, params))


def needed_tokens(grammar: Grammar, prompt: Prompt) -> float:
    """The smallest limit with which the prompt is not refused; infinite where it always is, because of its labels."""
    try:
        grammar.check([prompt], 1)
    except ContractError as error:
        found = re.search(r"max_new_tokens to (\d+)", str(error))
        return int(found[1]) if found else math.inf
    return 1


def fuzz(prompts: int, seed: int) -> dict:
    """How many answers were generated, by kind, and those that do not parse."""
    rng, array_rng = random.Random(seed), np.random.default_rng(seed)
    made = tokenizers()
    grammars = {name: Grammar(tokenizer, _ROWS) for name, tokenizer in made.items()}
    counts, failures, longest = Counter(), [], 0
    while sum(counts.values()) < prompts:
        name = rng.choice(sorted(made))
        tokenizer, grammar = made[name], grammars[name]
        limit, batch = rng.choice(_LIMITS), []
        while len(batch) < _BATCH:
            atom = rng.choice(("cls", "ext"))
            # What is asked is in the prompt's fields: its wording only sets the model going.
            prompt = Prompt(atom, random_labels(rng, atom), clean_text("".join(rng.choices(PIECES, k=3))) + "x")
            if limit / 8 < needed_tokens(grammar, prompt) <= limit:
                batch.append(prompt)
        decode = DecodeConfig(num_beams=rng.choice((1, 3)), batch_size=_BATCH, max_new_tokens=limit)
        contract = ModelContract(max_prompt_tokens=128, max_target_tokens=limit)
        engine = Engine(random_model(array_rng), tokenizer, decode, contract)
        for prompt, completion in zip(batch, engine.generate(batch), strict=True):
            counts[f"{prompt.atom}, {name}"] += 1
            longest = max(longest, len(completion.ids))
            try:
                parse_answer(prompt.atom, prompt.labels, completion.text)
                if not completion.finished:
                    raise ContractError("not finished")
            except ContractError as error:
                failures.append({"tokenizer": name, "labels": prompt.labels, "error": str(error)})
    return {"prompts": sum(counts.values()), "failures": failures, "longest_answer": longest, "kinds": dict(counts)}


def main() -> None:
    """Runs the fuzz and writes what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results/parse_fuzz.json"))
    args = parser.parse_args()
    started = time.monotonic()
    result = fuzz(args.prompts, args.seed)
    parsed = result["prompts"] - len(result["failures"])
    summary = {"seed": args.seed, "parsed": f"{100 * parsed / result['prompts']:.2f} %"}
    args.output.write_text(json.dumps(summary | result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{parsed:,} of {result['prompts']:,} answers parse ({time.monotonic() - started:.0f} s)")


if __name__ == "__main__":
    main()
