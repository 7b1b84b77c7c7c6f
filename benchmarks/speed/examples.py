"""Prompts and lengths that are measured: of the real data sets in SEQGPT_DATA_DIR, else of the quickstart's corpus."""

import itertools
import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np


def source() -> str:
    """What the data are, for the page."""
    return "ft_cpu, real data sets" if os.environ.get("SEQGPT_DATA_DIR") else "quickstart_ft, generated texts"


def prepare_config(tokenizer: str, output: str, instances: int | None = None) -> Any:
    """Settings of the mixture, of all instances or so many of each task."""
    from seqgpt_jax.data.prepare.config import PrepareConfig

    mixture = source().split(",")[0]
    real = mixture == "ft_cpu"
    settings = {"subsets": real, "missing": "skip", "max_instances": instances}
    return PrepareConfig(mixture, tokenizer=tokenizer, output_dir=output, **settings)


def strings(config: Any, most: int) -> Iterator[str]:
    """Texts for a tokenizer to learn from, from all tasks."""
    from seqgpt_jax.data.prepare.training_text import training_strings
    from seqgpt_jax.tasks import find

    specs = find(config)
    for spec in specs:
        yield from itertools.islice(training_strings(config, [spec]), -(-most // len(specs)))


def prepare(tokenizer: str, folder: str, lengths: str, instances: int | None) -> dict[str, Any]:
    """Prepares the mixture: its examples a second. Writes their lengths, [prompt, target], in random order."""
    from seqgpt_jax.atomic import GEN
    from seqgpt_jax.data.prepare.pipeline import prepare as run
    from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
    from seqgpt_jax.data.store import TrainStore
    from seqgpt_jax.io.tokenizer import load_tokenizer
    from seqgpt_jax.tasks import find

    config = prepare_config(tokenizer, f"{folder}-{os.getpid()}", instances)
    loaded = load_tokenizer(tokenizer, GEN)
    start = time.perf_counter()
    store = TrainStore(run(ResolvedPreparation(config, find(config), loaded)))
    seconds = time.perf_counter() - start
    prompts, targets = store.lengths(0)
    shutil.rmtree(config.output_dir)
    order = np.random.default_rng(0).permutation(len(prompts))[:4096]
    Path(lengths).write_text(json.dumps(np.stack([prompts, targets], 1)[order].tolist()), encoding="utf-8")
    return {"examples": len(prompts), "seconds": seconds, "mean_tokens": float((prompts + targets).mean())}


def make_prompts(folder: str, output: str, number: int, longest: int) -> dict[str, Any]:
    """Writes prompts of both atoms and languages for the model in `folder`, as they come in the data."""
    from real_prompts import real_questions

    from seqgpt_jax.atomic import ContractError
    from seqgpt_jax.data.tokenizer import encode_prompts
    from seqgpt_jax.decoding.prompt_limits import PromptLimits
    from seqgpt_jax.decoding.questions import compose_windows
    from seqgpt_jax.io.contract import read_contract
    from seqgpt_jax.io.tokenizer import load_tokenizer

    contract = read_contract(Path(folder))
    tokenizer = load_tokenizer(folder, contract.prompt_end)
    limits = PromptLimits(contract, contract.max_target_tokens, tokenizer)
    found: list[Any] = []
    for _, question in real_questions(40 * number, seed=0):
        try:
            prompts = [prompt for _, one in compose_windows(question, limits) for prompt in one.prompts]
        except ContractError:
            continue
        sizes = map(len, encode_prompts(tokenizer, [prompt.text for prompt in prompts]))
        found += [prompt for prompt, size in zip(prompts, sizes, strict=True) if size <= longest]
        if len(found) >= number:
            break
    found = found[:number]
    if len(found) < number:
        raise ValueError(f"the data give {len(found)} prompts of at most {longest} tokens, not {number}")
    Path(output).write_text(json.dumps([asdict(prompt) for prompt in found], ensure_ascii=False), encoding="utf-8")
    return {"prompts": len(found)}


def read_prompts(path: str) -> list[Any]:
    """What `make_prompts` wrote."""
    from seqgpt_jax.decoding.completion import Prompt

    values = json.loads(Path(path).read_text(encoding="utf-8"))
    return [Prompt(**{**value, "labels": tuple(value["labels"])}) for value in values]
