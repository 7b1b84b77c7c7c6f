"""`tpu.sh keep` against a fake gcloud that simulates preemptions."""

import pytest

from tests.launch.machines import LAUNCH, run, write_script

# `list` and the state of the hosts answer with the next line of a file; all calls are recorded.
GCLOUD = r"""
here=$(dirname "$0")
next() { head -n 1 "$here/$1" && sed -i 1d "$here/$1"; }
case "$*" in
  *" list "*) state=$(next machines) && [[ $state != ERROR ]] && echo "$state" ;;
  *"host.sh state") next hosts | tr ';' '\n' ;;
  *" create "*) echo create >>"$here/calls" && [[ ! -e $here/full ]] || { rm "$here/full" && false; } ;;
  *" delete "*) echo delete >>"$here/calls" ;;
  *"host.sh setup"*) echo setup >>"$here/calls" ;;
  *"host.sh start"*) echo train >>"$here/calls" ;;
  *"host.sh stop"*) echo stop >>"$here/calls" ;;
esac
"""
RUNNING, FINISHED = "a: seqgpt running, step 1;b: seqgpt running, ", "a: seqgpt finished, ;b: seqgpt finished, "


def keep(folder, machines: list[str], hosts: list[str]) -> tuple[int, list[str], str]:
    """(exit code, what was done, errors) when these are the states in turn."""
    write_script(folder / "gcloud", GCLOUD)
    (folder / "machines").write_text("\n".join(machines) + "\n")
    (folder / "hosts").write_text("\n".join(hosts) + "\n")
    (folder / "calls").touch()
    words = ("keep", "--name=ft", "--zone=z", "--bucket=gs://b", "--every=0", "--spot")
    done = run(LAUNCH / "tpu.sh", *words, "--", "--gin_file=ft.gin", "--run_dir=gs://b/runs/ft", path=folder)
    return done.returncode, (folder / "calls").read_text().split(), done.stderr


def test_from_nothing_through_a_preemption_to_the_end(tmp_path) -> None:
    machines = ["", "WAITING_FOR_RESOURCES", "PROVISIONING", "ACTIVE", "ACTIVE", "SUSPENDING", "SUSPENDED"]
    machines += ["PROVISIONING", "ACTIVE", "ACTIVE", "ACTIVE"]
    hosts = ["bash: seqgpt/code/host.sh: No such file", RUNNING, "a: seqgpt none, ", RUNNING, FINISHED]
    code, done, _ = keep(tmp_path, machines, hosts)
    assert code == 0
    assert done == ["create", "setup", "train", "delete", "create", "setup", "train"]


def test_what_fails_for_a_moment_is_tried_again(tmp_path) -> None:
    (tmp_path / "full").touch()
    machines = ["", "", "ERROR", "ACTIVE", "ERROR", "ACTIVE"]
    code, done, _ = keep(tmp_path, machines, [RUNNING, FINISHED])
    assert (code, done) == (0, ["create", "create", "setup", "train"])


@pytest.mark.parametrize("lost", ["a: seqgpt running, ;b: seqgpt dead, ", "a: seqgpt running, ;b: seqgpt none, "])
def test_a_host_that_was_restarted_joins_again(tmp_path, lost) -> None:
    code, done, _ = keep(tmp_path, ["ACTIVE"] * 4, [RUNNING, lost, RUNNING, FINISHED])
    assert (code, done) == (0, ["setup", "train", "setup", "train"])


def test_hosts_end_one_after_the_other(tmp_path) -> None:
    code, done, _ = keep(tmp_path, ["ACTIVE"] * 3, [RUNNING, "a: seqgpt finished, ;b: seqgpt running, ", FINISHED])
    assert (code, done) == (0, ["setup", "train"])


def test_a_failure_on_one_host_stops_all(tmp_path) -> None:
    code, done, errors = keep(tmp_path, ["ACTIVE"] * 2, [RUNNING, "a: seqgpt running, ;b: seqgpt failed 2, error"])
    assert (code, done) == (2, ["setup", "train", "stop"])
    assert "tpu.sh logs" in errors


def test_stop_ends_keep_too(tmp_path) -> None:
    code, done, _ = keep(tmp_path, ["ACTIVE"] * 2, [RUNNING, "a: seqgpt stopped, ;b: seqgpt stopped, "])
    assert (code, done) == (75, ["setup", "train"])
