"""Few-shot learning of one own data set, and what is forgotten meanwhile: 8, 32 and 128 examples.

    SEQGPT_DATA_DIR=… python benchmarks/few_shot.py --model=runs/pretrained/pt_ft_0 --imported=runs/pretrained/imported

The own data are a held-out task in the format of own data: its label set is in no stage. `--model` is a run of
`benchmarks/pretrained.py`, `--imported` the folder that its training began with. Each number of examples is trained
twice: alone, and with general data mixed back in (the default share of own_pretrained_cpu.gin). The test records are
the same everywhere; the held-out score is that of the other held-out data sets. Finished commands are not repeated.
Writes benchmarks/results/few_shot.{json,md}.
"""

import argparse
import json
import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pretrained import BASES, RESULTS, ends, resampled_sets, run  # the script beside this one

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.files import read_instances
from seqgpt_jax.evaluation.analysis.saved import read_evaluation
from seqgpt_jax.tasks import TASKS

SHARES = {"alone": 0.0, "general data": None}


def own_line(instance: Instance) -> dict[str, Any]:
    """An instance as a record of own data."""
    answers = {label: list(spans) for label, spans in instance.gold.items()}
    if instance.atom == "cls":
        return {"text": instance.text, "task": "cls", "answers": list(answers)}
    return {"text": instance.text, "task": "ext", "answers": answers}


def write_own_data(folder: Path, task: str, sizes: Sequence[int], test: int, seed: int) -> Path:
    """train_N.jsonl for each size, each of them in the next larger one, and test.jsonl; the folder."""
    data_folder = Path(os.environ["SEQGPT_DATA_DIR"])
    folder.mkdir(parents=True, exist_ok=True)

    def sampled(split: str, number: int) -> list[str]:
        found = [one for one in read_instances(TASKS[task], split, data_folder) if isinstance(one, Instance)]
        random.Random(seed).shuffle(found)
        return [json.dumps(own_line(one), ensure_ascii=False) + "\n" for one in found[:number]]

    train = sampled("train", max(sizes))
    for size in sizes:
        (folder / f"train_{size}.jsonl").write_text("".join(train[:size]), encoding="utf-8")
    (folder / "test.jsonl").write_text("".join(sampled("test", test)), encoding="utf-8")
    return folder


def score(work: Path, name: str, model: Path, flags: Sequence[str]) -> Path:
    """Scores a model; the folder with its scores."""
    output = work / "scores" / name
    run(work, "evaluate", "--gin_file=eval_pretrained_cpu.gin", f"--model={model}", f"--output={output}", *flags)
    return output


def compared(folders: Mapping[str, Path], without: str | None = None) -> dict[str, dict[str, float]]:
    """Name -> mean F1 over data sets (times 100), and its difference to the first one, with 95 % bootstrap intervals.

    Resamples have the same records for all: differences are paired. The data set `without` is left out.
    """
    sets = resampled_sets([read_evaluation(folder) for folder in folders.values()], without)
    f1_RxM = np.mean(list(sets.values()), axis=0)
    result = {}
    for number, name in enumerate(folders):
        f1_R = f1_RxM[:, number]
        gap_R = f1_R - f1_RxM[:, 0]
        low, high = (f"difference_{end}" for end in ("low", "high"))
        gaps = ends(gap_R[1:])
        result[name] = {"f1": f1_R[0], **ends(f1_R[1:]), "difference": gap_R[0]}
        result[name] |= {low: gaps["low"], high: gaps["high"]}
    return result


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Trains and scores everything."""
    work, own = args.work, write_own_data(args.work / "own", args.task, args.sizes, args.test, args.seed)
    name, base = f"own_{args.task}", BASES[args.base]
    checkpoint = f"--gin.CHECKPOINT={args.imported}"
    own_scores: dict[str, Path] = {}
    others: dict[str, Path] = {}

    def both(arm: str, model: Path, label: str, train: str) -> None:
        data = f"--data={name}:train={own / train},test={own / 'test.jsonl'}"
        flags = [data, checkpoint, "--gin.Evaluate.splits=('test',)", f"--gin.Evaluate.mixtures=('{name}',)"]
        own_scores[arm] = score(work, f"{label}_own", model, [*flags, "--gin.Evaluate.records=None"])
        flags = [checkpoint, f"--gin.Evaluate.mixtures=('{base.held_out}',)", f"--gin.Evaluate.records={args.records}"]
        others[arm] = score(work, f"{label}_held_out", model, flags)

    both("none: zero-shot", args.model, "zero", f"train_{args.sizes[0]}.jsonl")
    for size in args.sizes:
        epochs = max(4, -(-args.examples // size))
        for arm, share in SHARES.items():
            label = f"{size}_{arm.replace(' ', '_')}"
            data = f"--data={name}:train={own / f'train_{size}.jsonl'},test={own / 'test.jsonl'}"
            flags = [] if share is None else [f"--gin.Prepare.general_share={share}"]
            flags += [f"--gin.Prepare.epochs={epochs}", f"--gin.Train.epochs={epochs}"]
            flags += [f"--gin.Train.init_from={args.model}", checkpoint, f"--gin.Train.seed={args.seed}"]
            flags += [*base.flags, *args.flags]
            run(work, "train", "--gin_file=own_pretrained_cpu.gin", data, f"--run_dir={work / label}", *flags)
            both(f"{size}, {arm}", work / label, label, f"train_{size}.jsonl")
    own_f1, held_out_f1 = compared(own_scores), compared(others, without=TASKS[args.task].dataset.name)
    return {arm: {"own": own_f1[arm], "held_out": held_out_f1[arm]} for arm in own_f1}


def page(result: Mapping[str, Any], args: argparse.Namespace) -> str:
    """The result as Markdown."""

    def shown(cell: Mapping[str, float]) -> str:
        gap = f"{cell['difference']:+.1f} ({cell['difference_low']:+.1f} to {cell['difference_high']:+.1f})"
        return f"{cell['f1']:.1f} ({cell['low']:.1f} to {cell['high']:.1f}) | {gap}"

    rows = [f"| {name} | {shown(cells['own'])} | {shown(cells['held_out'])} |" for name, cells in result.items()]
    return "\n".join(
        [
            "# Few-shot learning of one own data set\n",
            f"`python benchmarks/few_shot.py --base={args.base} --task={args.task}`: "
            f"{BASES[args.base].title} after FT, "
            f"then trained with examples of `{args.task}` as own data, as many",
            f"epochs as make {args.examples} examples, at least 4; alone, or with general data mixed in "
            "(`Prepare.general_share` of own_pretrained_cpu.gin).",
            f"{args.test} test records of the own data; the other held-out data sets of "
            f"`{BASES[args.base].held_out}`, mean over them, "
            f"{args.records} records of each task.",
            "All labels asked, greedy constrained decoding. F1, 0-100, and its paired difference to zero-shot; in "
            "parentheses 95 %",
            f"bootstrap intervals over records. One seed ({args.seed}): nothing is said of others.\n",
            "| examples | own data | difference | other held-out data sets | difference |",
            "|---|---:|---:|---:|---:|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", default="smollm2", choices=BASES, help="which model it is")
    parser.add_argument("--model", type=Path, required=True, help="run that the training starts from")
    parser.add_argument("--imported", type=Path, required=True, help="imported folder of its tokenizer")
    parser.add_argument("--work", type=Path, default=Path("runs/few_shot"))
    parser.add_argument("--task", default="restaurant8k", help="held-out task that plays the own data")
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--examples", type=int, default=320, help="examples that a training sees, epochs counted")
    parser.add_argument("--test", type=int, default=96, help="test records of the own data")
    parser.add_argument("--records", type=int, default=24, help="records of each held-out task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("flags", nargs="*", help="further flags of the training commands, after --")
    args = parser.parse_args()
    result = measure(args)
    RESULTS.mkdir(exist_ok=True)
    results = "few_shot" if args.base == "smollm2" else f"few_shot_{args.base}"
    (RESULTS / f"{results}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{results}.md").write_text(page(result, args), encoding="utf-8")
    print(page(result, args))


if __name__ == "__main__":
    main()
