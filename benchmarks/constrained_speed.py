"""Rate of constrained against free decoding of one trained model on real prompts, beam search and greedy.

    SEQGPT_DATA_DIR=… python benchmarks/constrained_speed.py --model=runs/pretrained/pt_ft_0 --language=en
    SEQGPT_DATA_DIR=… python benchmarks/constrained_speed.py --model=runs/pretrained/imported --random

Both answer the same prompts in turn (A B A B …) in one process, after a first pass that compiles. Free answers may be
malformed, and end where the model ends them. `--random` takes random weights of the sizes of BLOOM-560m and keeps the
tokenizer: free answers never end then, so that the rates of tokens are what counts.
Writes benchmarks/results/constrained_speed.{json,md}, one section for each model measured so far.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

from real_prompts import real_questions  # the script beside this one
from speed.machine import commit

from seqgpt_jax.atomic import ContractError, parse_answer
from seqgpt_jax.decoding.completion import Completion, Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.decoding.questions import compose_windows
from seqgpt_jax.io.model_folder import Loaded, load
from seqgpt_jax.models.backbone import Backbone
from seqgpt_jax.models.bloom_config import BloomConfig
from seqgpt_jax.models.parameters import create

RESULTS = Path(__file__).parent / "results"
BLOOM_560M = BloomConfig(vocab_size=250_880, hidden_size=1024, n_layer=24, n_head=16)
METHODS = {"constrained": True, "free": False}


def real_prompts(engine: Engine, language: str, number: int, seed: int) -> list[Prompt]:
    """Prompts of both atoms in one language, as they come in the data."""
    prompts: list[Prompt] = []
    for of_language, question in real_questions(8 * number, seed):
        if of_language == language:
            try:
                found = [prompt for _, one in compose_windows(question, engine.limits) for prompt in one.prompts]
                engine.check(found)
            except ContractError:
                continue
            prompts += found
        if len(prompts) >= number:
            break
    return prompts[:number]


def parses(prompt: Prompt, completion: Completion) -> bool:
    """Whether an answer follows the contract and copies its spans."""
    try:
        answers = parse_answer(prompt.atom, prompt.labels, completion.text)
    except ContractError:
        return False
    values = [value for values in answers.values() for value in values] if isinstance(answers, dict) else []
    return completion.finished and all(value in (prompt.source_text or value) for value in values)


def measured(engines: dict[str, Engine], prompts: list[Prompt], repeats: int) -> dict[str, Any]:
    """Prompts a second of both, and the share of answers that can be used."""
    answers = {name: engine.generate(prompts) for name, engine in engines.items()}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(repeats):
        for name, engine in engines.items():
            start = time.perf_counter()
            engine.generate(prompts)
            seconds[name].append(time.perf_counter() - start)
    rates = {name: [len(prompts) / spent for spent in values] for name, values in seconds.items()}
    ratios = [free / ours for ours, free in zip(seconds["constrained"], seconds["free"], strict=True)]
    tokens = {name: sum(len(one.ids) + one.finished for one in found) / len(found) for name, found in answers.items()}
    return {
        "prompts": len(prompts),
        **{f"{name}_per_second": statistics.median(values) for name, values in rates.items()},
        "ratio": statistics.median(ratios),
        "ratios": ratios,
        "token_ratio": statistics.median(ratios) * tokens["constrained"] / tokens["free"],
        "tokens": tokens,
        "usable": {
            name: sum(parses(*pair) for pair in zip(prompts, found, strict=True)) / len(found)
            for name, found in answers.items()
        },
    }


def models_of(args: argparse.Namespace) -> tuple[Backbone, Loaded]:
    """The model to measure, and the folder whose tokenizer and contract it has."""
    loaded = load(args.model)
    if not args.random:
        return loaded.model, loaded
    return create(BLOOM_560M, seed=0), loaded


def page(results: list[dict[str, Any]]) -> str:
    """The table of each model, as Markdown."""
    lines = [
        "# Constrained against free decoding\n",
        "`python benchmarks/constrained_speed.py`: the same real prompts in turn, A B A B. Usable: parses, ends, and "
        "copies its spans.",
        "A ratio above 1 says that constrained decoding is faster, by prompts and by tokens of answers. The two differ "
        "where free answers are shorter or longer.",
    ]
    for result in results:
        lines += [
            f"\n## {result['model']}\n",
            f"Vocabulary of {result['vocabulary']:,}; batches of {result['batch_size']}, at most "
            f"{result['max_new_tokens']} tokens; medians of {result['repeats']} turns on {result['machine']}, commit "
            f"{result['commit']}.\n",
            "| prompts | number | constrained/s | free/s | ratio | ratio by tokens | tokens an answer | usable |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for name, row in result["rows"].items():
            tokens = " / ".join(f"{row['tokens'][method]:.0f}" for method in METHODS)
            usable = " / ".join(f"{100 * row['usable'][method]:.0f} %" for method in METHODS)
            lines.append(
                f"| {name} | {row['prompts']} | {row['constrained_per_second']:.2f} | {row['free_per_second']:.2f} | "
                f"{row['ratio']:.2f} | {row['token_ratio']:.2f} | {tokens} | {usable} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures both and writes the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a trained model")
    parser.add_argument("--random", action="store_true", help="random weights of the sizes of BLOOM-560m instead")
    parser.add_argument("--name", default="SmolLM2-135M after PT + FT", help="of the model, in the table")
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--prompts", type=int, default=96)
    parser.add_argument("--atoms", nargs="+", choices=["ext", "cls"], default=["ext", "cls"])
    parser.add_argument("--beams", nargs="+", type=int, default=[4, 1])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--max_new_tokens", type=int, default=128)
    args = parser.parse_args()
    os.environ.setdefault("SEQGPT_DATA_DIR", "datasets")
    model, loaded = models_of(args)
    rows = {}
    for beams in args.beams:
        engines = {
            name: Engine(
                model,
                loaded.tokenizer,
                DecodeConfig(beams, args.batch_size, args.max_new_tokens, constrained=constrained),
                loaded.contract,
            )
            for name, constrained in METHODS.items()
        }
        prompts = real_prompts(engines["constrained"], args.language, args.prompts, seed=0)
        for atom in args.atoms:
            of_atom = [prompt for prompt in prompts if prompt.atom == atom]
            rows[f"{atom}, {beams} beam(s)"] = measured(engines, of_atom, args.repeats)
            print(atom, beams, json.dumps(rows[f"{atom}, {beams} beam(s)"]), flush=True)
    result = {
        "model": "Random weights of the sizes of BLOOM-560m" if args.random else args.name,
        "vocabulary": model.config.vocab_size,
        "rows": rows,
        "batch_size": args.batch_size,
        "max_new_tokens": args.max_new_tokens,
        "repeats": args.repeats,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "commit": commit(),
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "constrained_speed.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    results = [one for one in results if one["model"] != result["model"]] + [result]
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(page(results), encoding="utf-8")
    print(page(results))


if __name__ == "__main__":
    main()
