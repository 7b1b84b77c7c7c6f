"""Limits of what archives may unpack."""

import io
import stat
import tarfile
import zipfile

import pytest

from seqgpt_jax.data.raw.archives import ArchiveError, Limits, extract, unpack_gzip

SMALL = Limits(bytes=10_000_000, ratio=20, always=100_000, files=50)


def tar(path, *infos: tuple[tarfile.TarInfo, bytes]):
    with tarfile.open(path, "w:gz") as archive:
        for info, body in infos:
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def made(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_a_bomb_is_refused_before_it_is_written(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("top/a", bytes(50_000_000))
    for member in ("top", "top/a"):
        with pytest.raises(ArchiveError, match="made to fill the disk"):
            extract(tmp_path / "a.zip", member, tmp_path / "out", SMALL)
        assert sum(path.stat().st_size for path in tmp_path.rglob("out*") if path.is_file()) <= 1_100_000
        for path in (tmp_path / "out/a", tmp_path / "out"):
            if path.exists():
                path.rmdir() if path.is_dir() else path.unlink()


def test_a_bomb_of_gzip_is_refused_and_small_files_may_be_empty_space(tmp_path):
    import gzip

    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(5_000_000)))
    with pytest.raises(ArchiveError, match="made to fill the disk"):
        unpack_gzip(tmp_path / "a.gz", tmp_path / "out", SMALL)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(90_000)))
    unpack_gzip(tmp_path / "a.gz", tmp_path / "out", SMALL)
    assert (tmp_path / "out").stat().st_size == 90_000


def test_too_many_files_are_refused(tmp_path):
    path = tar(tmp_path / "a.tgz", *((made(f"top/{number}"), b"1") for number in range(60)))
    with pytest.raises(ArchiveError, match="holds 60 files; at most 50"):
        extract(path, "top", tmp_path / "out", SMALL)


def test_links_and_devices_are_left_out_and_counted(tmp_path):
    path = tar(
        tmp_path / "a.tgz",
        (made("top/file"), b"1"),
        (made("top/link", tarfile.SYMTYPE, "/etc/passwd"), b""),
        (made("top/hard", tarfile.LNKTYPE, "top/file"), b""),
        (made("top/fifo", tarfile.FIFOTYPE), b""),
    )
    assert extract(path, "top", tmp_path / "out") == 3
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["file"]
    with pytest.raises(ArchiveError, match=r"'top/link' in the archive is a link or a device"):
        extract(path, "top/link", tmp_path / "out2")


def test_links_of_zip_are_left_out(tmp_path):
    info = zipfile.ZipInfo("top/link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("top/file", "1")
        archive.writestr(info, "/etc/passwd")
    assert extract(tmp_path / "a.zip", "top", tmp_path / "out") == 1
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["file"]
