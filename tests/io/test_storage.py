"""Atomic writes: a file or folder under its name is complete, whatever happens while it is written."""

import subprocess
import sys
from pathlib import Path

import pytest
from etils import epath

from seqgpt_jax.io import storage


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = epath.Path(tmp_path) / "new" / "file"
    for content in (b"first", b"second"):
        storage.write(path, content)
        assert storage.read(path) == content
    assert [entry.name for entry in path.parent.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file_alone(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "inside").touch()
    with pytest.raises(OSError, match="taken"):
        storage.write(epath.Path(tmp_path) / "taken", b"content")
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_a_folder_gets_its_name_last(tmp_path: Path) -> None:
    folder = tmp_path / "folder"

    def interrupted() -> None:
        with storage.new_folder(folder) as partial:
            (partial / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    assert not folder.exists()
    folder.mkdir()  # an empty one is no obstacle
    with storage.new_folder(folder) as partial:
        (partial / "file").write_text("complete")
        assert not list(folder.iterdir())
    assert [entry.name for entry in folder.iterdir()] == ["file"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def writers(folder: Path, number: int) -> list[subprocess.Popen]:
    """Processes in a block of `new_folder`, which they leave at the end of their input: each has written a file."""
    program = (
        "import sys; from pathlib import Path; from seqgpt_jax.io import storage\n"
        "with storage.new_folder(Path(sys.argv[1])) as partial:\n"
        "    (partial / sys.argv[2]).touch(); print('inside', flush=True)\n"
        "    sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(folder)]
    found = [
        subprocess.Popen(
            [*command, f"{n}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for n in range(number)
    ]
    assert [process.stdout.readline() for process in found] == ["inside\n"] * number
    return found


def test_of_two_processes_that_make_one_folder_the_first_one_keeps_it(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    both = writers(folder, 2)
    first, second = (process.communicate() for process in both)
    assert [process.returncode for process in both] == [0, 1]
    assert "FileExistsError" in second[1]
    assert [entry.name for entry in folder.iterdir()] == ["0"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
    assert first[1] == ""


def test_what_a_killed_process_leaves_of_a_folder_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    killed, living = writers(folder, 2)
    killed.kill()
    killed.communicate()
    (tmp_path / "folder.partial").mkdir()  # of an earlier version
    (tmp_path / "folder.partial-mine").mkdir()
    with storage.new_folder(folder) as partial:
        (partial / "file").touch()
        assert len(list(tmp_path.iterdir())) == 3
    assert "FileExistsError" in living.communicate()[1]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "folder.partial-mine"]
    assert [entry.name for entry in folder.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("path", "remote"), [("gs://bucket/run", True), ("s3://bucket", True), ("/runs/a", False), ("a:b", False)]
)
def test_urls_are_remote(path: str, remote: bool) -> None:
    assert storage.is_remote(path) is remote
