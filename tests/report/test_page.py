"""The page of a report: whole, safe, and of a size that can be sent around."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest

pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
pytest.importorskip("jinja2", reason="the extra `report` is not installed")

from gridtask.report.page import render

MAX_BYTES = 3_000_000
MAX_SECONDS = 20.0
"""Of CPU for a page of 100,000 calls; some two are usual."""

EVIL = '<script>alert("$x^2$")</script>&amp;'


class Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "action", "data"):
                self.links.append(value)

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("n_calls", [1, 2, 1000])
def test_a_page_needs_nothing_else(page_of, n_calls):
    """No scripts, no links out, no fonts: it works without a network."""
    text = page_of(n_calls)
    page = Page(text)
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert all(link.startswith("#") for link in page.links)
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    assert len(page.ids) == len(set(page.ids))


def test_figures_are_whole_and_say_what_they_show(page_of):
    """Each SVG is XML, has a name for those who cannot see it, and no own colour."""
    figures = re.findall(r"<svg.*?</svg>", page_of(1000), re.DOTALL)
    assert len(figures) == 5
    for figure in figures:
        root = ET.fromstring(figure)
        assert root.get("role") == "img"
        assert len(root.get("aria-label")) > 20
        assert "width" not in root.attrib
        assert set(re.findall(r"(?:fill|stroke): (#\w+)", figure)) == set()


def test_many_calls_make_a_small_page_soon(make_page):
    """100,000 calls on 200 hosts, in less than 3 MB."""
    text, seconds = make_page(100_000)
    assert seconds < MAX_SECONDS
    assert len(text) < MAX_BYTES
    assert "mean of 171 others" in text


def test_names_of_others_are_text(make_data):
    """Of tasks, runs, hosts, errors, logs and arguments."""
    data = make_data(40)
    data = make_data(
        40,
        task=EVIL,
        name=EVIL,
        about={"options": EVIL},
        workers=[
            type(worker)(host=EVIL, job=EVIL, run=EVIL, calls=worker.calls)
            for worker in data.workers
        ],
    )
    text = render(data)
    assert "<script" not in text
    assert Page(text).text.count(EVIL) >= 4


def test_a_run_of_which_nothing_is_computed(make_data):
    """All cached, or all in queue: no figures, and no error."""
    states = ("cached", "running", "finished", "failed")
    counts = {"queued": 5} | dict.fromkeys(states, 0)
    changes = {"workers": [], "peaks_mb": [], "slowest": [], "failures": []}
    text = render(make_data(1, counts=counts, **changes))
    assert "<svg" not in text
    assert "Nothing was computed yet" in text
    assert "5 of 5 calls are running or in queue" in text


def test_wide_distributions_have_plain_ticks(make_data):
    """Powers of ten on a logarithmic axis, not as TeX."""
    data = make_data(50)
    calls = data.workers[0].calls
    calls[0] = type(calls[0])(
        number=0,
        key=bytes(16),
        code=bytes(8),
        failed=False,
        ended_at=data.submitted_at + 9000,
        seconds=5000.0,
        resident_mb=1,
        address_mb=1,
    )
    text = render(data)
    assert "mathdefault" not in text
    assert ">1000<" in text


def test_the_limit_is_beside_the_memory(make_data):
    """And its absence is said."""
    text = Page(render(make_data(50, peaks_mb=[1024] * 50))).text
    assert "25 % of the 4.0 GiB asked for" in text
    text = Page(render(make_data(50, limit_mb=None))).text
    assert "no limit was asked for" in text
