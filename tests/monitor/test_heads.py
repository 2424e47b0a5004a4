from monitor.heads import LEFT_OUT, answer_head, head_of, sent_head
from monitor.marketplaces.base import Page


def test_no_key_cookie_or_token_of_a_request_is_kept():
    fields = {"host": "a.example", "user-agent": "B", "authorization": "Bearer x", "x-api-key": "k", "x-new": "s"}
    assert sent_head(fields) == {
        "host": "a.example",
        "user-agent": "B",
        "authorization": LEFT_OUT,
        "x-api-key": LEFT_OUT,
        "x-new": LEFT_OUT,
    }


def test_an_answers_cookies_are_left_out_and_long_values_say_how_much_was_cut():
    kept = answer_head({"set-cookie": "sid=1", "etag": "x", "x-csrf-token": "t", "via": "y" * 5000, "server": "a\x1bb"})
    assert (kept["set-cookie"], kept["x-csrf-token"], kept["etag"]) == (LEFT_OUT, LEFT_OUT, "x")
    assert kept["via"].endswith("(+4,000 characters)")
    assert "\x1b" not in kept["server"]


def test_a_head_says_who_answered():
    page = Page("https://a.example", b"", 200, {"etag": "x"}, address="203.0.113.5", sent={"host": "a.example"})
    assert head_of(page) == {
        "method": "GET",
        "sent": {"host": "a.example"},
        "status": 200,
        "headers": {"etag": "x"},
        "address": "203.0.113.5",
    }
