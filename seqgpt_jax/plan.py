"""Plans training and decoding on TPUs that are not there: does it fit, what limits it, how long does it take?

    python -m seqgpt_jax.plan --gin_file=ft_7b1.gin --topology=v5e:4x4                        # the train step
    python -m seqgpt_jax.plan --gin_file=ft_7b1.gin --topology=v5e:4x4 --examples=1_000_000   # how long the run takes
    python -m seqgpt_jax.plan --gin_file=ft_7b1.gin --topology=v5e:4x4 --store=prepared/ft.train.0123456789  # exactly
    python -m seqgpt_jax.plan --gin_file=ft_7b1.gin --topology=v5p:2x2x2 --gin.Train.batch_size=32 --gin.Mesh.tensor=2
    python -m seqgpt_jax.plan --gin_file=ft_560m.gin --topology=v4:2x2x1 --suggest            # settings that fit
    python -m seqgpt_jax.plan --gin_file=ft_560m.gin --topology=v5e:1x1 --decode --gin.Decode.batch_size=32
    python -m seqgpt_jax.plan --gin_file=ft_7b1.gin --topology=v5e:4x4 --json                 # for other programs

Compiles the real program with the TPU's compiler, which takes a minute or two and no TPU: pip install '.[plan]'.
Times are a roofline of the maker's numbers, an estimate to compare designs by. Where it does not fit, the exit
code is 1.

--suggest looks for the mesh and the number of micro-batches that are fastest and fit. Where none does, it goes on to
attention without scores, rematerialisation, a mean of gradients in bfloat16 and a smaller batch, in this order.

--decode plans what `decode` and `evaluate` do instead, on one chip or the Decode.devices over which they split a model:
the pass over the prompts, and one step of the beam search.
"""

import argparse
import functools
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from seqgpt_jax.planning.report import TrainingPlan
    from seqgpt_jax.planning.slices import Slice

_ASSUMPTIONS = ("examples", "tokens", "tokens_per_example", "supervised")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--topology", required=True, help="chips along each dimension: v5e:4x4, v4:2x2x1 (= v4-8), …")
    parser.add_argument(
        "--store",
        type=command_line.local_path,
        help="prepared training data: what a batch holds, and how many there are",
    )
    parser.add_argument("--examples", type=int, help="without --store: examples of an epoch")
    parser.add_argument("--tokens", type=int, help="without --store: tokens of an epoch")
    parser.add_argument("--tokens_per_example", type=float, help="without --store: mean (default 200)")
    parser.add_argument(
        "--supervised", type=float, help="without --store: share of tokens that are predicted (default 0.2)"
    )
    parser.add_argument("--suggest", action="store_true", help="search for settings that fit")
    parser.add_argument("--decode", action="store_true", help="plan decoding instead of training")
    parser.add_argument("--json", action="store_true", help="print JSON for other programs")
    args = parser.parse_known_args(argv)[0]
    _check(args)

    from seqgpt_jax.planning import slices, tpu_compiler

    slice_ = slices.parse_slice(args.topology)
    # Before gin's classes are built, as some of their modules import JAX.
    try:
        tpu_compiler.use_compiler()
    except tpu_compiler.NoCompilerError as error:
        raise command_line.UsageError(str(error)) from None
    uses = ("Model", "Decode", "Prepare") if args.decode else ("Model", "Lora", "Optimizer", "Mesh", "Train")
    args, configs = command_line.parse(parser, argv, uses=uses)

    from rich.console import Console

    from seqgpt_jax.io.contract import ModelContract
    from seqgpt_jax.planning import decode_step, report

    print(f"compiling for TPU {slice_.name}: a minute or two where nothing else runs", file=sys.stderr, flush=True)
    if args.decode:
        limits = configs.build("Prepare", mixture="", tokenizer="")
        contract = ModelContract(max_prompt_tokens=limits.max_prompt_tokens, max_target_tokens=limits.max_target_tokens)
        plan = decode_step.plan_decoding(configs.build("Model"), configs.build("Decode"), contract, slice_)
        show = report.print_decode_plan
    else:
        plan = _plan_training(args, configs, slice_)
        show = report.print_plan
    if args.json:
        print(json.dumps(plan.to_json(), indent=2))
    else:
        show(plan, slice_, Console(soft_wrap=True, emoji=False))
    return 0 if plan.fits else 1


def _check(args: argparse.Namespace) -> None:
    """UsageError where flags are missing or contradict each other."""
    if not args.gin_file:
        raise command_line.UsageError("--gin_file is missing: try --gin_file=ft_560m.gin (see configs/runs/)")
    given = [name for name in ("store", *_ASSUMPTIONS) if getattr(args, name) is not None]
    if args.decode and (given or args.suggest):
        raise command_line.UsageError(f"--{[*given, 'suggest'][0]} is about training: leave it out, or --decode")
    if args.store and len(given) > 1:
        raise command_line.UsageError(f"--{given[1]} is what --store knows: give one of them")
    if args.examples is not None and args.tokens is not None:
        raise command_line.UsageError("--examples and --tokens say the same: give one of them")
    for name in _ASSUMPTIONS:
        if getattr(args, name) is not None and not getattr(args, name) > 0:
            raise command_line.UsageError(f"--{name}={getattr(args, name)} must be above 0")
    if args.supervised is not None and args.supervised > 1:
        raise command_line.UsageError(f"--supervised={args.supervised} is a share, 1 at most")


def _plan_training(args: argparse.Namespace, configs: command_line.Configs, slice_: "Slice") -> "TrainingPlan":
    from seqgpt_jax.planning import mesh_search, report, train_step, workload

    if rank := configs.build("Lora").rank:
        raise command_line.UsageError(
            f"Lora.rank = {rank}: a plan is of training all parameters, and adapters alone need much less memory: "
            "--gin.Lora.rank=0 plans the former, an upper limit"
        )
    recipe = train_step.Recipe(*(configs.build(name) for name in ("Model", "Optimizer", "Train", "Mesh")))
    if args.store:
        workload_of = functools.partial(workload.of_store, folder=args.store)
    else:
        given = {name: value for name in _ASSUMPTIONS if (value := getattr(args, name)) is not None}
        workload_of = functools.partial(workload.assumed, **given)
    if args.suggest:
        return mesh_search.best_plan(recipe, slice_, workload_of, log=lambda text: print(text, file=sys.stderr))
    data = workload_of(recipe.train)
    return report.plan_training(recipe, slice_, data, *train_step.compile_train_step(recipe, slice_, data))


if __name__ == "__main__":
    command_line.run(main)
