"""The page that tells what a fault drill has found (see fault_drill.py)."""

import re
import signal
from collections import Counter

FAULTS = re.compile("checkpoint of step|checkpoint;|falls back|told to stop|error:|cannot be written|bytes are lost")


def page(result: dict) -> str:
    """The result as Markdown."""
    lives = result["lives"]
    names = Counter(life["what"] for life in lives)
    rows = []
    for what, count in names.items():
        mine = [life for life in lives if life["what"] == what]
        lost = [life["lost"] for life in mine if life["lost"] is not None]
        codes = ", ".join(str(code) for code in sorted({life["code"] for life in mine}))
        rows.append(f"| {what} | {count} | {codes} | {max(lost) if lost else '–'} |")
    kills = sum(life["code"] == -signal.SIGKILL for life in lives)
    said = [line for life in lives for line in life["said"] if "told to stop" not in line]
    kinds = list({re.sub(r"\d+|…/\S+", "#", line)[:60]: line for line in said}.values())
    same_store = ", and both preparations wrote the same bytes" if result["store_identical"] else ""
    stops = sum("SIGTERM" in life["what"] for life in lives)
    return f"""# Fault drill

`python benchmarks/fault_drill.py --output=benchmarks/results/fault_drill`

One run of {result["steps"]} steps, with a checkpoint every {result["save_every"]}, was left alone. The same run,
from its preparation on, was killed {kills} times (SIGKILL) at moments drawn by chance, told to stop {stops} times and
found its newest checkpoint damaged. A third one met a full disk ({result["full_disk"] or "left out"}), for a while and
again until the end. **All ended with the same parameters, bit for bit**{same_store}.

| fault | lives | exit code | most steps done again |
|---|---|---|---|
{chr(10).join(rows)}

Exit code -9 is SIGKILL, 75 a stop with everything saved, 2 an error that was said, 0 a life that was left alone and
finished the run. Steps done again are counted from the last line of the log, of which there is one every
{result["log_every"]} steps: at most one interval, and what was done while a checkpoint was still being written.

What the runs said of their faults, one line of each kind:

```text
{chr(10).join(kinds)}
```
"""


def shown(line: str) -> str:
    """A line without what differs from machine to machine."""
    line = re.sub(r"events\.out\.\S+", "events", re.sub(r"/\S*/(?=\w)", "…/", line.strip()))
    return line if len(line) <= 200 else f"{line[:200]} …"
