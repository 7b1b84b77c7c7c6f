"""Rate of greedy extraction with several forced tokens a step against one token a step.

    SEQGPT_DATA_DIR=… python benchmarks/forced_tokens.py --model=runs/pretrained_long/ft_0

The same real prompts in turn (A B A B …) in one process, after a first pass that compiles; answers must be the same.
On a CPU a step takes longer the more tokens it reads; the engine reads several on accelerators alone. Writes
benchmarks/results/forced_tokens.{json,md}.
"""

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path
from typing import Any

from constrained_speed import real_prompts  # the script beside this one
from speed.machine import commit

from seqgpt_jax.decoding import engine as engine_module
from seqgpt_jax.decoding.completion import Prompt
from seqgpt_jax.decoding.decode_config import DecodeConfig
from seqgpt_jax.decoding.engine import Engine
from seqgpt_jax.io.model_folder import load

RESULTS = Path(__file__).parent / "results"


def measured(engine: Engine, prompts: list[Prompt], widths: list[int], repeats: int) -> dict[str, Any]:
    """Prompts a second of each number of tokens a step, and their ratios to one token a step."""
    seconds: dict[int, list[float]] = {width: [] for width in widths}
    answers = {}
    for turn in range(repeats + 1):
        for width in widths:
            engine_module.tokens_a_step = lambda *_, width=width: width
            start = time.perf_counter()
            found = [completion.ids for completion in engine.generate(prompts)]
            if turn:  # the first one compiles
                seconds[width].append(time.perf_counter() - start)
            answers[width] = found
    same = {width: sum(a == b for a, b in zip(answers[1], answers[width], strict=True)) for width in widths}
    return {
        "prompts": len(prompts),
        "tokens": statistics.mean(map(len, answers[1])),
        "per_second": {width: len(prompts) / statistics.median(spent) for width, spent in seconds.items()},
        "ratios": {
            width: [one / spent for one, spent in zip(seconds[1], seconds[width], strict=True)] for width in widths
        },
        "same": same,
    }


def page(result: dict[str, Any]) -> str:
    """The table, as Markdown."""
    lines = [
        "# Forced tokens of extractions, several a step\n",
        "`python benchmarks/forced_tokens.py`: greedy constrained extractions of real prompts, in turn, A B A B; "
        f"medians of {result['repeats']} turns. The ratio to one token a step, above 1 where several are faster, is "
        "the median of those of the turns; in parentheses the lowest and highest.\n",
        f"{result['model']}; {result['machine']}, commit {result['commit']}.\n",
        "| rows of a batch | tokens a step | prompts/s | ratio | same answers | tokens an answer |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for rows, of in result["rows"].items():
        for width, rate in of["per_second"].items():
            ratios = of["ratios"][width]
            spread = f" ({min(ratios):.2f} to {max(ratios):.2f})" if int(width) > 1 else ""
            lines.append(
                f"| {rows} | {width} | {rate:.2f} | {statistics.median(ratios):.2f}{spread} | "
                f"{of['same'][width]} of {of['prompts']} | {of['tokens']:.0f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measures and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a trained model")
    parser.add_argument("--name", help="of the model, in the table (default: --model)")
    parser.add_argument("--language", choices=["en", "zh"], default="en")
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--rows", nargs="+", type=int, default=[1])
    parser.add_argument("--tokens_a_step", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--max_new_tokens", type=int, default=128)
    args = parser.parse_args()
    result: dict[str, Any] = {"model": args.name or args.model, "repeats": args.repeats, "rows": {}}
    result["machine"] = f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}"
    result["commit"] = commit()
    loaded = load(args.model)
    for rows in args.rows:
        config = DecodeConfig(num_beams=1, batch_size=rows, max_new_tokens=args.max_new_tokens)
        engine = Engine(loaded.model, loaded.tokenizer, config, loaded.contract)
        prompts = [one for one in real_prompts(engine, args.language, 4 * args.prompts, seed=0) if one.atom == "ext"]
        found = measured(engine, prompts[: args.prompts], [1, *args.tokens_a_step], args.repeats)
        result["rows"][rows] = found
        print(json.dumps({"rows": rows, **found}), flush=True)
    (RESULTS / "forced_tokens.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = page(json.loads(json.dumps(result)))
    (RESULTS / "forced_tokens.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
