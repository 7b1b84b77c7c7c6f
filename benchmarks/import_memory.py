"""Peak host memory of import, loading and export, each in a process of its own. Linux only.

    python benchmarks/import_memory.py --output=benchmarks/results/import_memory

Makes random checkpoints in a temporary folder (13 GB of disk at a time): BLOOM-3b as it is published (bfloat16, files
of about 1 GB, a tokenizer of BLOOM's size), and BLOOM-560m as such a folder and as a run with float32 weights.
`--before=FILE.json` sets the results of an earlier version beside the new ones. From /proc/PID/status:

    peak        VmHWM: the most memory that was resident, mapped pages of files included
    anonymous   the most RssAnon that was seen, looked up every 5 ms: what the process itself holds
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from seqgpt_jax import command_line

GB = 10**9
IDS = 250_680  # of BLOOM's tokenizer
PYTHON = [sys.executable]
THIS = [sys.executable, __file__]


@dataclass(frozen=True)
class Case:
    """What is measured: a command, and the bytes of the weights that it deals with, to which memory is compared."""

    name: str
    command: list[str]
    bytes: int
    devices: int = 1


def main() -> None:
    """Makes what is needed, measures and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, help="FILE, without ending: .json and .md are written")
    parser.add_argument("--before", type=Path, help="the .json of an earlier version")
    parser.add_argument("--only", default="", help="only cases with this word in their name")
    for name, kind in {"published": Path, "run": Path, "load": Path, "size": str}.items():
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)  # of the processes that this one starts
    args = parser.parse_args()
    if args.published:
        make_published(args.published, config_of(args.size))
    elif args.run:
        make_run(args.run, config_of(args.size))
    elif args.load:
        load(args.load)
    else:
        results = measure_all(args.only)
        before = json.loads(args.before.read_text(encoding="utf-8"))["cases"] if args.before else {}
        result = {"cases": results, "before": before}
        page = to_page(result)
        print(page)
        if args.output:
            args.output.parent.mkdir(parents=True, exist_ok=True)
            args.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
            args.output.with_suffix(".md").write_text(page, encoding="utf-8")


def measure_all(only: str) -> dict[str, dict[str, float]]:
    """The numbers of each case whose name has the word `only`."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        output = f"{folder}/out"
        for kind, size in (("published", "3b"), ("published", "560m"), ("run", "560m")):
            source = f"{folder}/{kind}"
            cases = [case for case in cases_of(kind, size, source, output) if only in case.name]
            if cases:
                subprocess.run([*THIS, f"--{kind}={source}", f"--size={size}"], check=True)
            for case in cases:
                print(f"{case.name} …", flush=True)
                results[case.name] = measure(case)
                shutil.rmtree(output, ignore_errors=True)
            shutil.rmtree(source, ignore_errors=True)
    return results


def cases_of(kind: str, size: str, source: str, output: str) -> list[Case]:
    """What is measured with a folder of that kind and size."""
    params = config_of(size).num_params()
    if kind == "run":
        command = [*PYTHON, "-m", "seqgpt_jax.export", f"--model={source}", f"--output={output}"]
        return [Case(f"export, {size} run to bfloat16", command, 2 * params)]
    if size == "3b":
        command = [*PYTHON, "-m", "seqgpt_jax.import_hf", f"--source={source}", f"--output={output}"]
        return [Case(f"import_hf, {size} in bfloat16", command, 2 * params)]
    return [
        Case(f"load, {size} to float32, devices: {devices}", [*THIS, f"--load={source}"], 4 * params, devices)
        for devices in (1, 8)
    ]


def measure(case: Case) -> dict[str, float]:
    """Runs the command; its memory."""
    flags = f"--xla_force_host_platform_device_count={case.devices}"
    environment = os.environ | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags, "TF_CPP_MIN_LOG_LEVEL": "3"}
    process = subprocess.Popen(case.command, env=environment)
    peak = anonymous = 0
    while process.poll() is None:
        values = status(process.pid)
        peak = max(peak, values.get("VmHWM", 0))
        anonymous = max(anonymous, values.get("RssAnon", 0))
        time.sleep(0.005)
    if process.returncode:
        raise SystemExit(f"{' '.join(case.command)} ended with {process.returncode}")
    return {
        "weights_gb": round(case.bytes / GB, 2),
        "peak_gb": round(peak / GB, 2),
        "anonymous_gb": round(anonymous / GB, 2),
        "peak_over_weights": round(peak / case.bytes, 2),
    }


def status(pid: int) -> dict[str, int]:
    """Bytes by name; nothing of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    words = [line.split() for line in lines if line.endswith(" kB")]
    return {line[0].rstrip(":"): int(line[1]) * 1024 for line in words}


def config_of(size: str) -> Any:
    """The `BloomConfig` of configs/models/."""
    parser = command_line.parser("")
    return command_line.parse(parser, [f"--gin_file=bloomz_{size}.gin"], uses=("Model",))[1].build("Model")


def make_published(folder: Path, config: Any) -> None:
    """A Hugging Face folder with random weights, file by file: no more than one of them is in memory."""
    import ml_dtypes
    import numpy as np
    from safetensors.numpy import save_file

    from seqgpt_jax.models.registry import family

    rng = np.random.default_rng(0)
    folder.mkdir()
    tensors = family(config.architecture).key_map(config).tensors()
    names = {key.hf.format(layer): key.hf_shape for key, layer in tensors}
    files, held = [[]], 0
    for name, shape in names.items():
        if held > GB:
            files, held = [*files, []], 0
        files[-1].append(name)
        held += 2 * int(np.prod(shape))
    weight_map = {}
    for number, part in enumerate(files, start=1):
        file = f"model-{number:05}-of-{len(files):05}.safetensors"
        tensors = {}
        for name in part:
            bits = rng.integers(0, 2**16, names[name], np.uint16)
            bits &= 0x80FF  # sign, last bit of the exponent, fraction: ± 0.008 to 0.03
            bits |= 0x3C00
            tensors[name] = bits.view(ml_dtypes.bfloat16)
        save_file(tensors, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}), encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config.to_hf()), encoding="utf-8")
    tokenizer().save_pretrained(str(folder))


def make_run(folder: Path, config: Any) -> None:
    """A run folder with one checkpoint of random float32 weights."""
    import orbax.checkpoint as ocp

    from seqgpt_jax.io import model_folder
    from seqgpt_jax.models.parameters import create, params_of

    folder.mkdir()
    model_folder.save_run_config(folder, config)
    tokenizer().save_pretrained(str(folder / model_folder.TOKENIZER_FOLDER))
    params = params_of(create(config))
    with ocp.CheckpointManager(folder / model_folder.CHECKPOINTS_FOLDER, item_names=("params",)) as manager:
        manager.save(1, args=ocp.args.Composite(params=ocp.args.StandardSave(params)))


def tokenizer() -> Any:
    """Byte-level BPE with as many ids as BLOOM's, all of three bytes or fewer, and `[GEN]`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    from seqgpt_jax.atomic import GEN
    from seqgpt_jax.io.tokenizer import add_special_token

    special = ["<unk>", "<s>", "</s>", "<pad>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = list(product(letters, letters))
    triples = (("".join(pair), letter) for pair, letter in product(pairs, letters))
    merges = [*pairs, *islice(triples, IDS - len(special) - len(letters) - len(pairs))]
    words = [*special, *letters, *map("".join, merges)]
    made = Tokenizer(models.BPE({word: number for number, word in enumerate(words)}, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>", pad_token="<pad>"
    )
    add_special_token(fast, GEN)
    return fast


def load(folder: Path) -> None:
    """What `train` does with `Train.init_from`."""
    import jax
    from flax import nnx

    from seqgpt_jax.io import model_folder
    from seqgpt_jax.models.sharding import ShardingRules
    from seqgpt_jax.training.partitioning import MeshConfig, make_mesh

    mesh = make_mesh(MeshConfig())
    model = model_folder.load(folder, mesh=mesh, rules=ShardingRules()).model
    jax.block_until_ready(nnx.state(model))


def to_page(result: dict[str, Any]) -> str:
    lines = [
        "# Host memory of import, loading and export",
        "",
        "`python benchmarks/import_memory.py --output=benchmarks/results/import_memory`: peak resident memory with the",
        "mapped pages of files, and of it what the process itself holds (anonymous). Each in a process of its own; all",
        "devices are of one CPU, so a load on 8 devices holds all parts of the model.",
        "",
        "| | weights GB | peak GB | anonymous GB | peak / weights |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, row in result["cases"].items():
        versions = [(name, row)]
        if name in result["before"]:
            versions.append(("— before", result["before"][name]))
        for label, numbers in versions:
            lines.append(f"| {label} | " + " | ".join(map(str, numbers.values())) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
