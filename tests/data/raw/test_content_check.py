"""What is no data is recognized, and data that look like it are not refused."""

import gzip
import io
import json
import zipfile

import pytest

from seqgpt_jax.data.raw.content_check import ContentError, check_content, check_end

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a", "1" * 1000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (LFS, "pointer of Git LFS"),
        (b"<!DOCTYPE html>\n<html><head><title>Sign\n in</title>", "login or an error page .its title: 'Sign in'"),
        (b"\xef\xbb\xbf \n<HTML lang=en>", "page of HTML"),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC>", "page of HTML"),
        (b"<!-- made by x -->\n<html>", "page of HTML"),
        (b"<?XML version='1.0'?>" + b"<!---->\n" * 60 + b"<html>", "page of HTML"),
    ],
)
def test_what_is_no_data_is_refused(content, reason, tmp_path):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(ContentError, match=reason):
        check_content(tmp_path / "a", "train.tsv")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"<html> is a tag\tO", "page.html"),
        (b"<?xml version='1.0'?><corpus/>", "a.xml"),
        (b"<header>\tO\n", "a.txt"),
        (b"the <html> tag\n", "a.txt"),
        (b"\n" * 5000 + b"x", "a.txt"),
        (b"version 2\n", "a.txt"),
        (b"<!-- a --> " * 100 + b"<corpus>", "a.xml"),  # at once, not after years
        (b"<!-- <html>", "a.xml"),
    ],
)
def test_data_that_look_like_it_are_not(content, name, tmp_path):
    (tmp_path / "a").write_bytes(content)
    check_content(tmp_path / "a", name)


ROWS = "".join(json.dumps({"text": f"line {number}"}) + "\n" for number in range(100)).encode()
WHOLE = {
    "lines": b"a\tb\nc\td\n",
    "json lines": ROWS,
    "json lines without the last end": ROWS[:-1],
    "json": json.dumps([{"text": "好"}] * 50, ensure_ascii=False, indent=1).encode(),
    "gzip": gzip.compress(ROWS),
    "zip": zipped(),
    "parquet": b"PAR1" + bytes(100) + b"PAR1",
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_cut_is_seen_at_the_end(name, tmp_path):
    (tmp_path / "a").write_bytes(WHOLE[name])
    called = "a.json" if name == "json" else "a"
    check_end(tmp_path / "a", called)
    (tmp_path / "a").write_bytes(WHOLE[name][: len(WHOLE[name]) // 2 + 1])
    with pytest.raises(ContentError, match="cut"):
        check_end(tmp_path / "a", called)
