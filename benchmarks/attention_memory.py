"""Memory of a training step with each attention, as the TPU compiler reports it; no TPU is needed.

    pip install 'libtpu==0.0.42.*'
    python benchmarks/attention_memory.py --size=bloomz_1b7 --topology=v5e:4x4 --rows=4

Compiles the step (all layers, full remat, AdamW, FSDP over all chips) for each attention and length, and writes
benchmarks/results/attention_memory.{json,md}. The vocabulary is cut to 1,024: the most memory is used either in the
blocks or at the head, whichever needs more, and with the whole vocabulary the head, which is the same for all, would
hide the blocks at short lengths. One to two minutes for each program on two idle cores.
"""

import argparse
import dataclasses
import json
import os
import re
from pathlib import Path
from typing import Any

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ.setdefault("TPU_SKIP_MDS_QUERY", "1")  # libtpu would ask the cloud about this machine
os.environ.setdefault("ALLOW_MULTIPLE_LIBTPU_LOAD", "1")  # nothing runs on a chip, so compilers may share the machine

import jax
import jax.numpy as jnp
from jax.experimental import topologies
from jax.sharding import Mesh

from seqgpt_jax.models.bloom_config import ATTENTION, BloomConfig
from seqgpt_jax.models.parameters import abstract, params_of
from seqgpt_jax.models.sharding import ShardingRules, use_sharding
from seqgpt_jax.training.optimizer import OptimizerConfig, make_optimizer, make_schedule
from seqgpt_jax.training.partitioning import MeshConfig, make_mesh
from seqgpt_jax.training.step import TrainState, make_train_step

RESULTS = Path(__file__).parent / "results"
CONFIGS = Path(__file__).parent.parent / "configs" / "models"
VOCABULARY = 1024
GIB = 1 << 30


def model_config(name: str, **settings: Any) -> BloomConfig:
    """The sizes of `configs/models/NAME.gin`, with `settings`."""
    text = (CONFIGS / f"{name}.gin").read_text(encoding="utf-8")
    sizes = {key: int(value) for key, value in re.findall(r"^Model\.(\w+) = (\d[\d_]*)$", text, flags=re.MULTILINE)}
    return BloomConfig(**sizes, **settings)


def compile_step(config: BloomConfig, mesh: Mesh, rows: int, length: int) -> jax.stages.Compiled:
    """The train step for `rows` rows of `length` tokens a chip, of which a quarter are predicted."""
    rules = ShardingRules()
    schedule = make_schedule(OptimizerConfig(), 100)
    optimizer = make_optimizer(OptimizerConfig(), schedule)
    params = params_of(abstract(config))
    state = TrainState(jax.ShapeDtypeStruct((), jnp.int32), params, jax.eval_shape(optimizer.init, params))
    row = jax.ShapeDtypeStruct((mesh.size * rows, length), jnp.int32)
    targets = jax.ShapeDtypeStruct((mesh.size * rows, length // 4), jnp.int32)
    batch = {
        "tokens": row,
        "positions": row,
        "segment_ids": row,
        "target_positions": targets,
        "target_ids": targets,
        "target_families": targets,
        "target_weights": jax.ShapeDtypeStruct(targets.shape, jnp.float32),
    }
    # Outside the mesh, as it computes small things at once, and these devices cannot.
    step = make_train_step(config, optimizer, schedule, mesh, rules=rules)
    with use_sharding(mesh, rules):
        return step.lower(state, batch).compile()


def measure(config: BloomConfig, mesh: Mesh, rows: int, length: int) -> dict[str, Any]:
    """Bytes a chip and the number of kernels, or what the compiler says where the program does not fit."""
    result: dict[str, Any] = {"attention": config.attention, "length": length}
    try:
        compiled = compile_step(config, mesh, rows, length)
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        needed = re.search(r"Used ([\d.]+)G of ([\d.]+)G hbm", str(error))
        result |= {"fits": False, "needed": needed.group(0) if needed else str(error).splitlines()[0]}
    else:
        memory = compiled.memory_analysis()
        result |= {
            "fits": True,
            "argument_bytes": memory.argument_size_in_bytes,
            "temporary_bytes": memory.temp_size_in_bytes,
            "kernels": len(re.findall(r'custom_call_target="tpu_custom_call"', compiled.as_text())),
        }
    return result


def table(results: list[dict[str, Any]], lengths: list[int]) -> str:
    """A Markdown table: GiB of temporaries by attention and length."""
    lines = [f"| attention | {' | '.join(f'{n:,} tokens' for n in lengths)} |", "|---" * (1 + len(lengths)) + "|"]
    for attention in ATTENTION:
        cells = [
            f"{one['temporary_bytes'] / GIB:.2f}" if one["fits"] else f"does not fit: {one['needed']}"
            for one in results
            if one["attention"] == attention
        ]
        lines.append(f"| {attention} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Compiles everything and writes the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="bloomz_1b7", help="a file of configs/models/")
    parser.add_argument("--topology", default="v5e:4x4")
    parser.add_argument("--rows", type=int, default=4, help="rows a chip")
    parser.add_argument("--lengths", type=int, nargs="+", default=[1024, 2048, 4096])
    args = parser.parse_args()
    devices = topologies.get_topology_desc(platform="tpu", topology_name=args.topology).devices
    mesh = make_mesh(MeshConfig(), devices)
    config = dataclasses.replace(model_config(args.size, dtype="bfloat16", remat="full"), vocab_size=VOCABULARY)
    results = []
    for attention in ATTENTION:
        for length in args.lengths:
            results.append(measure(dataclasses.replace(config, attention=attention), mesh, args.rows, length))
            print(json.dumps(results[-1]), flush=True)

    command = f"python benchmarks/attention_memory.py --size={args.size} --topology={args.topology} --rows={args.rows}"
    command += f" --lengths {' '.join(map(str, args.lengths))}"
    chips = f"{mesh.size} x {devices[0].device_kind}"
    write(command, chips, args, results)


def write(command: str, chips: str, args: argparse.Namespace, results: list[dict[str, Any]]) -> None:
    """Writes both files."""
    RESULTS.mkdir(exist_ok=True)
    result = {"command": command, "chips": chips, "jax": jax.__version__, "results": results}
    (RESULTS / "attention_memory.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    text = f"""# Memory of a training step by attention

`{command}`

Temporaries a chip, in GiB, as the compiler (jax {jax.__version__}) reports them for {chips} ({args.topology}), on a
machine without a TPU; nothing ran. {args.size} with a vocabulary of {VOCABULARY:,}, which leaves the blocks; bfloat16,
full remat, FSDP over all chips, {args.rows} rows a chip.

{table(results, args.lengths)}
"""
    (RESULTS / "attention_memory.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
