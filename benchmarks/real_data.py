"""A real-data run on two cores: stage one, stage two with and without it, and the scores of both.

    SEQGPT_DATA_DIR=… python benchmarks/real_data.py --work=runs/real_data

Runs the commands that a user would run, one after the other, and writes
benchmarks/results/real_data_cpu.{json,md,png}. About 40 minutes.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from matplotlib.figure import Figure

RESULTS = Path(__file__).parent / "results"


def command(name: str, *flags: str) -> tuple[str, float]:
    """Runs one command of the package; (its text, its seconds)."""
    words = ["-m", f"seqgpt_jax.{name}", *flags]
    print("$ python", *words, flush=True)
    started = time.monotonic()
    subprocess.run([sys.executable, *words], check=True)
    return f"python {' '.join(words)}", time.monotonic() - started


def main() -> None:
    """Runs everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/real_data"), help="folder of the runs")
    parser.add_argument("--records", type=int, default=32, help="scored instances of each task")
    work, records = (args := parser.parse_args()).work, args.records
    steps = [
        command("train", "--gin_file=pt_cpu.gin", f"--run_dir={work}/pt"),
        command("train", "--gin_file=ft_cpu.gin", f"--run_dir={work}/ft"),
        command("train", "--gin_file=ft_cpu.gin", f"--run_dir={work}/pt_ft", f"--gin.Train.init_from={work}/pt"),
    ]
    scores = {}
    for stage in ("pt", "ft", "pt_ft"):
        output = work / "scores" / stage
        flags = (f"--model={work}/{stage}", f"--output={output}", f"--gin.Evaluate.records={records}")
        steps.append(command("evaluate", "--gin_file=eval_cpu.gin", *flags))
        scores[stage] = json.loads((output / "scores.json").read_text(encoding="utf-8"))

    RESULTS.mkdir(exist_ok=True)
    result = {
        "commands": [{"command": text, "seconds": round(seconds)} for text, seconds in steps],
        "cores": os.cpu_count(),
        "mixtures": {stage: {n: row["score"] for n, row in s["mixtures"].items()} for stage, s in scores.items()},
        "families": {stage: {n: row["score"] for n, row in s["families"].items()} for stage, s in scores.items()},
        "data_sets": {
            stage: {f"{row['name']} ({row['family']}, {row['language']})": row["score"] for row in s["datasets"]}
            for stage, s in scores.items()
        },
        "config": (work / "pt_ft" / "config.gin").read_text(encoding="utf-8").splitlines(),
    }
    (RESULTS / "real_data_cpu.json").write_text(json.dumps(result, ensure_ascii=False, indent=1), encoding="utf-8")
    (RESULTS / "real_data_cpu.md").write_text(markdown(result), encoding="utf-8")
    draw(work)


def markdown(result: dict) -> str:
    """The result as a page."""
    names = {"pt": "PT only", "ft": "FT only", "pt_ft": "PT + FT"}
    lines = [
        "# Real data on two cores\n",
        "Scores (mean of micro-F1 and ROUGE, `fixed` mode, 0-100) of a model trained from scratch on public data",
        "sets; `python benchmarks/real_data.py` repeats it. A check of the whole stack on real input, not a claim",
        "about the method: the model has 3.4 million parameters and sees about 2 million tokens.\n",
    ]
    for title, key in (
        ("Mixture", "mixtures"),
        ("Family (held-in and held-out)", "families"),
        ("Data set", "data_sets"),
    ):
        lines += [f"| {title} | " + " | ".join(names.values()) + " |", "|---|---:|---:|---:|"]
        for name in result[key]["pt_ft"]:
            lines.append(f"| {name} | " + " | ".join(f"{result[key][stage][name]:.1f}" for stage in names) + " |")
        lines.append("")
    lines += ["![Loss](real_data_cpu.png)\n", f"| Command ({result['cores']} cores) | seconds |", "|---|---:|"]
    lines += [f"| `{step['command']}` | {step['seconds']} |" for step in result["commands"]]
    return "\n".join(lines) + "\n"


def draw(work: Path) -> None:
    """The three loss curves in one picture."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for stage in ("pt", "ft", "pt_ft"):
        rows = [json.loads(line) for line in (work / stage / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        axes.plot([row["step"] for row in rows], [row["loss"] for row in rows], label=stage)
    axes.set(xlabel="step", ylabel="loss per target token (nats)", title="Real data, two cores")
    axes.legend()
    figure.savefig(RESULTS / "real_data_cpu.png", dpi=110)


if __name__ == "__main__":
    main()
