"""Speed of SeqIO over a prepared store: set-up, examples per second, and whether the process ends.

    export SEQGPT_DATA_DIR=~/datasets
    python -m seqgpt_jax.prepare --gin_file=ft_cpu.gin --gin.Prepare.quota=1000 --gin.Prepare.max_instances=None \\
        --gin.Prepare.epochs=2
    python benchmarks/seqio_speed.py --store=prepared/ft_cpu.train.FINGERPRINT --before=OLD/.venv/bin/python

Each measurement is a process of its own. `--before` is the interpreter of a checkout of commit a965159, where SeqIO's
tasks rendered raw files on the fly: the same mixture with the same settings is read there, after the new code, on the
same machine. Writes benchmarks/results/seqio_speed.{json,md}.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
FAREWELL = "measured: "

COMMON = """
import json, os, resource, time
clock = time.perf_counter
start = clock()
import numpy as np
import seqio
from seqgpt_jax.tasks import seqio_tasks
def rate(iterator, seconds, count=lambda element: 1):
    started, examples = clock(), 0
    while clock() - started < seconds:
        examples += count(next(iterator))
    return examples / (clock() - started)
numbers = {"import_seconds": clock() - start}
start = clock()
"""
FIRST = """
iterator = mixture.get_dataset(lengths, split="train", shuffle=True, seed=0, num_epochs=None).as_numpy_iterator()
next(iterator)
numbers["setup_seconds"] = clock() - start
"""
ALIVE = """
print("%s" + json.dumps(numbers), flush=True)
""".replace("%s", FAREWELL)

NEW = (
    COMMON
    + """
mixture = seqio_tasks.register(store=STORE, tokenizer=TOKENIZER)
"""
    + FIRST
    + """
numbers["mixture"] = rate(iterator, SECONDS)
dataset = mixture.get_dataset(lengths, split="train", shuffle=True, seed=0, num_epochs=None)
started = clock()
dataset.take(20_000).reduce(0, lambda number, element: number + 1).numpy()
numbers["mixture, consumed in TensorFlow"] = 20_000 / (clock() - started)
task = max(mixture.tasks, key=lambda task: task.num_input_examples("train"))
single = task.get_dataset(lengths, split="train", shuffle=True, seed=0, num_epochs=None).as_numpy_iterator()
next(single)
numbers["one task, with texts"] = rate(single, SECONDS)
converter = seqio.PrefixLMFeatureConverter(pack=True)
packed = seqio.get_dataset(
    mixture, {"inputs": 768, "targets": 256}, converter, "train", shuffle=True, seed=0, num_epochs=None, batch_size=8
).as_numpy_iterator()
segments = lambda batch: int(batch["decoder_segment_ids"].max(axis=1).sum())
next(packed)
numbers["packed by SeqIO to rows of 1,024"] = rate(packed, SECONDS, segments)
from seqgpt_jax.data.store import TrainStore
store = TrainStore(STORE)
order = np.random.default_rng(0).permutation(store.manifest["examples"])
started, examples = clock(), 0
while clock() - started < SECONDS:
    at = examples % (len(order) - 512)
    examples += len(store.read(0, order[at : at + 512]))
numbers["the store itself, random order"] = examples / (clock() - started)
numbers["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""
    + ALIVE
)
OLD = (
    COMMON
    + """
seqio_tasks.register(tokenizer=TOKENIZER, **SETTINGS)
mixture = seqio.get_mixture_or_task(MIXTURE)
"""
    + FIRST
    + """
numbers["mixture"] = rate(iterator, SECONDS)
numbers["peak_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
"""
    + ALIVE
)


def measure(python: str, code: str, patience: float) -> dict[str, float | bool]:
    """What a process of its own has measured, and how long it took to end afterwards (None: it was killed)."""
    variables = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}
    process = subprocess.Popen([python, "-c", code], env=variables, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith(FAREWELL):
            numbers, told = json.loads(line.removeprefix(FAREWELL)), time.perf_counter()
            try:
                process.wait(patience)
                return numbers | {"seconds_to_end": time.perf_counter() - told}
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                return numbers | {"seconds_to_end": None}
    raise SystemExit(f"{python} failed with code {process.wait()}")


def main() -> None:
    """Runs the measurements and writes both files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", required=True, type=Path)
    parser.add_argument("--tokenizer", help="default: what the store's manifest says")
    parser.add_argument("--before", help="interpreter of the old checkout")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    args = parser.parse_args()
    manifest = json.loads((args.store / "manifest.json").read_text(encoding="utf-8"))
    settings = manifest["settings"]
    lengths = {"inputs": settings["max_prompt_tokens"], "targets": settings["max_target_tokens"]}
    fields = ("quota", "seed", "negatives", "max_labels", "max_queries", "max_instances")
    fields += ("min_negative_queries", "max_negative_queries")
    names = {
        "STORE": str(args.store),
        "TOKENIZER": args.tokenizer or manifest["tokenizer"]["path"],
        "MIXTURE": manifest["mixture"],
        "SETTINGS": {name: settings[name] for name in fields},
        "SECONDS": args.seconds,
        "lengths": lengths,
    }
    head = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    load = os.getloadavg()[0]
    result = {"new": measure(sys.executable, head + NEW, patience=60)}
    if args.before:
        result["before"] = measure(args.before, head + OLD, patience=60)
    result["about"] = {
        "mixture": manifest["mixture"],
        "tasks": len(manifest["tasks"]),
        "examples": manifest["examples"],
        "quota": settings["quota"],
        "tokens": manifest["tokenizer"]["tokens"],
        "cores": os.cpu_count(),
        "load_before_and_after": [load, os.getloadavg()[0]],
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "seqio_speed.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "seqio_speed.md").write_text(page(result), encoding="utf-8")
    print(page(result))


def page(result: dict) -> str:
    """The content of seqio_speed.md."""
    about, new, before = result["about"], result["new"], result.get("before", {})

    def cell(numbers: dict, name: str) -> str:
        if name not in numbers:
            return ""
        if numbers[name] is None:
            return "never (killed after 60 s)"
        return f"{numbers[name]:,.0f}" if numbers[name] >= 100 else f"{numbers[name]:.1f}"

    rows = {
        "imports, s": "import_seconds",
        "`register` and `get_dataset` to the first example, s": "setup_seconds",
        "mixture, examples/s, one by one as NumPy": "mixture",
    }
    rows |= {f"{name}, examples/s": name for name in new if not name.endswith(("seconds", "mib", "_end", "mixture"))}
    rows |= {"peak memory, MiB": "peak_memory_mib", "process ends with live iterators after, s": "seconds_to_end"}
    lines = [f"| {title} | {cell(new, name)} | {cell(before, name)} |" for title, name in rows.items()]
    before_load, after_load = about["load_before_and_after"]
    return f"""# SeqIO over the prepared store

`python benchmarks/seqio_speed.py` on the mixture `{about["mixture"]}`: {about["tasks"]} tasks, quota
{about["quota"]:,}, {about["examples"]:,} examples an epoch, {about["tokens"]:,} ids, {about["cores"]} cores.

| | over the store | before: rendered on the fly (commit a965159) |
|---|---:|---:|
{chr(10).join(lines)}

Load of the machine before and after: {before_load:.1f} and {after_load:.1f}.
"""


if __name__ == "__main__":
    main()
