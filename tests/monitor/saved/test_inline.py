"""Pictures inside a page become files beside it."""

import base64

from monitor.saved.inline import unfold

PICTURE = bytes(range(256)) * 4
DATA = b"data:image/png;base64," + base64.b64encode(PICTURE)


def test_a_page_without_inner_pictures_stays_as_it_is():
    body = b'<img src="a.png"> data:image/png;base64 '
    assert unfold(body).body is body


def test_an_inner_picture_becomes_a_path_to_its_bytes():
    unfolded = unfold(b'<img alt="x" src="' + DATA + b'"><img src=' + DATA + b">")
    ((path, data),) = unfolded.pictures.items()
    assert data == PICTURE
    assert path.startswith("./inline/")
    assert unfolded.body == f'<img alt="x" src="{path}"><img src={path}>'.encode()


def test_a_placeholder_stays_inside():
    tiny = b'<img src="data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7">'
    assert unfold(tiny).body == tiny
    assert not unfold(tiny).pictures


def test_a_picture_that_singlefile_keeps_in_a_style_is_shown_where_it_stands():
    body = (
        b'<style>:root{--sf-img-3: url("' + DATA + b'")}</style>'
        b'<a href="/itm/1"><img src="data:image/svg+xml,%3Csvg%3E" alt="pin" style="background-image:var(--sf-img-3)">'
        b'<img src="kept.png" style="color:red"></a>'
    )
    unfolded = unfold(body)
    (path,) = unfolded.pictures
    assert f'<img src="{path}" alt="pin"'.encode() in unfolded.body
    assert b'<img src="kept.png" style="color:red">' in unfolded.body
    assert b"svg+xml" not in unfolded.body


def test_what_is_no_base64_stays():
    body = b'<img src="data:image/png;base64,' + b"A" * 401 + b'">'
    assert unfold(body).body == body
