"""Which size trains on which TPU slice: memory, roofline step time and MFU, compiled without a TPU.

    python benchmarks/plan_table.py                     # rows that are missing; a minute or more each
    python benchmarks/plan_table.py --only=7b1 --again  # those whose name holds 7b1, anew

Runs `python -m seqgpt_jax.plan --json` for each row and writes benchmarks/results/plan_table.{json,md} after each.
"""

import argparse
import importlib.metadata
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from seqgpt_jax.planning.tpu_compiler import find_compiler

RESULTS = Path(__file__).parent / "results"
GIB = 1 << 30
SLICES = {"v4-8": "v4:2x2x1", "v5e-16": "v5e:4x4", "v5e-64": "v5e:8x8", "v5p-16": "v5p:2x2x2", "v6e-16": "v6e:4x4"}
# Recipes ft_SIZE.gin, and the slices that they are compiled for.
SIZES = {
    **dict.fromkeys(("560m", "1b7", "3b", "7b1"), tuple(SLICES)),
    **dict.fromkeys(("qwen3_0_6b", "qwen3_1_7b", "qwen3_4b", "qwen3_8b"), ("v5e-16", "v6e-16")),
    **dict.fromkeys(("smollm2_135m", "smollm2_360m", "smollm2_1_7b", "llama3_2_1b", "llama3_2_3b"), ("v5e-16",)),
    **dict.fromkeys(("gemma3_270m", "gemma3_1b"), ("v5e-16",)),
}
ROWS_PER_CHIP = 4  # as in the recipes, which are for OWN
OWN = "v5e-16"
# With other settings, and a recipe with a slice of its own.
BY_NAME = {
    "7b1 v4-8, bfloat16 moments": [
        "--gin_file=ft_7b1.gin",
        "--topology=v4:2x2x1",
        "--gin.Train.batch_size=16",
        "--gin.Optimizer.moment_dtype=bfloat16",
    ],
    "7b1 v5e-256": ["--gin_file=ft_7b1.gin", "--topology=v5e:16x16", "--gin.Train.batch_size=1024"],
    "176b v5p-512": ["--gin_file=ft_176b.gin", "--topology=v5p:4x8x8"],
}


def rows() -> dict[str, list[str]]:
    """Name of each row -> flags of the command, family by family, smaller models first."""
    made = {}
    for size, names in SIZES.items():
        for name in names:
            topology = SLICES[name]
            batch = ROWS_PER_CHIP * math.prod(map(int, topology.partition(":")[2].split("x")))
            more = [] if name == OWN else [f"--gin.Train.batch_size={batch}"]
            made[f"{size} {name}"] = [f"--gin_file=ft_{size}.gin", f"--topology={topology}", *more]
    return {name: [*words, "--examples=1_000_000"] for name, words in (made | BY_NAME).items()}


def plan(words: list[str]) -> dict[str, Any]:
    """What the command says; SystemExit where it fails for another reason than memory."""
    print("$ python -m seqgpt_jax.plan", *words, flush=True)
    done = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.plan", *words, "--json"], capture_output=True, text=True, check=False
    )
    if not done.stdout:  # 1 is the exit code of what does not fit, and of what breaks down
        sys.exit(done.stderr)
    return {"command": f"python -m seqgpt_jax.plan {' '.join(words)}", **json.loads(done.stdout)}


def main() -> None:
    """Fills the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--again", action="store_true", help="also rows that are there already")
    args = parser.parse_args()
    path = RESULTS / "plan_table.json"
    result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"rows": {}}
    for name, words in rows().items():
        if args.only not in name or (name in result["rows"] and not args.again):
            continue
        result["rows"][name] = plan(words)
        result["versions"] = versions()
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "plan_table.md").write_text(table(result), encoding="utf-8")


def versions() -> dict[str, str]:
    """Of JAX and of the compiler."""
    folder = str(find_compiler().parents[1])
    compiler = next(iter(importlib.metadata.distributions(name="libtpu", path=[folder])))
    return {"jax": importlib.metadata.version("jax"), "libtpu": compiler.version}


def table(result: dict[str, Any]) -> str:
    """The rows as Markdown."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    lines = [
        "# Sizes and slices",
        "",
        "`python benchmarks/plan_table.py`: the recipe of each size (`ft_SIZE.gin`; `pt_SIZE.gin` trains the same "
        f"step) on its own slice, {OWN}, and with {ROWS_PER_CHIP} rows a chip on others, compiled by the TPU's "
        f"compiler on a machine without TPU ({versions}). Times are a roofline of data-sheet numbers, an estimate to "
        "compare designs by, not measurements. Bytes are of all kinds added up: where they are more than a chip has "
        "and yet fit, temporaries take each other's place. Full rematerialization (3b and larger, and SmolLM2-1.7B) "
        "computes a third more than it needs to, which keeps MFU at most at 77 % here. Hours are for a million "
        "examples of 200 tokens, times the recipe's epochs. Targets are those that a row has room for: of two rows of "
        "one length, the one with more of them is from before packing filled rows in proportion, and a little too "
        "slow.",
        "",
        "BLOOM adds its biases in float32 since commit 0700cfc, as their gradients were 1 % off in bfloat16. 3b v5e-16 "
        "compiled before and after it, with the same targets: temporaries 6.11 and 6.51 GB, added up, and the peak of "
        "the memory in use, which decides what fits, 6.46 and 6.41 GB; step time unchanged.",
        "",
        "| size, slice | mesh | batch x length | targets | GiB a chip | of | fits | step, s | MFU | limit | hours "
        "| chip-hours |",
        "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | --- | ---: | ---: |",
    ]
    for name in (name for name in rows() if name in result["rows"]):
        row = result["rows"][name]
        mesh = " x ".join(f"{axis} {size}" for axis, size in row["mesh"].items() if size > 1)
        sizes = row["bytes_per_chip"]
        needed = sizes.get("total", sizes.get("needed", math.nan))
        cells = [
            name,
            mesh,
            f"{row['batch_size']} x {row['length']:,}",
            row["target_capacity"],
            f"{needed / GIB:.1f}",
            f"{row['hbm_bytes'] / GIB:g}",
        ]
        if row["fits"]:
            cells += ["yes", f"{row['roofline_step_seconds']:.3f}", f"{row['roofline_mfu']:.0%}", row["limit"]]
            cells += [f"{row['hours']:.1f}", f"{row['chip_hours']:,.0f}"]
        else:
            cells += ["no", *[""] * 5]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
