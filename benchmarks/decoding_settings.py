"""F1 of one model under several settings of decoding: constrained, free, and as the released SeqGPT scripts decode.

    python benchmarks/decoding_settings.py --model=runs/quickstart/pt_ft --title="The quickstart's model" \\
        --output=decoding_quickstart -- --data=prepared/quickstart_ft.test.… --gin.Decode.num_beams=4

What is behind `--` are flags of `evaluate`, which scores the same records under each setting. Constrained answers copy
their spans from the text; the released scripts call `generate(num_beams=4, max_new_tokens=256,
repetition_penalty=2.0)`. Finished commands are not repeated. Writes benchmarks/results/OUTPUT.{json,md}.
"""

import argparse
import json
import os
import platform
from pathlib import Path

from pretrained import RESULTS, run  # the script beside this one
from speed.machine import commit

SETTINGS = {
    "constrained": ("constrained=True", "repetition_penalty=1.0"),
    "free": ("constrained=False", "repetition_penalty=1.0"),
    "free, penalty 2.0": ("constrained=False", "repetition_penalty=2.0"),
}


def scored(work: Path, model: str, name: str, flags: list[str]) -> tuple[Path, str]:
    """Scores the model under a setting; (folder of the scores, command)."""
    output = work / name.replace(", ", "_").replace(" ", "_")
    settings = [f"--gin.Decode.{one}" for one in SETTINGS[name]]
    return output, run(work, "evaluate", f"--model={model}", f"--output={output}", *flags, *settings)


def main() -> None:
    """Scores the model under each setting and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--title", required=True, help="what the model is, for the page")
    parser.add_argument("--output", required=True, help="name of the page")
    parser.add_argument("--settings", default=";".join(SETTINGS), help="of those above, separated by semicolons")
    parser.add_argument("--work", type=Path, default=Path("runs/decoding_settings"))
    parser.add_argument("flags", nargs="*", help="further flags of `evaluate`, after --")
    args = parser.parse_args()
    found = {name: scored(args.work, args.model, name, args.flags) for name in args.settings.split(";")}

    from seqgpt_jax.evaluation.analysis.paired_differences import compare_evaluations
    from seqgpt_jax.evaluation.analysis.saved import read_evaluations

    first, *others = read_evaluations([folder for folder, _ in found.values()])
    compared = [compare_evaluations(first, other) for other in others]
    scores = [json.loads((folder / "scores.json").read_text(encoding="utf-8")) for folder, _ in found.values()]
    rows = {}
    for name in ("all data sets", *scores[0]["families"]):
        overall = name == "all data sets"
        of_arms = [one["overall"] if overall else one["families"][name] for one in scores]
        differences = [one.overall if overall else one.families[name] for one in compared]
        rows[name] = {
            "instances": of_arms[0]["instances"],
            "f1": [one["f1"] for one in of_arms],
            "well_formed": [one["well_formed"] for one in of_arms],
            "differences": [one and one._asdict() for one in differences],
        }
    result = {
        "title": args.title,
        "settings": list(found),
        "rows": rows,
        "commands": [command.replace(str(args.work), "runs/decoding_settings") for _, command in found.values()],
        "machine": f"{os.cpu_count()} cores, {platform.machine()}",
        "commit": commit(),
    }
    arms = list(found)
    lines = [
        f"# {args.title}: constrained and free decoding\n",
        "`python benchmarks/decoding_settings.py`: the same records and model under each setting. F1, 0-100, with the",
        "share of answers that follow the format; difference from constrained decoding with its 95 % paired bootstrap",
        "interval. Constrained answers copy their spans from the text. Free ones with a penalty of 2.0 are what the",
        "released SeqGPT scripts ask for.\n",
        f"| family | instances | {' | '.join(arms)} | {' | '.join(f'{name} − {arms[0]}' for name in arms[1:])} |",
        "|---|" + "---:|" * (2 * len(arms)),
    ]
    for name, row in rows.items():
        cells = [f"{f1:.1f} ({share:.0f} %)" for f1, share in zip(row["f1"], row["well_formed"], strict=True)]
        for one in row["differences"]:
            cells.append(f"{one['value']:+.1f} ({one['low']:+.1f} to {one['high']:+.1f})" if one else "")
        lines.append(f"| {name} | {row['instances']:,} | {' | '.join(cells)} |")
    lines += ["", "```bash", *result["commands"], "```"]
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{args.output}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (RESULTS / f"{args.output}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
