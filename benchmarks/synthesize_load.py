"""Load test of `synthesize` on loopback: many requests at a time, every fault, a budget, three SIGKILLs.

    python benchmarks/synthesize_load.py --output=benchmarks/results/synthesize_load

A server that plays an OpenAI-compatible endpoint faults on an eighth of the passages. The command is killed three
times while requests are under way, then stopped by its budget, then finished. Every passage must be in the data or
among the rejected exactly once, no attempt may be sent that the budget forbids, nothing that has an answer may be asked
again, and the key may be in no file and no output. At last the answers are rendered on one core.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.synthesis.server import KEY, Handler, good, right_answer, serving
from tests.synthesis.texts import write_texts

# Of 256: what becomes of the first request for a passage, by a hash of its text.
FAULTS = {"429": 6, "500": 6, "cut": 4, "slow": 2, "html": 2, "malformed": 4, "span": 4, "refusal": 2, "language": 2}
ALWAYS_WRONG = 2
TIMEOUT = 10.0


def fault_of(body: dict[str, Any]) -> str:
    """The fault of a passage; "always" for one whose every answer is refused, "" for none."""
    number = hashlib.blake2b(body["messages"][1]["content"].encode(), digest_size=1).digest()[0]
    for name, width in {"always": ALWAYS_WRONG, **FAULTS}.items():
        if number < width:
            return name
        number -= width
    return ""


def behave(handler: Handler, body: dict[str, Any], number: int, times: int) -> None:
    """Answers of the server."""
    fault = fault_of(body)
    if fault == "always" or (times == 1 and fault == "refusal"):
        handler.say(f"I'm sorry, I cannot do that. {KEY}")
    elif times > 1 or not fault:
        good(handler, body, number, times)
    elif fault == "429":
        handler.send(429, {"error": {"message": f"{KEY}: too many requests"}}, Retry_After="1")
    elif fault == "500":
        handler.send(500, {"error": {"message": f"fault of {KEY}"}})
    elif fault == "cut":
        handler.cut()
    elif fault == "slow":
        time.sleep(TIMEOUT + 1)
        handler.say(right_answer(body))
    elif fault == "html":
        handler.send(200, b"<html>")
    elif fault == "malformed":
        handler.say(right_answer(body)[:-2])
    elif fault == "span":
        handler.say('{"entities": [{"type": "thing", "mentions": ["nowhere"]}], "mentions": [{"mention": "nowhere"}]}')
    else:
        handler.say('{"labels": ["Метка"], "entities": [], "mentions": []}')


class Command:
    """The command as a process whose output is kept and whose memory is measured."""

    def __init__(self, folder: Path, passages: int, concurrency: int, *flags: str) -> None:
        self._log = (folder / "command.log").open("ab")
        self.memory: list[int] = []
        settings = {"concurrency": concurrency, "timeout": TIMEOUT, "longest_pause": 5.0, "retries": 8}
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "seqgpt_jax.synthesize", f"--input={folder / 'texts.jsonl'}"),
                *(f"--output={folder / 'out'}", "--model=m"),
                f"--gin.Synthesize.passages={passages}",
                *(f"--gin.Synthesize.{name}={value}" for name, value in settings.items()),
                *flags,
            ],
            stdout=self._log,
            stderr=self._log,
            env=os.environ | {"OPENAI_API_KEY": KEY},
        )

    def running(self) -> bool:
        """Whether it runs; measures its memory."""
        if self.process.poll() is not None:
            self._log.close()
            return False
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            self.memory += [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")]
        except OSError:
            pass
        return True

    def wait(self, seconds: float) -> None:
        """Waits for its end."""
        end = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > end:
                self.process.kill()
                raise TimeoutError(f"the command takes more than {seconds} s")
            time.sleep(0.1)
        if self.process.returncode:
            raise RuntimeError(f"the command ended with {self.process.returncode}")


def load(folder: Path, passages: int, concurrency: int, kills: int) -> dict[str, Any]:
    """Runs the test in a folder.

    Returns:
      what was counted and measured.

    Raises:
      AssertionError: something was lost, done twice, beyond the budget, or the key is in a file.
    """
    # Of texts that are words without order, a few sound like another language.
    write_texts(folder / "texts.jsonl", passages + passages // 20 + 5)
    start = time.monotonic()
    with serving(behave, keep=False) as server:
        asking = f"--endpoint={server.url}"
        killed_at = []
        for kill in range(kills):
            command = Command(folder, passages, concurrency, asking, "--gin.Synthesize.max_requests=None")
            goal = passages * (kill + 1) // (kills + 2)
            end = time.monotonic() + 120
            while command.running() and server.count < goal and time.monotonic() < end:
                time.sleep(0.01)
            command.process.kill()
            command.process.wait()
            assert command.process.returncode == -9, "it ended before it was killed"
            killed_at.append(server.count)
        time.sleep(0.5)
        budget = passages * (kills + 1) // (kills + 2) + 1
        before = server.count
        command = Command(folder, passages, concurrency, asking, f"--gin.Synthesize.max_requests={budget}")
        command.wait(240)
        stopped = manifest(folder)
        # A request that was noted and killed before it was sent counts, so the server may have seen fewer.
        assert stopped["spent"]["requests"] == budget, stopped["spent"]
        assert budget - kills * concurrency <= server.count <= budget, (before, server.count, budget)
        assert stopped["waiting"] > 0
        seen = server.count
        last = Command(folder, passages, concurrency, asking, "--gin.Synthesize.max_requests=None")
        last.wait(240)
        asked = server.count
        seconds = time.monotonic() - start
        again = Command(folder, passages, concurrency, asking, "--gin.Synthesize.max_requests=None")
        again.wait(120)
        assert server.count == asked, "an answered passage was asked again"
    found = manifest(folder)
    data, rejected = lines(folder / "out" / "data.jsonl"), lines(folder / "out" / "rejected.jsonl")
    of_data, of_rejected = {row["id"].rpartition("/")[0] for row in data}, [row["id"] for row in rejected]
    known = {row["id"] for row in lines(folder / "out" / "passages.jsonl")}
    assert len(known) == passages
    assert len({row["id"] for row in data}) == len(data), "a record is there twice"
    assert len(of_rejected) == len(set(of_rejected)), "a passage was rejected twice"
    assert not of_data & set(of_rejected), "a passage is in the data and among the rejected"
    assert of_data | set(of_rejected) == known, "a passage is missing"
    journal = (folder / "out" / "journal.jsonl").read_bytes()
    kinds = Counter(json.loads(line)["record"]["kind"] for line in journal.splitlines())
    assert found["spent"]["requests"] == kinds["sent"]
    unsent = kinds["sent"] - asked
    assert 0 <= unsent <= kills * concurrency
    open_requests = kinds["sent"] - kinds["answer"] - kinds["failed"]
    assert 0 < open_requests <= kills * concurrency, open_requests
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in files if KEY.encode() in path.read_bytes()], "the key is in a file"
    assert b"***" in journal
    return {
        "passages": passages,
        "concurrency": concurrency,
        "killed_at_requests": killed_at,
        "accepted": len(of_data),
        "rejected": dict(Counter(row["reason"] for row in rejected)),
        "records": len(data),
        "budget": budget,
        "requests_at_the_end_of_the_budget": seen,
        "requests_noted": kinds["sent"],
        "requests_received": asked,
        "answers": kinds["answer"],
        "failed_attempts": kinds["failed"],
        "under_way_when_killed": open_requests,
        "files_searched_for_the_key": len(files),
        "seconds": round(seconds, 1),
        "memory": memory(last.memory),
        "rendering": rendering(folder, found),
    }


def memory(samples: list[int]) -> dict[str, int]:
    """Resident kB of the last run, in the middle and at the end of it."""
    quarter = max(len(samples) // 4, 1)
    return {
        "median_of_second_quarter": sorted(samples[quarter : 2 * quarter] or samples)[quarter // 2],
        "most": max(samples),
    }


def rendering(folder: Path, found: dict[str, Any]) -> dict[str, float]:
    """Answers a second that are validated and written, by the time of one core; and the memory that it takes."""
    from seqgpt_jax.synthesis.config import SynthesizeConfig
    from seqgpt_jax.synthesis.journal import Journal
    from seqgpt_jax.synthesis.output import write_data
    from seqgpt_jax.synthesis.passages import read_passages, word_starts

    target = folder / "rendered"
    target.mkdir()
    path = folder / "out" / "passages.jsonl"
    with Journal(folder / "out" / "journal.jsonl") as journal:
        rates = []
        for _ in range(3):
            start = time.process_time()
            counts = write_data(
                read_passages(path),
                found["passages"]["passages"],
                SynthesizeConfig(),
                "m",
                journal,
                target,
                word_starts,
            )
            rates.append(journal.answers / (time.process_time() - start))
        assert not counts.waiting
    assert (target / "data.jsonl").read_bytes() == (folder / "out" / "data.jsonl").read_bytes()
    return {"answers_per_second": round(sorted(rates)[1])}


def lines(path: Path) -> list[dict[str, Any]]:
    """The objects of JSON Lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def manifest(folder: Path) -> dict[str, Any]:
    """What the command wrote last."""
    return json.loads((folder / "out" / "manifest.json").read_text(encoding="utf-8"))


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    rejected = ", ".join(f"{number:,} {reason}" for reason, number in result["rejected"].items()) or "none"
    killed = ", ".join(f"{number:,}" for number in result["killed_at_requests"])
    faults = ", ".join(f"{name} {width / 2.56:.1f} %" for name, width in FAULTS.items())
    middle, most = (result["memory"][name] / 1024 for name in ("median_of_second_quarter", "most"))
    return f"""# `synthesize` under load

`python benchmarks/synthesize_load.py`: {result["passages"]:,} passages, {result["concurrency"]} requests at a time, on
loopback; {result["machine"]}, server and command together. First requests that fault: {faults};
another {ALWAYS_WRONG / 2.56:.1f} % of the passages are refused whenever they are asked.

| | |
|---|--:|
| SIGKILL after requests | {killed} |
| budget of the next run, requests | {result["budget"]:,} |
| noted in the journal then | {result["budget"]:,} |
| received by the server then | {result["requests_at_the_end_of_the_budget"]:,} |
| passages accepted | {result["accepted"]:,} |
| passages rejected | {rejected} |
| passages in both, in neither, or twice | 0 |
| requests noted in the journal, in all | {result["requests_noted"]:,} |
| received by the server | {result["requests_received"]:,} |
| answers, failed attempts | {result["answers"]:,}, {result["failed_attempts"]:,} |
| under way at the kills, without an answer | {result["under_way_when_killed"]:,} |
| requests of one more run | 0 |
| files searched for the key, with the key | {result["files_searched_for_the_key"]}, 0 |
| seconds of the five runs up to here | {result["seconds"]:,} |
| resident MiB of the last run: median of its second quarter, most | {middle:.0f}, {most:.0f} |
| answers validated and rendered a second, one core | {result["rendering"]["answers_per_second"]:,} |

A request is noted before it is sent: one that a kill prevents counts against the budget all the same. The most memory
is at the end, with the library of the chart.
"""


def main() -> None:
    """Runs the test and writes its results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="path without suffix: .json and .md are written")
    parser.add_argument("--passages", type=int, default=5000)
    parser.add_argument("--concurrency", type=int, default=64)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = load(Path(folder), args.passages, args.concurrency, kills=3)
    result["machine"] = f"{os.cpu_count()} cores, {platform.machine()}"
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    args.output.with_suffix(".md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
