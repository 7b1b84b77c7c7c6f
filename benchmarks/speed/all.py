"""Speed of training, decoding, preparation and start against `transformers` and torch, side by side.

    python benchmarks/speed/all.py                                # what `make bench` runs: float32, on all cores
    python benchmarks/speed/all.py --only=decoding --gguf=SmolLM2-135M-Instruct.Q4_1.gguf
    python benchmarks/speed/all.py --only=decoding --model=exported/ft     # a trained model: its answers end
    python benchmarks/speed/all.py --dtypes=float32,bfloat16 --backbones=bloom_560m,qwen3_0_6b
    python benchmarks/speed/all.py --device=gpu                   # jax[cuda] and a torch with CUDA; bfloat16
    python benchmarks/speed/all.py --smoke                        # all of it at tiny sizes

Data are those of SEQGPT_DATA_DIR where that is set, else generated texts. Writes benchmarks/results/speed.{json,md};
rows that did not run keep their old numbers. An interrupted run resumes: finished parts are not repeated, but with
--again.
"""

import argparse
import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import machine
from backbones import SHAPES
from examples import source
from interleaved import Different, PartFailed, Question, Row, Runner
from page import loses, page
from settings import Settings

from seqgpt_jax.console.progress import progress_bar

SCRIPTS = ("training_step", "training_rate", "decoding", "products", "startup", "folders", "preparation")
# Of what the numbers of each depend on, what is stored with them.
MADE_WITH = dict.fromkeys(SCRIPTS, ("weights", "data")) | {"products": (), "folders": ("weights",)}
MADE_WITH |= {"startup": ("weights",), "preparation": ("data",)}
RESULTS = Path(__file__).parents[1] / "results"


def parse(argv: list[str] | None, only: str | None) -> argparse.Namespace:
    """The flags."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("--only", default=only or "", help=f"scripts ({', '.join(SCRIPTS)}), or words in a name")
    parser.add_argument("--device", choices=("cpu", "gpu"), default="cpu")
    parser.add_argument("--threads", type=int, default=cores, help="cores of every process (default: all)")
    parser.add_argument("--repeats", type=int, help="processes of each side (default 3, with --smoke 1)")
    parser.add_argument("--backbones", default="", help=f"of {', '.join(SHAPES)} (default: some for each question)")
    parser.add_argument("--dtypes", help="float32, bfloat16 (default float32; on a GPU bfloat16)")
    parser.add_argument("--gguf", type=Path, help="real weights of SmolLM2-135M (extra `gguf`)")
    parser.add_argument("--model", type=Path, help="folder of an export, measured in place of the backbones")
    parser.add_argument("--folder", type=Path, default=Path("runs/speed"), help="of models, data and finished parts")
    parser.add_argument("--output", type=Path, help="FILE, without ending: .json and .md are written")
    parser.add_argument("--smoke", action="store_true", help="tiny sizes: whether all runs, not how fast")
    parser.add_argument("--again", action="store_true", help="repeat parts that are finished")
    args = parser.parse_args(argv)
    args.backbones = tuple(filter(None, args.backbones.split(",")))
    args.dtypes = tuple((args.dtypes or {"cpu": "float32", "gpu": "bfloat16"}[args.device]).split(","))
    if unknown := [*set(args.backbones) - set(SHAPES), *set(args.dtypes) - {"float32", "bfloat16"}]:
        parser.error(f"unknown: {unknown[0]}; --backbones are of {', '.join(SHAPES)}, --dtypes of float32, bfloat16")
    if not 1 <= args.threads <= cores:
        parser.error(f"--threads must be between 1 and {cores}, the cores of this machine")
    if args.repeats is not None and args.repeats < 1:
        parser.error("--repeats must be at least 1")
    if args.gguf and not args.gguf.is_file():
        parser.error(f"--gguf={args.gguf} is no file")
    if args.model and not (args.model / "config.json").is_file():
        parser.error(f"--model={args.model} is no exported folder: `python -m seqgpt_jax.export` makes one of a run")
    if args.model and (args.gguf or args.backbones):
        parser.error("--model is measured in place of --backbones and --gguf: give one of them")
    return args


def selected(settings: Settings, only: str) -> list[Question]:
    """The questions of one script, or those with `only` in their name; all without it."""
    found = [one for script in SCRIPTS for one in importlib.import_module(script).questions(settings)]
    chosen = [one for one in found if not only or one.script == only or only in one.name]
    if not chosen:
        raise SystemExit(
            f"--only={only} is in no name: scripts are {', '.join(SCRIPTS)}; names are\n  "
            + "\n  ".join(one.name for one in found)
        )
    return chosen


def main(argv: list[str] | None = None, only: str | None = None) -> None:
    """Runs what is selected and writes the results."""
    args = parse(argv, only)
    folder = (args.folder / ("smoke" if args.smoke else "full")).resolve()
    commit = machine.commit()
    run_folder = folder / f"{commit}-{args.device}-{args.threads}"
    if args.again:
        (run_folder / "parts.jsonl").unlink(missing_ok=True)
    settings = Settings(
        folder,
        args.device,
        args.threads,
        args.repeats or (1 if args.smoke else 3),
        args.backbones,
        args.dtypes,
        str(args.gguf.resolve()) if args.gguf else None,
        str(args.model.resolve()) if args.model else None,
        args.smoke,
    )
    settings.data_folder().mkdir(parents=True, exist_ok=True)
    made_with = {"weights": "random, published shapes", "data": source()}
    if args.gguf:
        made_with["weights"] = f"SmolLM2-135M of {args.gguf.name}, others random"
    elif args.model:
        made_with["weights"] = f"of an export, {args.model.name}"
    facts = {**machine.describe(args.threads), "device": args.device, "load": os.getloadavg()[0]}
    asked = selected(settings, args.only)
    runner = Runner(run_folder, args.threads, args.device, folder / "compiled")
    rows: list[tuple[Row, dict[str, str]]] = []
    failures: list[str] = []
    done, total = 0, sum(len(one.runs()) for one in asked)
    with progress_bar("speed") as progress:
        for question in asked:
            try:
                found, done = runner.ask(question, progress, done, total)
            except (PartFailed, Different) as error:
                failures.append(f"{question.name}: {error}")
                done += len(question.runs())
                continue
            rows += [(row, {name: made_with[name] for name in MADE_WITH[question.script]}) for row in found]
            for row in found:
                print(text_of(row), flush=True)
    entries = [row.to_json(facts | of, commit) for row, of in rows]
    print(json.dumps({"machine": facts, "commit": commit, "rows": len(rows), "lost": sum(map(loses, entries))}))
    output = args.output or (run_folder / "speed" if args.smoke else RESULTS / "speed")
    write(output, entries)
    print(f"{output}.json, {output}.md")
    if failures:
        raise SystemExit(f"{len(failures)} of {len(asked)} questions have no result:\n" + "\n".join(failures))


def text_of(row: Row) -> str:
    """A row as one line of the terminal."""
    peer = "" if row.peer is None else f", peer {row.peer:.4g}, ratio {row.ratio:.2f}"
    goal = "" if row.goal is None else f", goal {row.goal:g} {'reached' if row.met() else 'MISSED'}"
    return f"{row.name}: {row.ours:.4g} {row.unit}{peer}{goal}{row.note and '; ' + row.note}"


def write(output: Path, entries: list[dict[str, Any]]) -> None:
    """Writes both files; rows of other names stay as they are stored."""
    output.parent.mkdir(parents=True, exist_ok=True)
    path = output.with_name(output.name + ".json")
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def key(entry: dict[str, Any]) -> tuple[str, str, str]:
        return entry["name"], entry["machine"]["processor"], entry["machine"]["device"]

    merged = {key(entry): entry for entry in [*stored, *json.loads(json.dumps(entries))]}
    path.write_text(json.dumps(list(merged.values()), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    output.with_name(output.name + ".md").write_text(page(list(merged.values())), encoding="utf-8")


if __name__ == "__main__":
    main()
