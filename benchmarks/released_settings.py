"""F1 under the settings of the released SeqGPT scripts: free decoding with a repetition penalty of 2, beside our own.

    python benchmarks/released_settings.py --model=runs/quickstart/export --data=prepared/quickstart_ft.test.…

The released scripts call `generate(num_beams=4, max_new_tokens=256, repetition_penalty=2.0)`; ours copies spans and has
no penalty. Runs `evaluate` on the same records. Writes benchmarks/results/released_settings.{json,md}.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from pretrained import RESULTS, run  # the script beside this one

SETTINGS = {
    "constrained, no penalty": ("constrained=True", "repetition_penalty=1.0"),
    "free, no penalty": ("constrained=False", "repetition_penalty=1.0"),
    "free, penalty 2.0 (released scripts)": ("constrained=False", "repetition_penalty=2.0"),
}


def scored(work: Path, args: argparse.Namespace, number: int, settings: tuple[str, ...]) -> dict[str, Any]:
    """scores.json of the model under these settings of `Decode`."""
    output = work / str(number)
    flags = [f"--gin.Decode.{one}" for one in settings]
    data = [f"--data={folder}" for folder in args.data]
    run(work, "evaluate", f"--model={args.model}", f"--output={output}", *data, *args.flags, *flags)
    return json.loads((output / "scores.json").read_text(encoding="utf-8"))


def main() -> None:
    """Scores the model three times and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", default="the quickstart's model", help="of the model, in the table")
    parser.add_argument("--data", required=True, action="append", help="prepared test data")
    parser.add_argument("--work", type=Path, default=Path("runs/released_settings"))
    parser.add_argument("flags", nargs="*", help="further flags of `evaluate`, after --")
    args = parser.parse_args()
    found = {name: scored(args.work, args, n, settings) for n, (name, settings) in enumerate(SETTINGS.items())}
    first = next(iter(found.values()))
    keys = ("f1", "f1_interval", "well_formed", "instances")
    result = {}
    for name, scores in found.items():
        rows = {"all": scores["overall"], **scores["families"]}
        result[name] = {row: {key: of[key] for key in keys} for row, of in rows.items()}
    result_size = first["overall"]["instances"]
    lines = [
        "# Settings of the released scripts\n",
        f"`python benchmarks/released_settings.py`: {args.name}, 4 beams, {result_size:,} instances. F1,",
        "0-100; in brackets the 95 % bootstrap interval, and the share of answers that follow the format.\n",
        f"| family | {' | '.join(result)} |",
        "|---|" + "---:|" * len(result),
    ]
    for row in next(iter(result.values())):
        cells = []
        for name in result:
            one = result[name][row]
            low, high = one["f1_interval"]
            cells.append(f"{one['f1']:.1f} ({low:.1f} to {high:.1f}), {one['well_formed']:.0f} %")
        lines.append(f"| {row} | {' | '.join(cells)} |")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "released_settings.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / "released_settings.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
