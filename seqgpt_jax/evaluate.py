"""Evaluation of a model: micro-F1 beside its baselines for each data set, family and language, and ROUGE.

    python -m seqgpt_jax.evaluate --model=runs/ft --output=runs/ft/evaluation \\
        --data=prepared/quickstart_held_out.test.0123456789
    python -m seqgpt_jax.evaluate --model=runs/ft --output=runs/ft/evaluation --gin_file=eval.gin
    python -m seqgpt_jax.evaluate --model=exported/ft --output=scores/ft \\
        --gin.Evaluate.mixtures="('cluener', 'banking77')" --gin.Evaluate.records=None
    python -m seqgpt_jax.evaluate --gin_file=own_cpu.gin --model=runs/tickets --output=scores --data=tickets.jsonl
    python -m seqgpt_jax.evaluate --model=exported/ft --transformers --output=scores/hf --data=prepared/ft.test.01234567
    python -m seqgpt_jax.evaluate --model=gpt-4o-mini --endpoint=https://api.openai.com/v1 --output=scores/gpt \\
        --data=prepared/ft.test.01234567

Without --data, the mixtures and splits that `Evaluate` names are prepared where they are missing.
`--gin.Evaluate.end_to_end=True` scores relations and events of whole texts, too.
Writes scores.json, predictions.jsonl and the report of them: report.html, .md and .json, as `report` does, which also
compares evaluations.
"""

import argparse
import contextlib
import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seqgpt_jax import command_line

if TYPE_CHECKING:
    from etils import epath

    from seqgpt_jax.data.raw.task_spec import TaskSpec
    from seqgpt_jax.data.store import EvalStore
    from seqgpt_jax.decoding.completion import Generator
    from seqgpt_jax.decoding.decode_config import DecodeConfig
    from seqgpt_jax.evaluation.end_to_end.gold import GoldData
    from seqgpt_jax.evaluation.end_to_end.scoring import EndToEnd
    from seqgpt_jax.evaluation.evaluator import EvaluateConfig
    from seqgpt_jax.evaluation.other_models.endpoint import EndpointConfig
    from seqgpt_jax.evaluation.other_models.journal import JournaledGenerator
    from seqgpt_jax.evaluation.scores import Scores
    from seqgpt_jax.io.contract import ModelContract


# Prepared instances of each task beyond those that are asked, to replace dropped ones.
_SPARE_INSTANCES = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    add_flags(parser)
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--transformers",
        action="store_true",
        help="--model is a Hugging Face folder that `transformers` runs (extra torch), unconstrained, on the CPU",
    )
    other.add_argument(
        "--endpoint",
        metavar="URL",
        help="--model is the name of a model behind this OpenAI-compatible endpoint (extra openai). Replies of other "
        "models are kept in OUTPUT/journal.jsonl, and not asked for twice",
    )
    args, configs = command_line.parse(parser, argv, uses=("Evaluate", "Decode", "Prepare", "Endpoint"))
    config, decode, endpoint = configs.build("Evaluate"), configs.build("Decode"), configs.build("Endpoint")
    check_other_model(args)
    if args.endpoint and endpoint.max_queries is None:  # one setting for all models of a gin file
        endpoint = dataclasses.replace(endpoint, max_queries=decode.max_queries)
    if args.transformers:  # constraints are ours
        decode = dataclasses.replace(
            decode, constrained=False, contextual_calibration=False, devices=1, weight_dtype=None
        )

    from seqgpt_jax.evaluation.about import about_scores
    from seqgpt_jax.evaluation.report import write_report
    from seqgpt_jax.evaluation.shortfall import shortfalls
    from seqgpt_jax.evaluation.tables import print_scores
    from seqgpt_jax.evaluation.trained_before import notes as notes_of_training
    from seqgpt_jax.evaluation.trained_before import trained_before
    from seqgpt_jax.tasks import SUBSETS, TASKS

    model, contract, stores = model_and_stores(args, configs, config, endpoint if args.endpoint else None)

    def tasks_of(subsets: bool) -> "Mapping[str, TaskSpec]":
        return TASKS | SUBSETS if subsets else TASKS

    spoilt = trained_before(contract.data, stores, tasks_of, config.zero_shot)
    notes = notes_of_training(spoilt, bool((contract.data or {}).get("settings", {}).get("subsets")))
    notes += (f"{line}." for store in stores if (line := absent(store)))
    if config.without_labels:
        notes.append(f"not asked and not scored, by Evaluate.without_labels: {', '.join(config.without_labels)}.")
    gold = []
    if config.end_to_end:
        from seqgpt_jax.evaluation.end_to_end.selection import gold_of_stores

        named = {"mixture": stores[0].manifest["mixture"], "tokenizer": str(model)}
        folder = configs.build("Prepare", **named).data_folder()
        gold, of_gold = gold_of_stores(stores, tasks_of, folder, config.records, config.seed)
        notes += of_gold
    for line in notes:  # before hours of answering, too
        print(f"note: {line}", flush=True)
    other = args.transformers or args.endpoint
    with other_model(args, contract, decode, endpoint) if other else contextlib.nullcontext() as generator:
        scores, end_to_end, step = score_model(model, args.step, stores, config, decode, generator, gold)
    about = about_scores(model, step, contract, stores, config, decode)
    if args.endpoint:
        about |= {"endpoint": args.endpoint, "Endpoint": dataclasses.asdict(endpoint)}
        del about["Decode"]
    if args.transformers:
        about["through"] = "transformers"
    if generator is not None and generator.refused:
        about["refused_requests"] = len(generator.refused)
        notes.append(
            f"{len(generator.refused):,} requests were refused by the endpoint and count as answered with nothing; the "
            f"first: {generator.refused[0]}"
        )
    asked = (prediction.record.task for prediction in scores.predictions)
    fewer = shortfalls(stores, asked, config.records, config.without_labels)
    about["fewer_instances"] = [one._asdict() for one in fewer]
    about["trained_before"] = [one._asdict() for one in spoilt]
    about["left_out"] = {store.manifest["name"]: store.manifest.get("left_out", {}) for store in stores}
    notes += (f"{one}." for one in fewer)
    if refused := [prediction for prediction in scores.predictions if prediction.refusal]:
        about["refused_instances"] = len(refused)
        notes.append(
            f"{len(refused):,} instances could not be asked and count as answered with nothing; the first, "
            f"{refused[0].record.instance}: {refused[0].refusal}"
        )
    write_report(scores, args.output, about, notes, end_to_end)
    print(f"report: {args.output / 'report.html'}")
    print_scores(scores, notes=notes, end_to_end=end_to_end, metric=config.metric)
    return 0


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name the model and the data."""
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    parser.add_argument("--output", required=True, type=command_line.local_path, help="folder for scores and report")
    add_data_flags(parser)
    command_line.add_step(parser)


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that name the data."""
    parser.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help="a folder that `prepare` has made of a validation or test split, or own data, as `prepare` takes them, of "
        "which `Evaluate.splits` are asked; can be repeated",
    )
    command_line.add_own_form(parser)


def model_and_stores(
    args: argparse.Namespace,
    configs: command_line.Configs,
    config: "EvaluateConfig",
    endpoint: "EndpointConfig | None" = None,
) -> tuple["epath.Path | str", "ModelContract", "list[EvalStore]"]:
    """(the model, its contract, the data that the flags `--data` or the mixtures of gin name for it).

    Everything that can be wrong with paths is reported here, before a model is loaded. A model behind an endpoint has
    a name; others have a folder.
    """
    from seqgpt_jax.data.own_data import is_own_data
    from seqgpt_jax.data.store import EvalStore
    from seqgpt_jax.io.contract import read_contract
    from seqgpt_jax.io.model_folder import open_folder, tokenizer_folder
    from seqgpt_jax.io.storage import reading

    model = args.model if endpoint else open_folder(args.model)
    contract = endpoint.contract() if endpoint else read_contract(model, log=print)
    args.output.mkdir(parents=True, exist_ok=True)
    try:
        tempfile.TemporaryFile(dir=args.output).close()
    except OSError as error:
        raise command_line.UsageError(f"--output={args.output} cannot be written: {error.strerror}") from error
    names = configs.add_own_data([data for data in args.data if is_own_data(data)])
    folders = [Path(data) for data in args.data if not is_own_data(data)]
    if names or not folders:
        # For another model data are prepared as gin says, so that they can be those of ours.
        with contextlib.nullcontext() if endpoint else reading(tokenizer_folder(model)) as tokenizer:
            known = None if endpoint else contract
            folders += prepared_folders(configs, names or config.mixtures, config, known, tokenizer)
    stores = [EvalStore(folder) for folder in folders]
    for store in stores:
        if not (endpoint and endpoint.prompts == "chatgpt"):
            check_template(store, contract, endpoint=bool(endpoint))
    return model, contract, stores


def check_template(store: "EvalStore", contract: "ModelContract", *, endpoint: bool = False) -> None:
    """Raises UsageError where the prompts of a store are not those that the model was trained on, or is asked with."""
    template = store.manifest["settings"]["template"]
    if template != contract.template and endpoint:
        raise command_line.UsageError(
            f"the prompts in {store.manifest['name']} have the {template} template, and the endpoint is asked with the "
            f"{contract.template} one. Where the model was trained with the {template} one, as its seqgpt.json says, "
            f"give --gin.Endpoint.template={template}; else prepare the data with "
            f"--gin.Prepare.template={contract.template}"
        )
    if template != contract.template:
        raise command_line.UsageError(
            f"the prompts in {store.manifest['name']} have the {template} template, and the model was trained with the "
            f"{contract.template} one: its scores would be of no use. Prepare the data with "
            f"--gin.Prepare.template={contract.template}, or name no --data: they are then prepared for the model"
        )


def absent(store: "EvalStore") -> str:
    """Says which data sets of the mixture are in no score of a store, as their files were missing; "" without any."""
    asked = {task.split(".")[0] for task in store.manifest.get("tasks", {})}
    missing = store.manifest.get("left_out", {}).get("evaluation", [])
    names = [f"part of {name}" if name in asked else name for name in missing]
    sets = f"{len(names)} data set{'s' * (len(names) > 1)} of {store.manifest['mixture']}"
    return f"not in these scores, as files were missing: {sets} ({', '.join(names)})" if names else ""


def prepared_folders(
    configs: command_line.Configs,
    mixtures: Sequence[str],
    config: "EvaluateConfig",
    contract: "ModelContract | None",
    tokenizer: Path | None,
) -> list[Path]:
    """The stores of these mixtures, in the splits of `config`, prepared for the model where they are missing.

    Without a contract and a tokenizer of the model they are as gin says.
    """
    from seqgpt_jax import tasks
    from seqgpt_jax.console.prepared_data import prepare_if_missing
    from seqgpt_jax.data.prepare.resolve import resolve
    from seqgpt_jax.io.contract import CONTRACT_SETTINGS

    if not mixtures:
        raise command_line.UsageError(
            "nothing to evaluate on: give --data=PATH, or --gin.Evaluate.mixtures=\"('NAME',)\" "
            "(`python -m seqgpt_jax.prepare --list` shows the names)"
        )
    # What gin binds may differ from the model's training, as an ablation; a template that does is refused.
    free = [name for name in CONTRACT_SETTINGS if not configs.is_bound(f"Prepare.{name}")]
    of_model = {name: getattr(contract, name) for name in free} if contract else {}
    if tokenizer is not None:
        of_model["tokenizer"] = str(tokenizer)
    if of_model.get("max_labels", 0) is None:  # not known of folders without a contract
        del of_model["max_labels"]
    preparations = []
    for mixture in mixtures:
        splits = tasks.splits(configs.build("Prepare", mixture=mixture, **of_model))
        if not (present := [split for split in config.splits if split in splits]):
            raise command_line.UsageError(
                f"{mixture} has none of the splits that Evaluate.splits names ({', '.join(config.splits)}); there are "
                f"{', '.join(sorted(splits))}"
            )
        for split in present:
            prepare = configs.build("Prepare", mixture=mixture, split=split, **of_model)
            # Little more than will be asked, by the same bottom-k choice: what is dropped is replaced.
            spare = None if config.records is None else config.records + config.records // 2 + _SPARE_INSTANCES
            limits = [number for number in (spare, prepare.max_instances) if number is not None]
            prepare = dataclasses.replace(prepare, seed=config.seed, max_instances=min(limits, default=None))
            preparations.append(resolve(prepare, tasks))
    # Files that are missing are reported before the minutes of preparing the first mixture.
    return [prepare_if_missing(preparation) for preparation in preparations]


def score_model(
    model: "epath.Path",
    step: int | Literal["best"] | None,
    stores: Sequence["EvalStore"],
    config: "EvaluateConfig",
    decode: "DecodeConfig",
    generator: "Generator | None" = None,
    gold: Sequence["GoldData"] = (),
) -> tuple["Scores", list["EndToEnd"], int | None]:
    """(scores of a model on these stores, those of whole texts, the step of its checkpoint), behind a progress bar.

    Our decoder runs it where there is no generator.
    """
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.decoding.devices import load_for
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.evaluation.end_to_end.asking import ask
    from seqgpt_jax.evaluation.end_to_end.scoring import score
    from seqgpt_jax.evaluation.evaluator import evaluate

    step_read = None
    if generator is None:
        loaded = load_for(decode, model, step=step)
        generator, step_read = Engine.of(loaded, decode), loaded.step
        does = "answering (the first batch of each width compiles)"
    else:
        does = "asking"
    with progress_bar(does) as progress:
        scores = evaluate(generator, stores, config, progress)
    end_to_end = []
    for data in gold:
        with progress_bar(f"{data.name}: {len(data.texts):,} whole texts") as progress:
            end_to_end.append(score(data, ask(generator, data, progress), config.resamples, config.seed))
    return scores, end_to_end, step_read


def check_other_model(args: argparse.Namespace) -> None:
    """Raises UsageError where --transformers or --endpoint has --step beside it, or its package is not installed.

    That comes before data are prepared: `transformers` finds out only when it loads a model.
    """
    for flag, package in (("transformers", "torch"), ("endpoint", "openai")):
        if not getattr(args, flag):
            continue
        if args.step is not None:
            raise command_line.UsageError(f"--step is of a run, which --{flag} does not read: leave it out")
        if find_spec(package) is None:
            raise command_line.UsageError(f"--{flag} needs the extra '{package}': pip install -e '.[{package}]'")


def other_model(
    args: argparse.Namespace, contract: "ModelContract", decode: "DecodeConfig", endpoint: "EndpointConfig"
) -> "JournaledGenerator":
    """The model that `transformers` or an endpoint runs, with the journal of its replies.

    Raises:
      UsageError: the folder is a run.
      JournalError: the journal cannot be read, or another process writes it.
    """
    from seqgpt_jax.evaluation.other_models.journal import JournaledGenerator

    journal = args.output / "journal.jsonl"
    if args.endpoint:
        from seqgpt_jax.evaluation.other_models.endpoint import Endpoint

        return JournaledGenerator(Endpoint(args.endpoint, args.model, endpoint), journal, endpoint.max_requests)
    from seqgpt_jax.evaluation.other_models.transformers_model import TransformersModel
    from seqgpt_jax.io.model_folder import is_run, open_folder
    from seqgpt_jax.io.tokenizer import load_tokenizer

    if is_run(folder := open_folder(args.model)):
        raise command_line.UsageError(
            f"--transformers reads Hugging Face folders, and {folder} is a run: "
            f"`python -m seqgpt_jax.export --model={folder} --output=FOLDER` makes one of it"
        )
    tokenizer = load_tokenizer(folder, contract.prompt_end)
    return JournaledGenerator(TransformersModel(Path(folder), tokenizer, contract, decode), journal)


if __name__ == "__main__":
    command_line.run(main)
