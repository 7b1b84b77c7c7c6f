"""Answers for people: a page with coloured spans, and pre-annotations to correct in Label Studio or doccano.

    python -m seqgpt_jax.review answers.jsonl --html=answers.html
    python -m seqgpt_jax.review answers.jsonl --label_studio=tasks.json --doccano=tasks.jsonl

The input is what `decode --output` writes. The page is one file that loads nothing from the network. What these tools
export after the correction is training data: `--data=FILE` of validate, prepare and train (docs/review.md).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqgpt_jax import command_line

_ANSWERED = {"text", "task", "labels", "found"}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = command_line.parser(__doc__, gin_files=False)
    parser.add_argument("answers", type=Path, help="file of answers")
    parser.add_argument("--html", type=command_line.local_path, metavar="FILE", help="page to write")
    parser.add_argument("--label_studio", type=command_line.local_path, metavar="FILE", help="JSON to write")
    parser.add_argument("--doccano", type=command_line.local_path, metavar="FILE", help="JSON Lines to write")
    parser.add_argument("--model", default="seqgpt_jax", metavar="NAME", help="the model's name in Label Studio")
    args = parser.parse_args(argv)
    outputs = {name: getattr(args, name) for name in ("html", "label_studio", "doccano")}
    if not any(outputs.values()):
        raise command_line.UsageError("nothing to write: give --html, --label_studio or --doccano")

    from seqgpt_jax.decoding.annotations import doccano_line, label_studio_task, write_label_studio
    from seqgpt_jax.decoding.answer_page import answer_page
    from seqgpt_jax.io.json_line import json_line, with_characters

    for name, path in outputs.items():
        if path and (path.is_dir() or (path.exists() and args.answers.exists() and path.samefile(args.answers))):
            raise command_line.UsageError(f"--{name}={path} is a folder or the input itself: name another file")
    # A bad line is found before anything is written.
    asked = [record for record in _records(args.answers) if "error" not in record]
    for path in filter(None, outputs.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
    if args.html:
        with args.html.open("w", encoding="utf-8") as file:
            file.writelines(map(with_characters, answer_page(_records(args.answers), args.answers.name)))
        print(f"page: {args.html}")
    if args.label_studio:
        tasks = [label_studio_task(record, args.model) for record in asked]
        config = write_label_studio(tasks, asked, args.label_studio)
        print(f"Label Studio: import {args.label_studio} into a project whose labeling interface is {config}")
    if args.doccano:
        args.doccano.write_text("".join(json_line(doccano_line(record)) for record in asked), encoding="utf-8")
        print(f"doccano: import {args.doccano} as JSONL")
    return 0


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of an answers file; UsageError names the first that is none."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _record(line, f"{path}:{number}")
    except OSError as error:
        raise command_line.UsageError(f"{path} cannot be read ({error.strerror}): give a file of answers") from error


def _record(line: str, place: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError as error:
        raise command_line.UsageError(f"{place}: not JSON ({error})") from error
    if not isinstance(record, dict) or not (record.keys() >= _ANSWERED or {"text", "error"} <= record.keys()):
        raise command_line.UsageError(f"{place}: no answer, which `decode --output` writes with {sorted(_ANSWERED)}")
    return record


if __name__ == "__main__":
    command_line.run(main)
