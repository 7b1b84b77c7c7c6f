"""host.sh on this machine, with a fake training process that exits with scripted codes."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.launch.machines import LAUNCH, run, write_script

# Records its arguments, then exits with the next code of the file `codes`; "wait" trains until SIGTERM, then saves.
TRAINING = """
echo "$@" >>"$HOME/calls"
env | grep -E "^(TENSORSTORE|JAX_COMP|SEQGPT_DATA)" | sort >"$HOME/variables"
code=$(head -n 1 "$HOME/codes") && sed -i 1d "$HOME/codes"
if [[ $code == wait ]]; then
  trap 'echo saved >>"$HOME/calls"; exit 75' TERM
  echo trains >"$HOME/trains"
  while true; do sleep 0.05; done
fi
exit "$code"
"""


class Host:
    """A home folder like that of a host, with host.sh in its place."""

    def __init__(self, home: Path) -> None:
        self.home, self.script = home, home / "seqgpt" / "code" / "host.sh"
        self.script.parent.mkdir(parents=True)
        self.script.write_text((LAUNCH / "host.sh").read_text(encoding="utf-8"), encoding="utf-8")
        write_script(home / "seqgpt" / "venv" / "bin" / "python", TRAINING)

    def __call__(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return run(self.script, *words, cwd=self.home, HOME=str(self.home), SEQGPT_PAUSE="0", **variables)

    def will_end(self, *codes: int | str) -> None:
        (self.home / "codes").write_text("".join(f"{code}\n" for code in codes), encoding="utf-8")

    def state(self) -> str:
        return self("state").stdout.split(": seqgpt ")[1].split(",")[0]

    def comes_to(self, state: str) -> None:
        wait_until(
            lambda: self.state() == state, lambda: f"{self.state()}, not {state}: {self.read('seqgpt/train.log')}"
        )

    def read(self, name: str) -> str:
        return (self.home / name).read_text(encoding="utf-8") if (self.home / name).exists() else ""


def wait_until(fine, complaint=lambda: "") -> None:
    for _ in range(200):
        if fine():
            return
        time.sleep(0.05)
    raise AssertionError(complaint())


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path)


def test_training_starts_again_until_it_has_ended(host) -> None:
    assert host.state() == "none"
    host.will_end(75, 134, 75, 0)
    host("start", "--multihost", "--gin_file=ft.gin", "--gin.A='a b'")
    host.comes_to("finished")
    assert host.read("calls") == "-m seqgpt_jax.train --multihost --gin_file=ft.gin --gin.A='a b'\n" * 4
    assert host.read("seqgpt/train.log").count("exit code 75") == 2


def test_wrong_settings_are_not_tried_again(host) -> None:
    host.will_end(2, 0)
    host("start", "--gin_file=ft.gin")
    host.comes_to("failed 2")
    assert host.read("codes") == "0\n"


def test_crashes_in_a_row_have_a_limit(host) -> None:
    host.will_end(1, 1, 134, 0)
    host("start", "--gin_file=ft.gin", SEQGPT_RESTARTS="2")
    host.comes_to("failed 134")
    assert host.read("codes") == "0\n"


def test_stop_saves_and_does_not_start_again(host) -> None:
    assert "training is not running" in host("stop").stdout
    host.will_end("wait", 0)
    host("start", "--gin_file=ft.gin")
    wait_until((host.home / "trains").exists)
    assert host.state() == "running"
    assert "training is already running" in host("start", "--gin_file=other.gin").stdout
    assert "training is already running" in host("setup").stdout
    host("stop")
    host.comes_to("stopped")
    assert host.read("calls").splitlines()[1:] == ["saved"]
    # The same command resumes.
    host("start", "--gin_file=ft.gin")
    host.comes_to("finished")


def test_a_machine_that_goes_down_lets_training_save(host) -> None:
    """systemd signals all processes at once; the loop must neither restart nor exit before training has saved."""
    host.will_end("wait", 0)
    host("start", "--gin_file=ft.gin")
    wait_until((host.home / "trains").exists)
    for name in ("loop.pid", "train.pid"):
        os.kill(int(host.read(f"seqgpt/{name}")), signal.SIGTERM)
    # Nobody stopped the run: once the machine is up again, it has to start.
    host.comes_to("dead")
    assert host.read("calls").splitlines()[1:] == ["saved"]
    assert host.read("codes") == "0\n"


def test_a_killed_loop_is_seen(host) -> None:
    host.will_end("wait")
    host("start", "--gin_file=ft.gin")
    wait_until((host.home / "trains").exists)
    for name in ("loop.pid", "train.pid"):
        os.kill(int(host.read(f"seqgpt/{name}")), signal.SIGKILL)
    host.comes_to("dead")
    assert host.state() == "dead"


def test_in_a_pod_the_signal_reaches_training(host) -> None:
    """XPK runs the command in a subshell in the background and sends SIGTERM to that."""
    host.will_end("wait")
    write_script(host.home / "bin" / "gcloud", 'echo "gcloud $*" >>"$HOME/calls"')
    command = f"(exec env SEQGPT_BUCKET=gs://b bash {host.script} once --gin_file=ft.gin) & echo $!; wait $!; exit $?"
    env = os.environ | {"HOME": str(host.home), "PATH": f"{host.home / 'bin'}:{os.environ['PATH']}"}
    with subprocess.Popen(["bash", "-c", command], env=env, stdout=subprocess.PIPE, text=True) as pod:
        process = int(pod.stdout.readline())
        wait_until((host.home / "trains").exists)
        os.kill(process, signal.SIGTERM)
        assert pod.wait(timeout=10) == 75
    assert host.read("calls").splitlines() == [
        "gcloud storage rsync --recursive gs://b/inputs .",
        "-m seqgpt_jax.train --gin_file=ft.gin",
        "saved",
    ]


def test_variables_of_training(host) -> None:
    host.will_end(0, 0)
    write_script(host.home / "bin" / "gcloud", 'echo "gcloud $*" >>"$HOME/copies"')
    variables = {"PATH": f"{host.home / 'bin'}:{os.environ['PATH']}", "JAX_COMPILATION_CACHE_DIR": ""}
    host("start", "--gin_file=ft.gin", SEQGPT_BUCKET="gs://b", SEQGPT_NAME="ft", **variables)
    host.comes_to("finished")
    assert host.read("variables").splitlines() == [
        "JAX_COMPILATION_CACHE_DIR=gs://b/cache",
        f"SEQGPT_DATA_DIR={host.home}/seqgpt/datasets",
        "TENSORSTORE_CURL_LOW_SPEED_LIMIT_BYTES=256",
        "TENSORSTORE_CURL_LOW_SPEED_TIME_SECONDS=60",
    ]
    name = subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()
    assert host.read("copies") == f"gcloud storage cp train.log gs://b/logs/ft/{name}.log\n"
    host("once", "--gin_file=ft.gin", **variables)
    assert f"JAX_COMPILATION_CACHE_DIR={host.home}/seqgpt/cache" in host.read("variables")
