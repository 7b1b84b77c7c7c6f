"""Ablation of training prompts without an answer: over-extraction, F1 and "none fits" on real data.

    SEQGPT_DATA_DIR=… python benchmarks/prompts_without_answer.py --work=runs/prompts_without_answer

Trains a model on each arm and seed with `ft_cpu.gin` on six data sets, for the same number of steps, and asks all
labels of held-out instances, in chunks, as `decode` does. Finished runs are not repeated. Writes
benchmarks/results/prompts_without_answer.{json,md}. About 60 minutes on two cores.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from seqgpt_jax.evaluation.bootstrap import interval

RESULTS = Path(__file__).parent / "results"
DATA = ("cluener", "mit_movie", "snips.slots", "resume_ner", "trec", "clinc150", "snips.intent")
# name -> (Prepare.empty_extractions, Prepare.empty_classifications)
ARMS = {
    "none": (0.0, 0.0),
    "a third / a tenth": (0.3, 0.1),
    "half / a fifth": (0.5, 0.2),
    "a tenth / a tenth": (0.1, 0.1),
}
RESAMPLES = 1000


def train(arm: str, seed: int, folder: Path, steps: int) -> None:
    """Trains one arm with one seed, unless it is there."""
    extractions, classifications = ARMS[arm]
    flags = [
        "--gin_file=ft_cpu.gin",
        f"--run_dir={folder}",
        f"--gin.Prepare.mixture={'+'.join(DATA)}",
        f"--gin.Prepare.evaluation_mixtures={DATA}",
        f"--gin.Prepare.empty_extractions={extractions}",
        f"--gin.Prepare.empty_classifications={classifications}",
        "--gin.Prepare.quota=150",
        "--gin.Prepare.max_instances=2000",
        "--gin.Prepare.epochs=2",
        f"--gin.Prepare.seed={seed}",
        f"--gin.Train.seed={seed}",
        f"--gin.Train.steps={steps}",
        "--gin.Train.epochs=9",
    ]
    subprocess.run([sys.executable, "-m", "seqgpt_jax.train", *flags], check=True)


def stores(tokenizer: str, records: int) -> list[Any]:
    """The evaluation stores of all data sets."""
    from seqgpt_jax import tasks
    from seqgpt_jax.console.prepared_data import prepare_if_missing
    from seqgpt_jax.data.prepare.config import PrepareConfig
    from seqgpt_jax.data.prepare.resolve import resolve
    from seqgpt_jax.data.store import EvalStore

    folders = []
    for name in DATA:
        for split in ("validation", "test"):
            config = PrepareConfig(
                name, tokenizer, split=split, max_instances=records + 16, max_prompt_tokens=256, max_target_tokens=96,
                max_labels=16,
            )  # fmt: skip
            if split in tasks.splits(config):
                folders.append(prepare_if_missing(resolve(config, tasks)))
    return [EvalStore(folder) for folder in folders]


def measure(folder: Path, records: int) -> list[dict[str, Any]]:
    """Counts of each instance, its question asked as it is and, of classifications, without its gold labels."""
    from seqgpt_jax.decoding.answers import answer
    from seqgpt_jax.decoding.decode_config import DecodeConfig
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.evaluation.evaluator import EvaluateConfig, instances_to_ask
    from seqgpt_jax.evaluation.predictions import compare
    from seqgpt_jax.io.model_folder import load, open_folder, tokenizer_folder

    model = open_folder(str(folder))
    instances = instances_to_ask(stores(str(tokenizer_folder(model)), records), EvaluateConfig(records=records))
    loaded = load(model)
    engine = Engine(loaded.model, loaded.tokenizer, DecodeConfig(num_beams=1, batch_size=32), loaded.contract)
    # One choice is not given away: whether nothing fits is what is measured.
    questions = [dataclasses.replace(instance.question, choose="any") for instance in instances]
    answers = answer(engine, questions)
    classifications = [q for q, i in zip(questions, instances, strict=True) if q.atom == "cls"]
    gold = [i.record.answers for i in instances if i.record.atom == "cls"]
    removed = [
        dataclasses.replace(question, labels=tuple(label for label in question.labels if label not in of_question))
        for question, of_question in zip(classifications, gold, strict=True)
    ]
    nothing = iter([not given.answers for given in answer(engine, removed)])
    rows = []
    for instance, given in zip(instances, answers, strict=True):
        prediction = compare(instance, given)
        record = instance.record
        row = {
            "task": record.task,
            "atom": record.atom,
            "true_positives": len(prediction.gold & prediction.predicted),
            "gold": len(prediction.gold),
            "predicted": len(prediction.predicted),
        }
        if record.atom == "ext":
            pairs = list(zip(record.answers, prediction.answers, strict=True))
            row["queries_without_gold"] = sum(not spans for spans, _ in pairs)
            row["of_these_answered"] = sum(not spans and bool(found) for spans, found in pairs)
            row["queries_with_gold"] = sum(bool(spans) for spans, _ in pairs)
            row["of_these_none"] = sum(bool(spans) and not found for spans, found in pairs)
        else:
            row["wrongly_none"] = int(not prediction.answers)
            row["rightly_none"] = int(next(nothing))
        rows.append(row)
    return rows


def rates(rows: list[dict[str, Any]], weights: np.ndarray) -> dict[str, float]:
    """The mean over tasks of each rate, with these weights of the instances."""
    values: dict[str, list[float]] = {}
    for task in sorted({row["task"] for row in rows}):
        chosen = [number for number, row in enumerate(rows) if row["task"] == task]

        def total(name: str, chosen: list[int] = chosen) -> float:
            return float(sum(weights[number] * rows[number][name] for number in chosen))

        atom, instances = rows[chosen[0]]["atom"], max(float(weights[chosen].sum()), 1e-9)
        name = "extraction" if atom == "ext" else "classification"
        values.setdefault(f"F1, {name}", []).append(
            2 * total("true_positives") / max(total("gold") + total("predicted"), 1e-9)
        )
        if atom == "ext":
            values.setdefault("over-extraction", []).append(
                total("of_these_answered") / max(total("queries_without_gold"), 1e-9)
            )
            values.setdefault("missed", []).append(total("of_these_none") / max(total("queries_with_gold"), 1e-9))
        else:
            values.setdefault("wrongly none", []).append(total("wrongly_none") / instances)
            values.setdefault("rightly none", []).append(total("rightly_none") / instances)
    return {name: 100 * sum(of_tasks) / len(of_tasks) for name, of_tasks in values.items()}


def with_intervals(runs: list[list[dict[str, Any]]]) -> dict[str, dict[str, float]]:
    """Each rate over all seeds, and its 95 % bootstrap interval over instances and seeds."""
    rng = np.random.default_rng(0)
    point = [rates(rows, np.ones(len(rows))) for rows in runs]
    samples = []
    for _ in range(RESAMPLES // 5):
        drawn = rng.integers(len(runs), size=len(runs))
        samples.append(
            [
                rates(runs[run], rng.multinomial(len(runs[run]), np.full(len(runs[run]), 1 / len(runs[run]))))
                for run in drawn
            ]
        )
    result = {}
    for name in point[0]:
        low, high = interval(np.array([np.mean([rate[name] for rate in sample]) for sample in samples]))
        seeds = [rate[name] for rate in point]
        result[name] = {"mean": float(np.mean(seeds)), "low": low, "high": high, "seeds": seeds}
    return result


def page(result: dict[str, Any]) -> str:
    """The content of the Markdown file."""
    names = list(next(iter(result["arms"].values()))["rates"])
    lines = [f"| share of added prompts (extraction / classification) | {' | '.join(names)} | examples an epoch |"]
    lines.append("|---|" + "---:|" * (len(names) + 1))
    for arm, of_arm in result["arms"].items():
        cells = [f"{r['mean']:.1f} ({r['low']:.1f} to {r['high']:.1f})" for r in of_arm["rates"].values()]
        lines.append(f"| {arm} | {' | '.join(cells)} | {of_arm['examples']:,} |")
    table = "\n".join(lines)
    return f"""# Training prompts without an answer

`python benchmarks/prompts_without_answer.py`: {", ".join(DATA)};
models of 1.8 million parameters from scratch, {result["steps"]:,} steps for every arm,
{len(result["seeds"])} seed(s), {result["records"]} instances of each task
from validation and test, all labels asked in chunks, greedy constrained decoding. Rates are means over tasks
in percent, with 95 % bootstrap intervals over instances and seeds.

{table}

*over-extraction*: queries without a gold span that got one. *missed*: queries with gold spans that got none. *wrongly
none*: classifications of which the answer was "nothing fits". *rightly none*: the same classifications with their gold
labels left out, answered so. A model that answers `None` to everything has 0, 100, 100 and 100.
"""


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/prompts_without_answer"), help="folder of the runs")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--records", type=int, default=100, help="instances of each task")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--train_only", action="store_true")
    args = parser.parse_args()
    seeds = list(range(args.seeds))
    folders = {(arm, seed): args.work / f"{n}_{seed}_{args.steps}" for seed in seeds for n, arm in enumerate(ARMS)}
    for (arm, seed), folder in folders.items():
        train(arm, seed, folder, args.steps)
    if args.train_only:
        return
    arms = {}
    for arm in ARMS:
        runs = []
        for seed in seeds:
            kept = folders[arm, seed] / f"measured_{args.records}.json"
            if not kept.exists():
                kept.write_text(json.dumps(measure(folders[arm, seed], args.records)), encoding="utf-8")
            runs.append(json.loads(kept.read_text(encoding="utf-8")))
        contract = json.loads((folders[arm, 0] / "seqgpt.json").read_text(encoding="utf-8"))
        manifest = Path("prepared") / contract["data"]["store"] / "manifest.json"
        examples = json.loads(manifest.read_text(encoding="utf-8"))["examples"]
        arms[arm] = {"rates": with_intervals(runs), "examples": examples}
    result = {"steps": args.steps, "seeds": seeds, "records": args.records, "cores": os.cpu_count(), "arms": arms}
    RESULTS.mkdir(exist_ok=True)
    name = RESULTS / "prompts_without_answer"
    name.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    name.with_suffix(".md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
