"""Downloads over HTTP that are cut, refused, redirected and changed on their way, and resume."""

import random
import threading
import time

import pytest

from seqgpt_jax.data.raw import http_file
from seqgpt_jax.data.raw.network import Client, FetchError, Patience, Stopped
from tests.data.raw.servers import Page

QUICK = Patience(attempts=3, first_pause=0.01, longest_pause=2, timeout=2)
BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(200_000)


def get(server, tmp_path, *, checked=False, client=None):
    sizes = []
    path = tmp_path / "parts/a.part"
    url = f"{server.url}/a"
    found = http_file.fetch(client or Client(QUICK), url, path, lambda *size: sizes.append(size), checked=checked)
    return found, path.read_bytes(), sizes


def ranges(server) -> list[str | None]:
    return [headers.get("Range") for headers in server.headers]


def test_what_was_cut_is_resumed_where_it_was(server, tmp_path):
    server.pages["/a"] = Page(BODY, '"v1"', cuts=[100_000, 50_000])
    found, body, sizes = get(server, tmp_path)
    assert body == BODY
    assert found.size_known
    assert found.resumed
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-"]
    assert server.headers[1]["If-Range"] == '"v1"'
    assert sizes[-1] == (300_000, 300_000)


def test_progress_makes_patience_begin_anew(server, tmp_path):
    server.pages["/a"] = Page(BODY, '"v1"', cuts=[10_000] * 20)
    assert get(server, tmp_path)[1] == BODY
    assert len(server.asked) == 21


def test_an_answer_without_range_that_is_cut_here_and_there_makes_no_progress(server, tmp_path):
    server.pages["/a"] = Page(BODY, '"v1"', ranges=False, cuts=[100_000, 50_000, 100_000, 60_000] * 9)
    with pytest.raises(FetchError, match="3 times"):
        get(server, tmp_path)
    assert len(server.asked) == 3


def test_a_content_that_changes_with_each_request_is_given_up(server, tmp_path):
    page = server.pages["/a"] = Page(BODY, '"v0"', cuts=[100_000, 20_000] * 99)
    numbers = iter(range(1, 999))

    def change(handler):
        page.etag = f'"v{next(numbers) // 2}"'
        return False

    server.answer = change
    with pytest.raises(FetchError, match="3 times"):
        get(server, tmp_path)


def test_a_later_call_resumes_and_a_complete_part_costs_one_request(server, tmp_path):
    server.pages["/a"] = page = Page(BODY, '"v1"', cuts=[100_000, 0, 0, 0])
    with pytest.raises(FetchError, match="3 times"):
        get(server, tmp_path)
    page.cuts.clear()
    assert get(server, tmp_path)[1] == BODY
    assert ranges(server)[-1] == "bytes=100000-"
    number = len(server.asked)
    assert get(server, tmp_path)[1] == BODY
    assert ranges(server)[number:] == ["bytes=300000-"]


@pytest.mark.parametrize("facts", [{"ranges": False}, {"etag": ""}])
def test_a_server_that_ignores_range_or_names_no_validator_sends_all_again(facts, server, tmp_path):
    server.pages["/a"] = Page(BODY, **{"etag": '"v1"', "cuts": [100_000], **facts})
    found, body, _ = get(server, tmp_path)
    assert body == BODY
    assert not found.resumed


def test_where_the_checksum_is_known_no_validator_is_needed(server, tmp_path):
    server.pages["/a"] = Page(BODY, cuts=[100_000])
    assert get(server, tmp_path, checked=True)[1] == BODY
    assert ranges(server) == [None, "bytes=100000-"]


@pytest.mark.parametrize("facts", [{}, {"if_range": False}, {"ranges": False}])
@pytest.mark.parametrize("other", [OTHER, BODY[:100_000], OTHER[:50_000]])
def test_changed_content_is_never_joined_to_the_old(facts, other, server, tmp_path):
    server.pages["/a"] = Page(BODY, '"v1"', cuts=[100_000], changed=(other, '"v2"'), **facts)
    assert get(server, tmp_path)[1] == other


def test_statuses_that_may_pass_are_tried_again_and_retry_after_is_obeyed(server, tmp_path):
    server.pages["/a"] = Page(BODY, statuses=[500, 503])
    assert get(server, tmp_path)[1] == BODY
    server.pages["/a"] = Page(BODY, statuses=[429], headers={"Retry-After": "1"})
    begin = time.monotonic()
    http_file.discard(tmp_path / "parts/a.part")
    assert get(server, tmp_path)[1] == BODY
    assert time.monotonic() - begin >= 1
    http_file.discard(tmp_path / "parts/a.part")
    server.pages["/a"] = Page(BODY, statuses=[429], headers={"Retry-After": "3600"})
    with pytest.raises(FetchError, match=r"HTTP 429, and the server asks to wait 3,600 s: run it later"):
        get(server, tmp_path)
    http_file.discard(tmp_path / "parts/a.part")
    server.pages["/a"] = Page(BODY, statuses=[500] * 3)
    with pytest.raises(FetchError, match="HTTP 500, 3 times"):
        get(server, tmp_path)


@pytest.mark.parametrize("status", [404, 410, 401, 403])
def test_statuses_that_stay_are_not_tried_again(status, server, tmp_path):
    server.pages["/a"] = Page(BODY, statuses=[status])
    with pytest.raises(FetchError, match=f"HTTP {status}"):
        get(server, tmp_path)
    assert len(server.asked) == 1


def test_a_redirect_is_followed_with_its_range(server, tmp_path):
    server.pages["/a"] = Page(moved_to="/b")
    server.pages["/b"] = Page(BODY, '"v1"', cuts=[100_000])
    assert get(server, tmp_path)[1] == BODY
    assert server.asked == ["GET /a", "GET /b"] * 2
    server.pages["/a"] = Page(moved_to="/a")
    http_file.discard(tmp_path / "parts/a.part")
    with pytest.raises(FetchError, match="redirects"):
        get(server, tmp_path)


def test_a_body_longer_than_announced_ends_there(server, tmp_path):
    server.pages["/a"] = Page(BODY, promised_too_much=-10)
    assert get(server, tmp_path)[1] == BODY[:-10]


def test_a_size_that_the_server_does_not_say_is_reported(server, tmp_path):
    server.pages["/a"] = Page(BODY, says_size=False)
    found, body, sizes = get(server, tmp_path)
    assert body == BODY
    assert not found.size_known
    assert sizes[-1] == (300_000, None)


def test_a_stalled_connection_is_dropped_and_a_slow_one_is_not(server, tmp_path):
    server.pages["/a"] = Page(BODY, '"v1"', seconds=3)
    patient = Client(Patience(attempts=2, first_pause=0.01, timeout=1))
    assert get(server, tmp_path, client=patient)[1] == BODY
    assert len(server.asked) == 1
    http_file.discard(tmp_path / "parts/a.part")
    server.pages["/a"] = Page(BODY, '"v1"', seconds=20)
    with pytest.raises(FetchError, match="broke off"):
        get(server, tmp_path, client=Client(Patience(attempts=1, timeout=0.2)))


def test_a_host_that_cannot_be_reached_is_waited_for_once(tmp_path):
    client = Client(Patience(attempts=3, first_pause=0.01))
    for tries in ("3 times", "refused"):
        with pytest.raises(FetchError, match=f"{tries}$"):
            http_file.fetch(client, "http://127.0.0.1:9/a", tmp_path / "a.part", lambda *size: None)


def test_stop_ends_a_download_and_a_pause(server, tmp_path):
    server.pages["/a"] = Page(BODY, '"v1"', seconds=20)
    client = Client(Patience(timeout=30))
    threading.Timer(0.5, client.stop).start()
    begin = time.monotonic()
    with pytest.raises(Stopped):
        get(server, tmp_path, client=client)
    assert time.monotonic() - begin < 10


def test_a_compressed_file_comes_as_it_is(server, tmp_path):
    server.pages["/a"] = b"\x1f\x8bno gzip"
    assert get(server, tmp_path)[1] == b"\x1f\x8bno gzip"
    assert server.headers[0]["Accept-Encoding"] == "identity"
