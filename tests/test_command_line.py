"""The edge: gin files by bare name, overrides, and errors that name the way out."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from seqgpt_jax import command_line, train
from seqgpt_jax.__main__ import COMMANDS
from seqgpt_jax.command_line import UsageError

USES = ("Prepare", "Model", "Optimizer", "Mesh", "Train")


def parse(*argv: str, uses=USES):
    return command_line.parse(command_line.parser("doc"), argv, uses)[1]


def test_bare_names_includes_and_overrides() -> None:
    configs = parse("--gin_file=ft_cpu.gin", "--gin.Prepare.quota=7", "--gin.Prepare.tokenizer=some/folder")
    prepare = configs.build("Prepare")
    assert (prepare.mixture, prepare.quota, prepare.tokenizer) == ("ft_cpu", 7, "some/folder")
    assert configs.build("Model").vocab_size == 8192
    assert "Prepare.quota = 7" in configs.text()


def test_own_file_with_own_macro(tmp_path) -> None:
    path = tmp_path / "mine.gin"
    path.write_text("include 'ft_cpu.gin'\nSEED = 3\nPrepare.seed = %SEED\nTrain.seed = %SEED\n")
    configs = parse(f"--gin_file={path}", "--gin.SEED=5")
    assert (configs.build("Prepare").seed, configs.build("Train").seed) == (5, 5)


def test_shipped_files_include_shipped_files(tmp_path, monkeypatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "bloom_cpu.gin").write_text("Model.vocab_size = 7\n")
    monkeypatch.chdir(tmp_path)
    assert parse("--gin_file=ft_cpu.gin").build("Model").vocab_size == 8192


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("--gin_file=ft_cpuu.gin",), "no gin file 'ft_cpuu.gin'.*Did you mean ft_cpu.gin"),
        (("--gin_file=ft_cpu.gin", "--gin.Train.stepz=3"), "Train has no field 'stepz'.*Train.steps"),
        (("--gin_file=ft_cpu.gin", "--gin.Trian.steps=3"), "no configuration 'Trian'.*Train"),
        (("--gin_file=ft_cpu.gin", "--gin.STEPS=3"), "nothing uses the binding STEPS.*Train.steps"),
        (("--gin_file=ft_cpu.gin", "--gin.Decode.num_beams=1"), "Decode is not used by this command"),
    ],
)
def test_what_nothing_uses_is_an_error_with_the_closest_names(argv, message) -> None:
    with pytest.raises(UsageError, match=message):
        parse(*argv)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("Train.steps = 3\n\nTrain.stepz = 4", r"mine.gin:3: Train has no field 'stepz'.*Train.steps"),
        ("Train:\n  steps = 3\n  stepz = 4", r"mine.gin:3: Train has no field 'stepz'"),
        ("Trian.steps = 3", r"mine.gin:1: there is no configuration 'Trian'"),
        ("eval/Train.steps = 3", r"mine.gin:1: there is no configuration 'eval/Train'"),
        ("STEPS = 3\nTrain.steps = %STEP\nSTEP = 4", r"mine.gin:1: nothing uses the binding STEPS.*Did you mean STEP"),
        ("Train.steps = 3\nTrain.length", r"mine.gin:\d: Couldn't parse statement"),
        ("Train.steps = (3,", r"mine.gin: EOF in multi-line statement"),
        ("import os", r"mine.gin:1: import .* Prepare.modules"),
        ("include 'nothing.gin'", "no gin file 'nothing.gin'"),
    ],
)
def test_an_error_in_a_file_has_its_line(lines, message, tmp_path) -> None:
    (tmp_path / "mine.gin").write_text(lines + "\n")
    with pytest.raises(UsageError, match=message):
        parse(f"--gin_file={tmp_path}/mine.gin")


def test_a_macro_of_a_size_sets_tokenizer_and_weights() -> None:
    configs = parse("--gin_file=ft_7b1.gin", "--gin.CHECKPOINT=gs://bucket/bloomz-7b1")
    assert configs.build("Prepare").tokenizer == configs.build("Train").init_from == "gs://bucket/bloomz-7b1"
    assert "CHECKPOINT = 'gs://bucket/bloomz-7b1'" in configs.text()
    # Where the command does not read what refers to it, the macro is used all the same.
    assert parse("--gin_file=bloomz_7b1.gin", uses=("Model",)).build("Model").n_layer == 30


def test_the_text_of_a_command_repeats_it(tmp_path) -> None:
    configs = parse("--gin_file=ft_7b1.gin", "--gin.CHECKPOINT=other", "--gin.Prepare.quota=3")
    built = [configs.build(name) for name in USES]
    (tmp_path / "config.gin").write_text(configs.text())
    again = parse(f"--gin_file={tmp_path}/config.gin")
    assert [again.build(name) for name in USES] == built


def test_bindings_of_another_command_in_the_same_process_are_still_errors() -> None:
    parse("--gin.Decode.num_beams=1", uses=("Decode",))
    with pytest.raises(UsageError, match="Decode is not used by this command"):
        parse("--gin.Decode.num_beams=1")


def test_one_run_file_serves_several_commands() -> None:
    for _ in range(2):  # the second time Model and Train are known to gin from before
        assert parse("--gin_file=ft_cpu.gin", uses=("Prepare",)).build("Prepare").mixture == "ft_cpu"
        parse("--gin_file=ft_cpu.gin")


def test_values_are_checked_and_missing_ones_are_named() -> None:
    with pytest.raises(UsageError, match=r"^Prepare.split must be one of train, validation, test, not 'dev'"):
        parse("--gin_file=ft_cpu.gin", "--gin.Prepare.split=dev").build("Prepare")
    with pytest.raises(UsageError, match=r"not set: Prepare.mixture, Prepare.tokenizer.*--data=FILE"):
        parse().build("Prepare")


@pytest.mark.parametrize("value", ["7b/model", "20240501/pt", "2024-05-01/run", "None/x", "my runs/pt", "runs/ft"])
def test_values_that_begin_like_a_number_or_hold_a_space_are_strings(value) -> None:
    flags = command_line.parser("Example.\n\n    python -m x")
    flags.add_argument("files", nargs="*")
    args, configs = command_line.parse(flags, [f"--gin.Train.init_from={value}", "a.jsonl"], uses=("Train",))
    assert configs.build("Train", batch_size=1, length=8).init_from == value
    assert args.files == ["a.jsonl"]


def test_unknown_flags_name_the_closest(capsys) -> None:
    with pytest.raises(SystemExit):
        parse("--gin_fiel=ft.gin")
    assert "--gin_file" in capsys.readouterr().err


def test_every_shipped_run_builds_all_its_configurations() -> None:
    training = 0
    for path in sorted((command_line.CONFIGS_FOLDER / "runs").glob("*.gin")):
        if path.name == "synthesize.gin":  # neither trains nor evaluates
            parse(f"--gin_file={path.name}", uses=("Synthesize",)).build("Synthesize")
            continue
        evaluates = "eval" in path.name
        uses = ("Prepare", "Evaluate", "Decode") if evaluates else USES
        configs = parse(f"--gin_file={path.name}", uses=uses)
        complete = evaluates or configs.is_bound("Prepare.mixture")
        for name in uses:
            if name == "Model" and not configs.is_bound("Model.hidden_size"):
                assert configs.is_bound("Train.init_from"), f"{path.name}: of what size?"
            elif complete and not (evaluates and name == "Prepare"):
                configs.build(name)
        training += complete and not evaluates
    assert training >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_quick_and_has_an_example(command, tmp_path) -> None:
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", f"seqgpt_jax.{command}", "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert f"python -m seqgpt_jax.{command}" in run.stdout
    # Seconds differ between machines; what makes --help slow is what it imports.
    imported = {line.rpartition("|")[2].strip() for line in run.stderr.splitlines()}
    assert not imported & {"jax", "tensorflow", "seqio", "torch", "transformers", "orbax"}


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (KeyboardInterrupt(), 130, "interrupted: what was saved is kept, run the same command again"),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            2,
            "device: free space in the output folder",
        ),
        (UsageError("what is wrong"), 2, "error: what is wrong\n"),
    ],
)
def test_what_ends_a_command_is_said(error, code, text, capsys) -> None:
    def main() -> int:
        raise error

    with pytest.raises(SystemExit) as ended:
        command_line.run(main)
    assert ended.value.code == code
    assert text in capsys.readouterr().err


def test_errors_are_one_line_without_a_traceback(tmp_path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "seqgpt_jax.train", "--gin_file=nowhere.gin"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert run.returncode == 2
    assert run.stderr.startswith("error: no gin file 'nowhere.gin'")
    assert "Traceback" not in run.stderr
    assert list(Path(tmp_path).iterdir()) == []


def test_several_hosts_do_not_fetch():
    with pytest.raises(command_line.UsageError, match=r"--fetch is for one host: .*seqgpt_jax\.fetch"):
        train.main(["--gin_file=ft_cpu.gin", "--multihost", "--fetch"])
