"""Results page of the fault drill (see fault_drill.py)."""

import re
import signal
from collections import Counter

FAULTS = re.compile("checkpoint [0-9]|preempted: |error:|could not be written|bytes")
"""Log lines about faults."""


def page(result: dict) -> str:
    """The result as Markdown."""
    attempts = result["attempts"]
    rows = []
    for fault, count in Counter(attempt["fault"] for attempt in attempts).items():
        matching = [attempt for attempt in attempts if attempt["fault"] == fault]
        repeated = [attempt["repeated_steps"] for attempt in matching if attempt["repeated_steps"] is not None]
        codes = ", ".join(str(code) for code in sorted({attempt["exit_code"] for attempt in matching}))
        rows.append(f"| {fault} | {count} | {codes} | {max(repeated) if repeated else '–'} |")
    kills = sum(attempt["exit_code"] == -signal.SIGKILL for attempt in attempts)
    messages = [line for attempt in attempts for line in attempt["messages"] if "preempted" not in line]
    kinds = list({re.sub(r"\d+|…/\S+", "#", line)[:60]: line for line in messages}.values())
    same_store = ", and both preparations wrote the same bytes" if result["store_identical"] else ""
    preemptions = sum("SIGTERM" in attempt["fault"] for attempt in attempts)
    return f"""# Fault drill

`python benchmarks/fault_drill.py --output=benchmarks/results/fault_drill`

A reference run of {result["steps"]} steps, with a checkpoint every {result["save_every"]}, was not disturbed. The same
run, from its preparation on, was killed {kills} times (SIGKILL) at random moments, preempted {preemptions} times
(SIGTERM) and found its newest checkpoint corrupt. A third one ran on a full disk ({result["full_disk"] or "left out"}),
for a while and again until the end. **All ended with the same parameters, bit for bit**{same_store}.

| fault | attempts | exit code | most steps repeated |
|---|---|---|---|
{chr(10).join(rows)}

Exit code -9 is SIGKILL, 75 a preemption with the state saved, 2 a reported error, 0 an undisturbed attempt that
finished the run. Repeated steps are counted from the last log line, of which there is one every
{result["log_every"]} steps: at most one checkpoint interval, plus the steps done while a checkpoint was being written.

Log lines about the faults, one of each kind:

```text
{chr(10).join(kinds)}
```
"""


def short_line(line: str) -> str:
    """A log line without what differs between machines, at most 200 characters."""
    line = re.sub(r"events\.out\.\S+", "events", re.sub(r"/\S*/(?=\w)", "…/", line.strip()))
    return line if len(line) <= 200 else f"{line[:200]} …"
