"""Plans a training run on TPUs that are not there: does it fit, what limits it, how long does it take?

    python -m seqgpt_jax.plan --gin_file=ft.gin --topology=v5e:4x4
    python -m seqgpt_jax.plan --gin_file=ft.gin --gin_file=bloom_7b1.gin --topology=v5e:4x4 --examples=1_000_000
    python -m seqgpt_jax.plan --gin_file=ft.gin --topology=v4:2x2x1 --store=prepared/ft_0123456789ab --json
    python -m seqgpt_jax.plan --gin_file=ft.gin --topology=v5e:8x8 --suggest     # a mesh that fits

Compiles the real train step with the TPU's compiler, which takes about a minute and no TPU: pip install '.[plan]'.
The step time is a roofline of data-sheet numbers, an estimate to compare designs by. Where the step does not
fit, the exit code is 1.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from seqgpt_jax import command_line


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--topology", required=True, help="chips along each dimension: v5e:4x4, v4:2x2x1 (= v4-8), …")
    parser.add_argument("--store", type=Path, help="prepared training data: what a batch holds, and how many there are")
    parser.add_argument("--examples", type=int, help="without --store: examples of an epoch")
    parser.add_argument("--tokens", type=int, help="without --store: tokens of an epoch")
    parser.add_argument("--tokens_per_example", type=float, help="without --store: mean (default 200)")
    parser.add_argument(
        "--supervised", type=float, help="without --store: share of tokens that are predicted (default 0.2)"
    )
    parser.add_argument(
        "--suggest", action="store_true", help="search for the fastest mesh that fits, for the same batch"
    )
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")
    args, configs = command_line.parse(parser, argv, uses=("Model", "Optimizer", "Mesh", "Train"))
    if not args.gin_file:
        raise command_line.UsageError("--gin_file is missing: try --gin_file=ft.gin (see configs/runs/)")
    assumptions = {
        name: value
        for name in ("examples", "tokens", "tokens_per_example", "supervised")
        if (value := getattr(args, name)) is not None
    }
    if args.store and assumptions:
        raise command_line.UsageError(f"--{next(iter(assumptions))} is what --store knows: give one of them")
    if args.examples and args.tokens:
        raise command_line.UsageError("--examples and --tokens say the same: give one of them")

    from seqgpt_jax.planning import chips, compiling

    slice_ = chips.parse_slice(args.topology)
    try:
        compiling.use_compiler()
    except compiling.NoCompilerError as error:
        raise command_line.UsageError(str(error)) from None

    from rich.console import Console

    from seqgpt_jax.planning import report, search, train_step, workload

    recipe = train_step.Recipe(*(configs.build(name) for name in ("Model", "Optimizer", "Train", "Mesh")))
    data = workload.of_store(recipe.train, args.store) if args.store else workload.assumed(recipe.train, **assumptions)
    if args.suggest:
        plan = search.best_plan(recipe, slice_, data, say=lambda text: print(text, file=sys.stderr))
    else:
        plan = report.make_plan(recipe, slice_, data, *train_step.compile_train_step(recipe, slice_, data))
    if args.json:
        print(json.dumps(plan.to_json(), indent=2))
    else:
        report.print_plan(plan, slice_, Console(soft_wrap=True, emoji=False))
    return 0 if plan.fits else 1


if __name__ == "__main__":
    command_line.run(main)
