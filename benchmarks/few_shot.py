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

from pretrained import HELD_OUT, RESULTS, run  # the script beside this one

from seqgpt_jax.atomic import Instance
from seqgpt_jax.data.raw.files import read_instances
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


def scores_of(work: Path, name: str, model: Path, flags: Sequence[str]) -> dict[str, Any]:
    """Scores of a model: those of the only data set, or of all."""
    output = work / "scores" / name
    run(work, "evaluate", f"--model={model}", f"--output={output}", *flags)
    overall = json.loads((output / "scores.json").read_text(encoding="utf-8"))["overall"]
    low, high = overall["f1_interval"]
    return {"f1": overall["f1"], "low": low, "high": high, "baseline": overall["best_baseline"]}


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Trains and scores everything."""
    work, own = args.work, write_own_data(args.work / "own", args.task, args.sizes, args.test, args.seed)
    name = f"own_{args.task}"
    checkpoint = f"--gin.CHECKPOINT={args.imported}"

    def both(model: Path, label: str, train: str) -> dict[str, Any]:
        data = f"--data={name}:train={own / train},test={own / 'test.jsonl'}"
        own_flags = ["--gin_file=eval_pretrained_cpu.gin", data, checkpoint, "--gin.Evaluate.splits=('test',)"]
        own_flags += [f"--gin.Evaluate.mixtures=('{name}',)", "--gin.Evaluate.records=None"]
        others = ["--gin_file=eval_pretrained_cpu.gin", checkpoint, f"--gin.Evaluate.mixtures=('{HELD_OUT}',)"]
        others += [f"--gin.Evaluate.records={args.records}"]
        return {
            "own": scores_of(work, f"{label}_own", model, own_flags),
            "held_out": scores_of(work, f"{label}_held_out", model, others),
        }

    result: dict[str, Any] = {"zero-shot": both(args.model, "zero", f"train_{args.sizes[0]}.jsonl")}
    for size in args.sizes:
        for arm, share in SHARES.items():
            label = f"{size}_{arm.replace(' ', '_')}"
            data = f"--data={name}:train={own / f'train_{size}.jsonl'},test={own / 'test.jsonl'}"
            flags = [] if share is None else [f"--gin.Prepare.general_share={share}"]
            flags += [f"--gin.Train.init_from={args.model}", checkpoint, f"--gin.Train.seed={args.seed}", *args.flags]
            run(work, "train", "--gin_file=own_pretrained_cpu.gin", data, f"--run_dir={work / label}", *flags)
            result[f"{size}, {arm}"] = both(work / label, label, f"train_{size}.jsonl")
    return result


def page(result: Mapping[str, Any], args: argparse.Namespace) -> str:
    """The result as Markdown."""

    def shown(cell: Mapping[str, float]) -> str:
        return f"{cell['f1']:.1f} ({cell['low']:.1f} to {cell['high']:.1f})"

    rows = [f"| {name} | {shown(cells['own'])} | {shown(cells['held_out'])} |" for name, cells in result.items()]
    return "\n".join(
        [
            "# Few-shot learning of one own data set\n",
            f"`python benchmarks/few_shot.py --task={args.task}`: examples of `{args.task}` as own data, "
            f"{args.test} test records,",
            "all labels asked, greedy constrained decoding. F1, 0-100; in brackets the 95 % bootstrap interval. Seed "
            f"{args.seed}. The last column",
            f"is `{HELD_OUT}`, {args.records} records of each task.\n",
            "| examples | own data | held-out data sets |",
            "|---|---:|---:|",
            *rows,
            "",
        ]
    )


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="run that the training starts from")
    parser.add_argument("--imported", type=Path, required=True, help="imported folder of its tokenizer")
    parser.add_argument("--work", type=Path, default=Path("runs/few_shot"))
    parser.add_argument("--task", default="restaurant8k", help="held-out task that plays the own data")
    parser.add_argument("--sizes", type=int, nargs="+", default=[8, 32, 128])
    parser.add_argument("--test", type=int, default=96, help="test records of the own data")
    parser.add_argument("--records", type=int, default=24, help="records of each held-out task")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("flags", nargs="*", help="further flags of the training commands, after --")
    args = parser.parse_args()
    result = measure(args)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "few_shot.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "few_shot.md").write_text(page(result, args), encoding="utf-8")
    print(page(result, args))


if __name__ == "__main__":
    main()
