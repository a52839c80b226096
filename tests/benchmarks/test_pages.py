"""How fast pages answer is measured against a server that does nothing else."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.bench import pages, visitors


@pytest.fixture
def told():
    """A server with one change to tell; its address, and what was asked of it."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"event: status\ndata: {}\n\n" if "changes" in self.path else b"abc")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_visitors_load_what_the_page_loads_at_every_change(told):
    url, asked = told
    people = visitors.Visitors(url, 3, seconds=0.2)
    people.run()
    assert people.failures == 0
    assert people.answers == 2 * asked.count("/api/changes") == 2 * asked.count("/sections")
    assert asked.count("/api/timeline?span=minutes") == asked.count("/sections") == 3


def test_a_visitor_without_an_answer_is_counted():
    people = visitors.Visitors("http://127.0.0.1:9", 2, seconds=0.2)
    people.run()
    assert (people.answers, people.failures) == (0, 2)


def test_everybody_is_asked_equally_often(told):
    url, asked = told
    took, sizes = pages.in_turns({"a": url + "/a", "b": url + "/b"}, seconds=0.2)
    assert len(took["a"]) == len(took["b"]) == asked.count("/a") > 0
    assert sizes == {"a": 3, "b": 3}


def test_the_bare_server_answers_with_so_many_bytes():
    with pages.bare_server(1234) as url:
        assert len(pages.read(url)) == 1234
