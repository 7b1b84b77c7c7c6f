"""Atomic writes: a file or folder under its name is complete, whatever happens while it is written."""

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


@pytest.mark.parametrize(
    ("path", "remote"), [("gs://bucket/run", True), ("s3://bucket", True), ("/runs/a", False), ("a:b", False)]
)
def test_urls_are_remote(path: str, remote: bool) -> None:
    assert storage.is_remote(path) is remote
