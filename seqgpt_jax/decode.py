"""Decoding of questions with a model: which labels fit a text, or which spans of it fit each label.

    python -m seqgpt_jax.decode --model=runs/ft --input=questions.jsonl --output=answers.jsonl
    python -m seqgpt_jax.decode --model=runs/ft --task=ext --text="Ada met Bob in Turin." --labels="person, city"

A line of the input is {"text": "…", "task": "cls" or "ext", "labels": ["…", …]}; further keys are carried
through. A classification may add "choose": "any" number of labels (the default), "one", or "one_or_none"; the latter
two compare the exact probabilities of all labels and report them. Labels may be anything, in any number: where they do
not fit into one prompt they are asked in several, and those chosen there once more together.
An input in any format of own data (docs/own_data.md) is read too: its answers are kept as "gold", and the labels asked
are those of its answers where neither a record nor --labels names them. A record with an empty text has an "error"
in place of an answer.

The output adds "answers", "found" (each span with its places in the text, in code points, and its score; each label
with its score), "well_formed" (false where the model broke the format and its answer was read leniently),
"output" (text and mean log-probability of each prompt), "further_prompts", "truncated_tokens" (how much of a too long
pair of texts was not read; one long text is read in windows) and "unfinished" (true where an answer reached the token
limit). How the model is asked (template, limits, queries in one prompt) is in the seqgpt.json of its folder.

The whole input is checked before the model is loaded, and read again as it is answered (JSON lines and tables of any
size take the same memory); --skip_bad_lines leaves bad lines out and writes them, with what
is wrong, to OUTPUT.rejected.jsonl. Answers are written as they come, to a file beside the output. The same command
resumes after an interruption, even a kill. On several hosts each answers a part of the file: --shard=0/4 --output=a.0,
--shard=1/4 --output=a.1 and so on; `cat a.0 a.1 a.2 a.3` has the order of the input, and a.0.rejected.jsonl the bad
lines of all.
"""

import argparse
import dataclasses
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import seqgpt_jax
from seqgpt_jax import command_line
from seqgpt_jax.atomic import ContractError, clean_text

if TYPE_CHECKING:
    from etils import epath
    from transformers import PreTrainedTokenizerBase

    from seqgpt_jax.decoding.answer_file import AnswerFile
    from seqgpt_jax.decoding.answers import Answer
    from seqgpt_jax.decoding.decode_config import DecodeConfig
    from seqgpt_jax.decoding.engine import Engine
    from seqgpt_jax.decoding.prompt_limits import PromptLimits
    from seqgpt_jax.decoding.question_files import QuestionRecord
    from seqgpt_jax.decoding.questions import Question
    from seqgpt_jax.tasks.readers.own_formats.items import LeftOut

# Batches of prompts that are sorted by length together, and written together.
_BATCHES = 16
# Labels whose probability is printed: the best ones.
_SHOWN_LABELS = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__)
    parser.add_argument("--model", required=True, help="run folder (gs://… too), or Hugging Face folder")
    command_line.add_step(parser)
    parser.add_argument("--input", type=Path, help="file of questions, or of own data in any format")
    parser.add_argument("--output", type=command_line.local_path, help="file to write")
    parser.add_argument("--text", help="instead of a file: one text")
    parser.add_argument(
        "--task", choices=("cls", "ext"), help="pick labels, or find spans, where the file does not say it"
    )
    parser.add_argument("--labels", help="labels, separated by commas, where the file does not say them")
    command_line.add_own_form(parser)
    parser.add_argument(
        "--choose",
        choices=("any", "one", "one_or_none"),
        help="how many labels of a classification fit, where a line of the file does not say it",
    )
    parser.add_argument("--skip_bad_lines", action="store_true", help="leave out lines that cannot be asked")
    parser.add_argument("--shard", type=_shard, default=(0, 1), metavar="I/N", help="part I (from 0) of N of the input")
    args, configs = command_line.parse(parser, argv, uses=("Decode", "Prepare"))
    of_a_file = {
        "shard": args.shard != (0, 1),
        "skip_bad_lines": args.skip_bad_lines,
        "format": args.format,
        "columns": args.columns,
    }
    if args.text is not None and (given := [name for name, is_given in of_a_file.items() if is_given]):
        raise command_line.UsageError(f"--{given[0]} is for a file (--input)")
    from_file = _reads_file({name: getattr(args, name) for name in ("input", "output", "text", "task", "labels")})
    decode = configs.build("Decode")

    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.decoding.answer_file import AnswerFile
    from seqgpt_jax.decoding.answers import answer
    from seqgpt_jax.decoding.question_files import read_questions, split_labels
    from seqgpt_jax.io.contract import read_contract
    from seqgpt_jax.io.file_hash import files_hash
    from seqgpt_jax.io.model_folder import open_folder, tokenizer_folder
    from seqgpt_jax.io.tokenizer import load_tokenizer

    folder = open_folder(args.model)
    contract = read_contract(folder, log=print)
    if from_file:
        _check_output(args.input, args.output)
    tokenizer = load_tokenizer(tokenizer_folder(folder), contract.prompt_end)
    limits = decode.limits(contract, tokenizer)
    if from_file:
        # They read the catalogue, which takes as long as the answer to a short question.
        from seqgpt_jax.tasks.own import Form
        from seqgpt_jax.tasks.own_questions import question_lines

        form = Form.of(configs.build("Prepare", mixture="", tokenizer=""))
        labels = split_labels(args.labels or "")
        rejected: list[dict[str, Any]] | None = [] if args.skip_bad_lines else None

        left_out: list[LeftOut] = []

        def records(
            bad: MutableSequence[dict[str, Any]] | None, excluded: "MutableSequence[LeftOut] | None" = None
        ) -> "Iterator[QuestionRecord]":
            lines = question_lines(args.input, labels=labels, task=args.task or "", form=form, left_out=excluded)
            return read_questions(args.input, lines, limits, args.choose, bad)

        number, shards = args.shard
        total = sum(1 for _ in records(rejected, left_out))
        for detail, times in Counter(one.detail for one in left_out).items():
            print(f"{times:,} records are left out: {detail}")
        first, last = total * number // shards, total * (number + 1) // shards
        content = files_hash([args.input])
        settings = {
            "model": str(folder),
            "step": args.step,
            "decode": dataclasses.asdict(decode),
            "version": seqgpt_jax.__version__,
            "files": _files(folder),
            "contract": dataclasses.asdict(contract),
            "form": repr(form),
            "input": content,
            "flags": [args.task, args.labels, args.choose, args.skip_bad_lines, args.shard],
        }
        with AnswerFile(args.output, settings) as output:
            if output.done:
                print(f"{output.done:,} of {last - first:,} records have been answered already: going on behind them")
            # Read once more as they are answered, so that any number of them takes the same memory.
            left = islice(records(None if rejected is None else deque(maxlen=0)), first + output.done, last)
            _answer_file(lambda: _engine(args, decode, tokenizer), left, last - first, output, decode.batch_size)
            if output.done != last - first or files_hash([args.input]) != content:
                raise command_line.UsageError(
                    f"--input={args.input} was changed while it was answered, so that answers may belong to other "
                    "lines: run the same command again"
                )
            output.finish()
        if number == 0:
            _write_rejected(args.output, rejected or [])
        print(f"answers: {args.output}")
        return 0
    question = _parse_question(args.text, args.task, args.labels, args.choose, limits)
    engine = _engine(args, decode, tokenizer)
    with progress_bar("answering") as progress:
        (found,) = answer(engine, [question], progress)
    _print_answer(found)
    return 0


def _shard(text: str) -> tuple[int, int]:
    """(part, of how many) of `I/N`."""
    number, _, shards = text.partition("/")
    if not (number.isdecimal() and shards.isdecimal() and int(number) < int(shards)):
        raise argparse.ArgumentTypeError(f"{text!r} is no part: 0/4 is the first of four, 3/4 the last")
    return int(number), int(shards)


def _files(folder: "epath.Path") -> list[str]:
    """What changes when a model folder gets other weights: its checkpoints, or the state of its files."""
    if (checkpoints := folder / "checkpoints").is_dir():
        return sorted(path.name for path in checkpoints.iterdir())
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return [f"{path.name} {path.stat().mtime} {path.stat().length}" for path in files]


def _engine(args: argparse.Namespace, decode: "DecodeConfig", tokenizer: "PreTrainedTokenizerBase") -> "Engine":
    from seqgpt_jax.decoding.devices import load_for
    from seqgpt_jax.decoding.engine import Engine

    return Engine.of(load_for(decode, args.model, step=args.step, tokenizer=tokenizer), decode)


def _answer_file(
    make_engine: "Callable[[], Engine]",
    records: "Iterator[QuestionRecord]",
    total: int,
    output: "AnswerFile",
    batch_size: int,
) -> None:
    """Answers the records behind those that the file has, of `total` records, and prints a summary of them."""
    from seqgpt_jax.console.progress import progress_bar
    from seqgpt_jax.decoding.answers import answer
    from seqgpt_jax.decoding.question_files import answered_lines

    counts, started, errors = Counter(), time.monotonic(), 0
    engine = make_engine() if output.done < total else None
    with progress_bar("answering (the first batch of each width compiles)") as progress:
        while chunk := list(islice(records, _BATCHES * batch_size)):
            first = output.done

            def shown(_: str, done: int, of_all: int, first: int = first, size: int = len(chunk)) -> None:
                progress("records", first + size * done // of_all, total)

            questions = [record.question for record in chunk if record.question]
            answers = answer(engine, questions, shown) if questions else []
            output.append(answered_lines(chunk, answers))
            counts.update(_counts(answers))
            errors += len(chunk) - len(questions)
    _print_summary(counts, time.monotonic() - started)
    if errors:
        print(f'{errors} records were not asked: they have an "error" in place of an answer')


def _write_rejected(output: Path, rejected: "Sequence[dict[str, Any]]") -> None:
    from seqgpt_jax.io.json_line import json_line

    path = output.with_name(f"{output.name}.rejected.jsonl")
    if not rejected:
        path.unlink(missing_ok=True)  # of an earlier input
        return
    path.write_text("".join(map(json_line, rejected)), encoding="utf-8")
    print(f"{len(rejected)} lines could not be asked: {path} says why")


def _reads_file(flags: dict[str, object]) -> bool:
    """Whether the flags name files rather than one question.

    Raises:
      UsageError: they name neither, or only a part of one, or both.
    """
    for names, other in ((("input", "output"), "text"), (("text", "task", "labels"), "input")):
        if any(flags[name] is not None for name in names):
            missing = [f"--{name}" for name in names if flags[name] is None]
            present = next(f"--{name}" for name in names if flags[name] is not None)
            if missing:
                raise command_line.UsageError(f"{present} needs {' and '.join(missing)} too")
            if flags[other] is not None:
                raise command_line.UsageError("give a file (--input, --output) or one question (--text), not both")
            return names[0] == "input"
    raise command_line.UsageError("nothing to answer: give --input and --output, or --text, --task and --labels")


def _check_output(source: Path, output: Path) -> None:
    if output.is_dir() or (output.exists() and source.exists() and output.samefile(source)):
        raise command_line.UsageError(f"--output={output} is a folder or the input itself: name another file")
    output.parent.mkdir(parents=True, exist_ok=True)


def _parse_question(text: str, task: str, labels: str, choose: str | None, limits: "PromptLimits") -> "Question":
    from seqgpt_jax.decoding.question_files import parse_question

    if not clean_text(text).strip():
        raise command_line.UsageError(f"--text={text}: the text is empty")
    try:
        return parse_question(text, task, labels, choose, limits)
    except ContractError as error:
        raise command_line.UsageError(f"--labels={labels}: {error}") from error


def _counts(answers: Sequence["Answer"]) -> dict[str, int]:
    completions = [completion for answer in answers for completion in answer.completions]
    return {
        "questions": len(answers),
        "prompts": len(completions),
        "malformed": sum(not answer.well_formed for answer in answers),
        "unfinished": sum(not completion.finished for completion in completions),
        "truncated": sum(answer.truncated > 0 for answer in answers),
    }


def _print_summary(counts: Counter[str], seconds: float) -> None:
    print(
        f"{counts['questions']} questions in {counts['prompts']} prompts: {seconds:.1f} s with loading and "
        f"compilation, {counts['prompts'] / seconds:.1f} prompts/s\n"
        f"{counts['malformed']} answers not well formed, {counts['unfinished']} completions unfinished at the token "
        f"limit, {counts['truncated']} questions with a text that was cut on the left"
    )


def _print_answer(answer: "Answer") -> None:
    if isinstance(answer.found, dict):
        for label, spans in answer.found.items():
            shown = [f"{span.text} ({span.start}-{span.end}{_percent(span.score)})" for span in spans]
            print(f"{label}: {'  |  '.join(shown) or '-'}")
            placed = {clean_text(span.text) for span in spans}  # the answers are clean, the places are in the text
            if invented := [span for span in answer.answers[label] if span not in placed]:
                print(f"  (not in the text: {'  |  '.join(invented)})")
    else:
        shown = [f"{label.label}{_percent(label.score)}" for label in answer.found]
        print("  |  ".join(shown) or "- (no label fits)")
        shares = sorted((answer.label_probabilities or {}).items(), key=lambda item: -item[1])
        for label, share in shares[:_SHOWN_LABELS]:
            print(f"  {100 * share:5.1f} %  {label}")
    if not answer.well_formed:
        print(f"(not well formed; the model wrote {answer.output!r})")
    if answer.truncated:
        print(f"(the text was too long: its first {answer.truncated} tokens were not read)")
    if not answer.finished:
        print("(the answer reached the token limit and is incomplete)")


def _percent(score: float | None) -> str:
    return "" if score is None else f", {100 * score:.0f} %"


if __name__ == "__main__":
    command_line.run(main)
