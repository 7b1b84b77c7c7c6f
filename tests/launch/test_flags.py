"""Launch scripts without a cloud: style, help, errors, and dry runs that print the exact commands."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.launch.machines import LAUNCH, commands, run, write_script

DOCS = LAUNCH.parent / "docs" / "tpu.md"
SCRIPTS = ("ship.sh", "tpu.sh", "gke.sh", "box.sh")
TPU = {"SEQGPT_NAME": "ft", "SEQGPT_ZONE": "us-west4-a", "SEQGPT_BUCKET": "gs://b", "SEQGPT_COMMIT": "HEAD"}
GKE = TPU | {"SEQGPT_CLUSTER": "tpus", "SEQGPT_IMAGE": "us-docker.pkg.dev/p/images/seqgpt"}
TRAIN = ("--", "--gin_file=ft.gin", "--run_dir=gs://b/runs/ft")
QUEUED = "gcloud compute tpus queued-resources"


@pytest.fixture(scope="module")
def commit() -> str:
    command = ["git", "-C", str(LAUNCH), "rev-parse", "--short=12", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    assert shellcheck, "shellcheck is missing: pip install -e '.[test]'"
    scripts = [path.name for path in sorted(LAUNCH.glob("*.sh"))]
    found = subprocess.run([shellcheck, "-x", "-S", "style", *scripts], cwd=LAUNCH, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_shows_an_example_and_every_flag(script) -> None:
    shown = run(LAUNCH / script, "--help")
    assert shown.returncode == 0
    assert f"launch/{script} " in shown.stdout
    source = (LAUNCH / script).read_text(encoding="utf-8")
    values, switches = re.search(r'^read_flags "(.*)" "(.*)" "\$@"$', source, re.M).groups()
    for flag in [*values.split(), *switches.split(), "dry_run"]:
        assert f"--{flag} " in shown.stdout
    # And every verb that the script knows by name.
    for verb in re.findall(r"^  ([a-z]+)\)", source, re.M):
        assert re.search(rf"^  {verb} ", shown.stdout, re.M), verb


@pytest.mark.parametrize(
    ("script", "words", "says"),
    [
        ("tpu.sh", ("create", "--zone=us-west4-a"), "--name=VALUE is missing (or the variable SEQGPT_NAME)"),
        ("tpu.sh", ("setup", "--name=a", "--zone=z"), "--bucket=VALUE is missing"),
        ("tpu.sh", ("create", "--name=a", "--zone=z", "--tpye=v4-8"), "--tpye=v4-8: no such flag"),
        ("tpu.sh", ("create", "--name", "a"), "--name: no such flag"),
        ("tpu.sh", ("create", "--spot=1"), "--spot=1: no such flag"),
        ("tpu.sh", ("create", "--name=a", "--zone=z", "--spot", "--reserved"), "use one of them"),
        ("tpu.sh", ("fly", "--name=a", "--zone=z"), "unknown verb 'fly'"),
        ("tpu.sh", (), "give one verb"),
        ("tpu.sh", ("train", "--name=a", "--zone=z", "--bucket=gs://b"), "say after -- what to train"),
        (
            "tpu.sh",
            ("train", "--name=a", "--zone=z", "--bucket=gs://b", "--", "--gin_file=ft.gin", "--run_dir=runs/ft"),
            "--run_dir=gs://my-bucket/runs/NAME is missing",
        ),
        ("tpu.sh", ("setup", "--name=a", "--zone=z", "--bucket=gs://b", "--commit=nothing"), "--commit=nothing is no"),
        ("gke.sh", ("train",), "--image=VALUE is missing"),
        ("gke.sh", ("cluster", "--zone=z"), "--cluster=VALUE is missing"),
        ("gke.sh", ("image", "--image=i", "--dry_run=1"), "--dry_run=1: no such flag"),
        ("box.sh", ("setup",), "--host=VALUE is missing"),
        ("box.sh", ("fetch", "--host=h"), "fetch needs one folder"),
        ("ship.sh", ("--extra=gpu",), "--extra=gpu: must be tpu or cuda"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_runs(script, words, says, tmp_path) -> None:
    for name in ("gcloud", "xpk", "kubectl", "ssh", "rsync", "uv"):
        write_script(tmp_path / name, "echo RAN")
    done = run(LAUNCH / script, *words, path=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr


def test_one_host_a_slice_and_several_slices_are_asked_for() -> None:
    ask = f"{QUEUED} create ft --zone=us-west4-a"
    for words, asked in (
        (
            ("--type=v5litepod-8",),
            "--accelerator-type=v5litepod-8 --runtime-version=v2-alpha-tpuv5-lite --node-id=ft",
        ),
        (
            ("--type=v5p-8", "--spot"),
            "--accelerator-type=v5p-8 --runtime-version=v2-alpha-tpuv5 --node-id=ft --spot",
        ),
        (
            ("--type=v4-8", "--reserved"),
            "--accelerator-type=v4-8 --runtime-version=tpu-ubuntu2204-base --node-id=ft --reserved",
        ),
        (
            ("--type=v6e-16", "--slices=2"),
            "--accelerator-type=v6e-16 --runtime-version=v2-alpha-tpuv6e --node-count=2 --node-prefix=ft",
        ),
        (
            ("--type=v4-32", "--runtime=mine"),
            "--accelerator-type=v4-32 --runtime-version=mine --node-id=ft",
        ),
        (("--type=v4-32",), "--accelerator-type=v4-32 --runtime-version=tpu-ubuntu2204-base --node-id=ft"),
    ):
        shown = run(LAUNCH / "tpu.sh", "create", "--dry_run", *words, **TPU).stdout
        assert commands(shown)[0] == f"{ask} {asked}".split()


def test_every_host_gets_the_same_commands(commit) -> None:
    for verb, command in (
        (
            "setup",
            "mkdir -p seqgpt/code && gcloud storage rsync --recursive --delete-unmatched-destination-objects "
            f"gs://b/code/{commit}-tpu seqgpt/code && bash seqgpt/code/host.sh setup && "
            "SEQGPT_BUCKET=gs://b bash seqgpt/code/host.sh inputs",
        ),
        (
            "train",
            "SEQGPT_BUCKET=gs://b SEQGPT_NAME=ft bash seqgpt/code/host.sh start --multihost --gin_file=ft.gin "
            "--run_dir=gs://b/runs/ft",
        ),
        ("stop", "bash seqgpt/code/host.sh stop"),
    ):
        shown = run(LAUNCH / "tpu.sh", verb, "--dry_run", *TRAIN, **TPU).stdout
        everywhere = f"{QUEUED} ssh ft --zone=us-west4-a --node=all --worker=all --batch-size=all"
        assert commands(shown) == [[*everywhere.split(), f"--command={command}"]]


def test_keep_and_delete() -> None:
    shown = run(LAUNCH / "tpu.sh", "keep", "--dry_run", *TRAIN, **TPU).stdout
    assert [words[4] for words in commands(shown)] == ["list", "create", "ssh", "ssh"]
    shown = run(LAUNCH / "tpu.sh", "delete", "--dry_run", **TPU).stdout
    assert shown == f"{QUEUED} delete ft --zone=us-west4-a --force --quiet\n"


def test_gke_job(commit) -> None:
    shown = run(LAUNCH / "gke.sh", "train", "--dry_run", "--type=v5litepod-64", "--slices=2", *TRAIN, **GKE).stdout
    assert shown == (
        "xpk workload create --cluster=tpus --zone=us-west4-a --workload=ft --tpu-type=v5litepod-64 --num-slices=2 "
        f"--docker-image=us-docker.pkg.dev/p/images/seqgpt:{commit} --restart-on-exit-codes=1,75 --max-restarts=100 "
        "--termination-grace-period-seconds=300 '--command=exec env SEQGPT_BUCKET=gs://b bash /seqgpt/code/host.sh "
        "once --multihost --gin_file=ft.gin --run_dir=gs://b/runs/ft'\n"
    )
    shown = run(LAUNCH / "gke.sh", "cluster", "--dry_run", "--spot", **GKE).stdout
    assert shown == (
        "xpk cluster create --cluster=tpus --zone=us-west4-a --tpu-type=v5litepod-16 --num-slices=1 --spot\n"
    )
    shown = run(LAUNCH / "gke.sh", "logs", "--dry_run", **GKE).stdout
    assert shown == (
        "gcloud container clusters get-credentials tpus --location=us-west4\n"
        "kubectl logs --selector=jobset.sigs.k8s.io/jobset-name=ft --prefix --ignore-errors --max-log-requests=1000 "
        "--tail=-1\n"
    )


def test_a_dry_run_can_be_pasted(tmp_path) -> None:
    """The line that is shown gives a program the same words as the script itself would."""
    odd = "--gin.Prepare.own_data={'a b': \"it's $HOME/`x`\\n.jsonl\"}"
    write_script(tmp_path / "ssh", f"printf '%s\\0' \"$@\" >>{tmp_path}/words")
    words = ("train", "--host=me@box", "--", "--gin_file=ft.gin", odd)
    shown = run(LAUNCH / "box.sh", "--dry_run", *words).stdout
    assert not (tmp_path / "words").exists()
    run(LAUNCH / "box.sh", *words, path=tmp_path)
    subprocess.run(["bash", "-c", shown], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True)
    by_script, pasted = (tmp_path / "words").read_text().split("me@box\0")[1:]
    assert by_script == pasted
    # And the far shell gets the odd word back as it was.
    assert shlex.split(pasted.rstrip("\0"))[-1] == odd


@pytest.mark.parametrize(("value", "runs"), [("1", False), ("0", True), ("", True)])
def test_a_dry_run_can_be_set_by_a_variable(tmp_path, value, runs) -> None:
    write_script(tmp_path / "ssh", f"touch {tmp_path}/ran")
    run(LAUNCH / "box.sh", "delete", "--host=me@box", path=tmp_path, SEQGPT_DRY_RUN=value)
    assert (tmp_path / "ran").exists() == runs


def test_shipping_packs_one_commit(commit) -> None:
    shown = run(LAUNCH / "ship.sh", "--dry_run", "--bucket=gs://b").stdout.splitlines()
    assert f"git archive --output=dist/{commit}-tpu.source.tar {commit}" in shown
    # uv's .gitignore would hide the package from `gcloud builds submit`.
    assert shown[-2] == f"rm -rf dist/{commit}-tpu.source dist/{commit}-tpu.source.tar dist/{commit}-tpu/.gitignore"
    assert shown[-1] == (
        "gcloud storage rsync --recursive --delete-unmatched-destination-objects "
        f"dist/{commit}-tpu gs://b/code/{commit}-tpu"
    )


def documented() -> list[str]:
    """The commands of launch/ in docs/tpu.md; a line that ends with a backslash goes on."""
    text = DOCS.read_text(encoding="utf-8").replace("\\\n", " ")
    return [line.split("   #")[0].strip() for line in text.splitlines() if line.startswith("launch/")]


def test_documented_commands_are_accepted() -> None:
    assert len(documented()) > 15
    for line in documented():
        words = shlex.split(line)
        variables = GKE | {"SEQGPT_HOST": "me@box"}
        done = run(LAUNCH.parent / words[0], "--dry_run", *words[1:], **variables)
        assert done.returncode == 0, f"{line}: {done.stderr}"
