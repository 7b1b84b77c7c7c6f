"""Prepares, pretrains, fine-tunes, scores, exports and queries a small bilingual model: eight minutes on two cores.

    python -m seqgpt_jax.quickstart

Everything is generated here: the corpus (tasks/quickstart), a tokenizer with BLOOM's settings, a model of
1 million parameters. Each step prints the command that does the same by hand. Completed steps are not
repeated; remove runs/quickstart to start over.
"""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from seqgpt_jax import command_line

RUNS = Path("runs/quickstart")
STAGES = ("untrained", "pt", "pt_ft")
SETS = {"held_in": "quickstart_ft", "held_out": "quickstart_held_out"}
# (task, text, labels): the first four label sets occur in the fine-tuning data, the last two in no training example.
QUESTIONS = (
    ("ext", "Katie Baker works for Sapphire Robotics in Sweden.", ("person", "organization", "place", "date")),
    ("cls", "please move 60 yen to my savings account", ("play music", "transfer money", "book flight")),
    ("ext", "我的朋友贾玉兰出生在温州。", ("人名", "地名", "机构", "时间")),
    ("cls", "咖啡味道很赞，下次还来。", ("好评", "差评", "中性")),
    ("ext", "Katie gave the cat some tacos.", ("animal", "food", "instrument")),
    ("cls", "please cancel my order of the Zentra headset", ("cancel order", "book hotel", "check traffic")),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    command_line.parser(__doc__, gin_files=False).parse_args(argv)
    # The model is too small to benefit from an accelerator, and its batches are too small to be sharded.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    from seqgpt_jax import evaluate, export, train

    started = time.monotonic()
    _step(
        "Stage one (PT): ultra-fine labels", train.main, "train", "--gin_file=quickstart_pt.gin", f"--run_dir={RUNS}/pt"
    )
    _step(
        "Stage two (FT): ten families, from the weights of stage one",
        train.main,
        "train",
        "--gin_file=quickstart_ft.gin",
        f"--run_dir={RUNS}/pt_ft",
        f"--gin.Train.init_from={RUNS}/pt",
    )
    _untrained_model()
    scores: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        output = RUNS / "scores" / stage
        if not (output / "scores.json").exists():
            model = f"--model={RUNS}/{stage}"
            _step(
                f"Scores: {stage}",
                evaluate.main,
                "evaluate",
                "--gin_file=quickstart_eval.gin",
                model,
                f"--output={output}",
            )
        mixtures = json.loads((output / "scores.json").read_text(encoding="utf-8"))["mixtures"]
        scores[stage] = {name: mixtures[mixture]["f1"] for name, mixture in SETS.items()}
    (RUNS / "scores.json").write_text(json.dumps(scores, indent=1), encoding="utf-8")
    if not (RUNS / "export").exists():
        _step(
            "Export for transformers and vLLM",
            export.main,
            "export",
            f"--model={RUNS}/pt_ft",
            f"--output={RUNS}/export",
            "--dtype=float32",
        )
    _query()
    _print_summary(scores, time.monotonic() - started)
    return 0


def _step(title: str, run: Callable[[Sequence[str]], int], name: str, *flags: str) -> None:
    print(f"\n== {title}\n$ python -m seqgpt_jax.{name} {' '.join(flags)}", flush=True)
    if code := run(flags):
        raise SystemExit(code)


def _untrained_model() -> None:
    """Writes the same model with random weights, the first row of the table of scores."""
    if (RUNS / "untrained").exists():
        return

    from seqgpt_jax.io import model_folder
    from seqgpt_jax.io.hf_checkpoint import params_to_hf, save_folder
    from seqgpt_jax.models.parameters import create, params_of

    loaded = model_folder.load(RUNS / "pt")
    params = params_of(create(loaded.config, seed=0))
    tensors = params_to_hf(params, loaded.config, "float32")
    save_folder(
        RUNS / "untrained",
        loaded.config,
        tensors,
        loaded.tokenizer,
        max_shard_bytes=10**9,
        contract=loaded.contract,
        card="Random weights.",
    )


def _query() -> None:
    """Sends a few questions to the exported model with `decode`, as a user would, and prints the answers."""
    from seqgpt_jax import decode

    lines = [{"text": text, "task": task, "labels": labels} for task, text, labels in QUESTIONS]
    questions, answers = RUNS / "questions.jsonl", RUNS / "answers.jsonl"
    questions.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    flags = (f"--model={RUNS}/export", f"--input={questions}", f"--output={answers}", "--gin.Decode.num_beams=1")
    _step("A few questions to the exported model", decode.main, "decode", *flags)
    for line in answers.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        answer = record["answers"]  # labels, or label -> spans
        shown = (
            ", ".join(answer)
            if isinstance(answer, list)
            else "; ".join(f"{label}: {', '.join(spans) or '–'}" for label, spans in answer.items())
        )
        print(f"  {record['text']}  [{', '.join(record['labels'])}]\n    → {shown}")


def _print_summary(scores: dict[str, dict[str, float]], seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", "held-in labels", "held-out labels (zero-shot)", title="F1, 0 to 100")
    names = {"untrained": "untrained", "pt": "PT only", "pt_ft": "PT + FT"}
    for stage, row in scores.items():
        table.add_row(names[stage], f"{row['held_in']:.1f}", f"{row['held_out']:.1f}")
    Console().print(table)
    print(
        f"""Finished in {seconds / 60:.1f} minutes.
  {RUNS}/pt/loss.png, {RUNS}/pt_ft/loss.png     the loss curves
  {RUNS}/scores/pt_ft/report.html                  every wrong answer
  {RUNS}/export                                    for AutoModelForCausalLM.from_pretrained

Next, with your own labels and texts (nothing to train):
  python -m seqgpt_jax.decode --model={RUNS}/export --task=ext \\
      --text='...' --labels='..., ...'
  pip install -e '.[serve]' && python -m seqgpt_jax.serve --model={RUNS}/export     # the same on a page, and over HTTP
With public data sets: set SEQGPT_DATA_DIR and run
  python -m seqgpt_jax.train --gin_file=ft_cpu.gin
To train on your own data: README.md, "Own data"."""
    )


if __name__ == "__main__":
    command_line.run(main)
