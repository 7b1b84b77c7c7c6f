"""Speed and memory of `prepare` on the real mixture, stage by stage and as a whole.

    export SEQGPT_DATA_DIR=~/datasets
    python benchmarks/prepare_speed.py --output=benchmarks/results/prepare_speed

Everything is measured in one run, side by side. The tokenizer has 250,681 ids like BLOOM's, trained
on the mixture itself (the published one is not redistributed here). Memory is measured on
texts written for it, once and four times as many.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from etils import epath

from seqgpt_jax.atomic import Instance, families
from seqgpt_jax.data.prepare.config import PrepareConfig
from seqgpt_jax.data.prepare.label_stats import LabelStats, collect_label_stats
from seqgpt_jax.data.prepare.pipeline import prepare
from seqgpt_jax.data.prepare.resolved import ResolvedPreparation
from seqgpt_jax.data.prepare.shards import Shard, ShardReport, ShardWriter, TaskFacts, render_shard, shards
from seqgpt_jax.data.prepare.state import PreparationState
from seqgpt_jax.data.prepare.training_text import training_strings
from seqgpt_jax.data.prepare.workers import available_cores
from seqgpt_jax.data.raw.files import read_instances
from seqgpt_jax.data.raw.task_spec import TaskSpec
from seqgpt_jax.data.store import StoreWriter, TrainStore
from seqgpt_jax.data.tokenizer import encoder_of, train_tokenizer
from seqgpt_jax.io.tokenizer import load_tokenizer, save_tokenizer
from seqgpt_jax.tasks import find

IDS = 250_681


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mixture", default="ft_cpu")
    parser.add_argument("--tokenizer", type=Path, help="a folder to keep the tokenizer in (default: none is kept)")
    parser.add_argument("--output", type=Path, required=True, help="FILE, without ending: .json and .md are written")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config = PrepareConfig(
            args.mixture, tokenizer=str(args.tokenizer or f"{folder}/tokenizer"), output_dir=folder, subsets=True
        )
        specs = find(config)
        if not Path(config.tokenizer).exists():
            print(f"training a tokenizer of {IDS:,} ids …", flush=True)
            save_tokenizer(train_tokenizer(training_strings(config, specs), IDS), Path(config.tokenizer))
        tokenizer = load_tokenizer(config.tokenizer, "[GEN]")
        stages, cores = _stages(config, specs, tokenizer), available_cores()
        whole = {
            workers: _whole(replace(config, output_dir=f"{folder}/by-{workers}", workers=workers), specs, tokenizer)
            for workers in sorted({1, cores})
        }
    memory = [_in_another_process(number) for number in (50_000, 200_000)]
    result = {
        "mixture": args.mixture,
        "ids": len(tokenizer),
        "cores": cores,
        "load": os.getloadavg()[0],
        "stages_one_core": stages,
        "whole_by_workers": whole,
        "memory": memory,
    }
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    args.output.with_suffix(".md").write_text(_page(result), encoding="utf-8")
    print(_page(result))


def _seconds(work: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _stages(config: PrepareConfig, specs: list[TaskSpec], tokenizer) -> dict[str, dict[str, float]]:
    """CPU seconds of each stage, every one alone on one core."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    folder, encoder = config.data_folder(), encoder_of(tokenizer)
    totals = dict.fromkeys(
        ("parse", "read again", "count labels", "sample and render", "tokenize", "sample to write"), 0.0
    )
    examples = tokens = 0
    store = StoreWriter(epath.Path(config.output_dir) / "stages")
    state = PreparationState(store.folder / "state")
    state.write_encoder(encoder)
    write = ShardWriter(store, state, config, [TaskFacts.of(spec) for spec in specs])
    for number, spec in enumerate(specs):

        def parse(spec: TaskSpec = spec) -> None:
            for split in spec.splits:
                state.write_instances(spec.name, split, read_instances(spec, split, folder))

        def read(spec: TaskSpec = spec) -> int:
            return sum(1 for split in spec.splits for _ in state.instances(spec.name, split))

        def count(spec: TaskSpec = spec) -> LabelStats:
            return collect_label_stats(spec, config, lambda split: state.instances(spec.name, split))

        totals["parse"] += _seconds(parse)[0]
        totals["read again"] += _seconds(read)[0]
        seconds, stats = _seconds(count)
        totals["count labels"] += seconds
        state.write_label_stats(number, stats)
        of_task = list(shards(state.instances(spec.name, config.split), stats, task=number))

        def render(of_task: list[Shard] = of_task, stats: LabelStats = stats) -> list:
            return [row for shard in of_task for row in render_shard(shard, stats.label_set, config, ShardReport())]

        seconds, rows = _seconds(render)
        totals["sample and render"] += seconds
        prompts, targets = [row[2] for row in rows], [row[3] for row in rows]
        seconds, ids = _seconds(lambda p=prompts, t=targets: encoder.encode(p) + encoder.encode(t))
        totals["tokenize"] += seconds
        examples, tokens = examples + len(rows), tokens + sum(map(len, ids))
        totals["sample to write"] += _seconds(lambda of_task=of_task: [write(shard) for shard in of_task])[0]
    del os.environ["TOKENIZERS_PARALLELISM"]
    return {
        stage: {
            "cpu_seconds": round(seconds, 2),
            "examples_per_second": round(examples / seconds),
            "tokens_per_second": round(tokens / seconds),
        }
        for stage, seconds in totals.items()
    }


def _whole(config: PrepareConfig, specs: list[TaskSpec], tokenizer) -> dict[str, float]:
    """Wall and CPU seconds of the whole command but for the loading of libraries and of the tokenizer."""
    before = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    start = time.perf_counter()
    store = TrainStore(prepare(ResolvedPreparation(config, specs, tokenizer)))
    wall = time.perf_counter() - start
    after = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu = sum(a.ru_utime + a.ru_stime - b.ru_utime - b.ru_stime for a, b in zip(after, before, strict=True))
    tokens = sum(task["tokens"] for task in store.manifest["tasks"].values())
    examples = store.manifest["examples"]
    return {
        "examples": examples,
        "tokens": tokens,
        "wall_seconds": round(wall, 2),
        "cpu_seconds": round(cpu, 2),
        "examples_per_second": round(examples / wall),
        "tokens_per_second": round(tokens / wall),
    }


def _generated(number: int) -> Callable[[str, tuple[Path, ...]], Iterator[Instance]]:
    def read(split: str, paths: tuple[Path, ...]) -> Iterator[Instance]:
        for i in range(number):
            city = f"city {i % 997}"
            text = f"Passenger {i} of {i % 31} left {city} on day {i % 365}. " + "It was a long way to go. " * 12
            yield families.spans_by_label(str(i), text, [(f"place kind {i % 5000}", city)])

    return read


def memory_of(number: int) -> dict[str, float]:
    """Peak resident memory of this process, which writes a store of so many instances, and how large that is."""
    with tempfile.TemporaryDirectory() as folder:
        spec = TaskSpec("made", "NER", "en", "ext", {"train": ()}, _generated(number))
        config = PrepareConfig("made", tokenizer="-", output_dir=folder, workers=1)
        sample = (item.text for item in _generated(2000)("train", ()))
        store = Path(prepare(ResolvedPreparation(config, [spec], train_tokenizer(sample, 2000))))
        size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"instances": number, "store_mib": round(size / 2**20, 1), "peak_mib": round(peak, 1)}


def _in_another_process(number: int) -> dict[str, float]:
    # As a module: a fingerprint names the code of a reader, and code of __main__ has no name that lasts.
    code = f"import json, prepare_speed; print(json.dumps(prepare_speed.memory_of({number})))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _page(result: dict) -> str:
    lines = [
        f"# `prepare` on the mixture `{result['mixture']}`",
        "",
        f"`python benchmarks/prepare_speed.py`: {result['cores']} cores, {result['ids']:,} ids, no quota.",
        "",
        "| stage, alone on one core | CPU seconds | examples/s | tokens/s |",
        "|---|---:|---:|---:|",
    ]
    for stage, row in result["stages_one_core"].items():
        numbers = row["cpu_seconds"], row["examples_per_second"], row["tokens_per_second"]
        lines.append(f"| {stage} | {numbers[0]} | {numbers[1]:,} | {numbers[2]:,} |")
    lines += ["", "| whole, by workers | wall s | CPU s | examples/s | tokens/s |", "|---|---:|---:|---:|---:|"]
    for workers, row in result["whole_by_workers"].items():
        lines.append(
            f"| {workers} | {row['wall_seconds']} | {row['cpu_seconds']} | {row['examples_per_second']:,} "
            f"| {row['tokens_per_second']:,} |"
        )
    lines += ["", "| instances (texts written for it) | store MiB | peak memory MiB |", "|---:|---:|---:|"]
    lines += [f"| {row['instances']:,} | {row['store_mib']} | {row['peak_mib']} |" for row in result["memory"]]
    lines += ["", f"Load of the machine at the end: {result['load']:.1f}. One worker tokenizes on all cores."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
