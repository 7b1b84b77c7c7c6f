"""The `seqgpt` command: what it lists, how it runs a command, and what it answers to a typo."""

import subprocess
import sys

import pytest

import seqgpt_jax
from seqgpt_jax import __main__ as seqgpt
from seqgpt_jax.command_line import CONFIGS_FOLDER

SCRIPTS = CONFIGS_FOLDER.parent / "seqgpt_jax"


def run(*argv: str, cwd) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *argv], capture_output=True, text=True, check=False, cwd=cwd)


def test_every_script_is_a_command() -> None:
    scripts = {path.stem for path in SCRIPTS.glob("*.py") if "command_line.run(main)" in path.read_text("utf-8")}
    assert set(seqgpt.COMMANDS) == scripts


def test_the_list_has_one_short_line_for_each_command(capsys) -> None:
    with pytest.raises(SystemExit) as exit_:
        seqgpt.main([])
    assert exit_.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    for command in seqgpt.COMMANDS:
        (line,) = [line for line in lines if line.split()[:1] == [command]]
        assert 20 < len(line) <= 120


@pytest.mark.parametrize(
    ("argv", "message"),
    [(["trian"], "there is no command 'trian'. Did you mean train?"), (["zzz"], "'zzz'. Commands: quickstart")],
)
def test_a_typo_names_the_closest_command(argv, message, capsys) -> None:
    with pytest.raises(SystemExit) as exit_:
        seqgpt.main(argv)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


def test_version(capsys) -> None:
    with pytest.raises(SystemExit):
        seqgpt.main(["--version"])
    assert seqgpt_jax.__version__ in capsys.readouterr().out


def test_it_runs_a_command_as_python_does(tmp_path) -> None:
    flags = ("--gin_file=nowhere.gin",)
    ours, theirs = run("seqgpt_jax", "train", *flags, cwd=tmp_path), run("seqgpt_jax.train", *flags, cwd=tmp_path)
    assert (ours.returncode, ours.stderr) == (theirs.returncode, theirs.stderr)
    assert ours.returncode == 2
    assert ours.stderr.startswith("error: no gin file")


def test_help_loads_nothing_heavy(tmp_path) -> None:
    shown = run("seqgpt_jax", "train", "--help", cwd=tmp_path)
    assert shown.stdout.startswith("usage: seqgpt train")
    code = "import sys, seqgpt_jax.__main__; print(*{'jax', 'numpy', 'gin', 'transformers', 'flax'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert loaded.stdout.split() == []


def test_transformers_does_not_say_that_pytorch_is_missing(tmp_path) -> None:
    """Neither in a command nor in its workers, while other warnings of `transformers` are shown."""
    code = (
        "import sys; sys.modules['torch'] = None; import seqgpt_jax, transformers;"
        "transformers.logging.get_logger('transformers').warning('another warning')"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "PyTorch was not found" not in shown.stderr
    assert "another warning" in shown.stderr
