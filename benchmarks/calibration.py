"""Zero-shot classification with and without contextual calibration, on label sets seen and not seen in training.

    SEQGPT_DATA_DIR=… python benchmarks/calibration.py --model=runs/pretrained/pt_ft_0 \\
        --imported=runs/pretrained/imported

Scores the same records twice with `evaluate`. `--model` is a run of `benchmarks/pretrained.py`, `--imported` the folder
that its training began with. Writes benchmarks/results/calibration.{json,md}.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pretrained import RESULTS, run  # the script beside this one

from seqgpt_jax.evaluation.bootstrap import interval

# Single-label tasks: the labels of the first are in no training data, those of the second are.
TASKS = {
    "held-out": ("ag_news", "banking77", "snli", "fewrel.wiki", "fewrel.pubmed", "casie.typing"),
    "held-in": ("trec", "sst2", "rte", "snips.intent", "semeval2010_8", "conll04.typing"),
}
_RESAMPLES = 10_000


def correct(work: Path, args: argparse.Namespace, *, contextual: bool) -> dict[str, dict[str, bool]]:
    """Task -> record -> whether the answer is right."""
    tasks = tuple(task for of_kind in TASKS.values() for task in of_kind)
    output = work / ("calibrated" if contextual else "plain")
    run(
        work,
        "evaluate",
        "--gin_file=eval_pretrained_cpu.gin",
        f"--model={args.model}",
        f"--output={output}",
        f"--gin.CHECKPOINT={args.imported}",
        f"--gin.Evaluate.mixtures={tasks!r}".replace(" ", ""),
        f"--gin.Evaluate.records={args.records}",
        f"--gin.Decode.contextual_calibration={contextual}",
    )
    found: dict[str, dict[str, bool]] = {}
    for line in (output / "predictions.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        found.setdefault(record["task"], {})[record["id"]] = record["correct"]
    return found


def compared(plain: Sequence[bool], calibrated: Sequence[bool]) -> dict[str, Any]:
    """Accuracies, 0-100, and the mean difference with its 95 % bootstrap interval over paired records."""
    pairs = 100 * np.array([plain, calibrated], float)
    difference = pairs[1] - pairs[0]
    draws = np.random.default_rng(0).integers(0, len(difference), (_RESAMPLES, len(difference)))
    low, high = interval(difference[draws].mean(axis=1))
    return {
        "records": len(difference),
        "plain": pairs[0].mean(),
        "calibrated": pairs[1].mean(),
        "difference": difference.mean(),
        "low": low,
        "high": high,
    }


def page(result: dict[str, dict[str, Any]], records: int) -> str:
    """The result as Markdown."""
    lines = [
        "# Calibrated labels\n",
        f"`python benchmarks/calibration.py`: SmolLM2-135M after PT + FT ([pretrained.md](pretrained.md)), {records} "
        "records of each task,",
        "all labels asked, the label with the highest probability. Share of right answers, 0-100, plain and with",
        "`Decode.contextual_calibration`; in brackets the 95 % bootstrap interval of the difference, same records.\n",
        "| task | records | plain | calibrated | difference |",
        "|---|---:|---:|---:|---:|",
    ]
    for kind, rows in result.items():
        for name, row in rows.items():
            shown = f"{row['difference']:+.1f} ({row['low']:+.1f} to {row['high']:+.1f})"
            title = f"**all {kind}**" if name == "all" else f"{name} ({kind})"
            lines.append(f"| {title} | {row['records']} | {row['plain']:.1f} | {row['calibrated']:.1f} | {shown} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs both and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="run to score")
    parser.add_argument("--imported", required=True, help="imported folder of its tokenizer")
    parser.add_argument("--work", type=Path, default=Path("runs/calibration"))
    parser.add_argument("--records", type=int, default=96, help="records of each task")
    args = parser.parse_args()
    plain, calibrated = (correct(args.work, args, contextual=contextual) for contextual in (False, True))
    result: dict[str, dict[str, Any]] = {}
    for kind, tasks in TASKS.items():
        pairs = {task: [(right, calibrated[task][record]) for record, right in plain[task].items()] for task in tasks}
        result[kind] = {task: compared(*zip(*of_task, strict=True)) for task, of_task in pairs.items()}
        result[kind]["all"] = compared(*zip(*(pair for of_task in pairs.values() for pair in of_task), strict=True))
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "calibration.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "calibration.md").write_text(page(result, args.records), encoding="utf-8")
    print(page(result, args.records))


if __name__ == "__main__":
    main()
