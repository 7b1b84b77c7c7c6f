"""Fill of packed rows, and the time that planning takes, on a prepared store.

    python -m seqgpt_jax.prepare --gin_file=ft_cpu.gin --gin.Prepare.quota=200 --gin.Prepare.max_instances=None \\
        --gin.Prepare.max_prompt_tokens=1024 --gin.Prepare.max_target_tokens=256 --gin.Prepare.max_labels=64
    python benchmarks/packing.py --store=prepared/ft_cpu.train.…

Writes benchmarks/results/packing.{json,md}. Beside the capacity for targets that training takes: twice as much, and
no limit.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from seqgpt_jax.data.packing import default_target_capacity, plan_packing
from seqgpt_jax.data.store import TrainStore

RESULTS = Path(__file__).parent / "results"
LENGTHS = (352, 512, 1280, 2048, 4096)


def measure(tokens: np.ndarray, targets: np.ndarray, length: int, capacity: int) -> dict[str, float]:
    """Fill, rows and microseconds an example of one plan."""
    start = time.process_time()
    plan = plan_packing(tokens, targets, length=length, target_capacity=capacity, seed=(0, 0))
    seconds = time.process_time() - start
    return {
        "length": length,
        "capacity": capacity,
        "times_the_average": capacity / (length * targets.sum() / tokens.sum()),
        "fill": tokens.sum() / (len(plan) * length),
        "rows": len(plan),
        "microseconds_an_example": 1e6 * seconds / len(tokens),
    }


def main() -> None:
    """Measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", type=Path, required=True, help="folder of a prepared store")
    store = TrainStore(parser.parse_args().store)
    prompts, targets = store.lengths(0)
    tokens = prompts + targets - 1
    rows = []
    for length in LENGTHS:
        fitting = tokens <= length
        sizes = tokens[fitting], targets[fitting]
        capacity = default_target_capacity(*sizes, length)
        rows += [measure(*sizes, length, tried) for tried in dict.fromkeys((capacity, 2 * capacity, length))]
    mixture, settings = store.manifest["mixture"], store.manifest["settings"]
    result = {
        "mixture": mixture,
        "quota": settings["quota"],
        "examples": len(tokens),
        "mean_tokens": float(tokens.mean()),
        "targets_among_tokens": float(targets.sum() / tokens.sum()),
        "longest_target": int(targets.max()),
        "plans": rows,
    }
    (RESULTS / "packing.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "packing.md").write_text(page(result), encoding="utf-8")


def page(result: dict) -> str:
    """The results as Markdown."""
    lines = [
        "# Fill of packed rows",
        "",
        "`python benchmarks/packing.py --store=…`; its head has the command that prepares the store.",
        "",
        f"{result['examples']:,} examples of the mixture `{result['mixture']}` with a quota of {result['quota']}: "
        f"{result['mean_tokens']:.0f} input tokens an",
        f"example, {result['targets_among_tokens']:.1%} of them targets, the longest {result['longest_target']}. "
        "Fill is the share of the tokens of all rows that",
        "are not padding; examples that are longer than a row are left out. The first capacity of each length is the",
        "one that training takes.",
        "",
        "| tokens of a row | targets of a row | times the average | fill | rows | planning, µs an example |",
        "|---|---|---|---|---|---|",
    ]
    for plan in result["plans"]:
        lines.append(
            f"| {plan['length']:,} | {plan['capacity']:,} | {plan['times_the_average']:.2f} | {plan['fill']:.2%} "
            f"| {plan['rows']:,} | {plan['microseconds_an_example']:.1f} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
