"""What a browser makes of the page: looked at in headless Chromium."""

from __future__ import annotations

import shutil
import subprocess

import pytest

pytest.importorskip("matplotlib", reason="the extra `report` is not installed")
pytest.importorskip("jinja2", reason="the extra `report` is not installed")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECONDS = 120.0

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium (tests/packages.sh gets it, as root)"
)

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)

LIGHT = {"finished": (44, 111, 187), "failed": (196, 61, 61), "queued": (180, 188, 200)}
DARK = {"finished": (91, 158, 232), "failed": (239, 107, 107), "queued": (86, 97, 114)}


@pytest.fixture
def look(tmp_path):
    """Return a function that gives a page's picture: rows of red, green and blue."""
    from matplotlib.image import imread

    def take(page, *, width=1000, height=3000, dark=False):
        source, picture = tmp_path / "run.html", tmp_path / "run.png"
        source.write_text(page)
        scheme = ("--blink-settings=preferredColorScheme=0",) if dark else ()
        size = f"--window-size={width},{height}"
        where = (f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={picture}")
        argv = [CHROMIUM, *OPTIONS, *scheme, size, *where, source.as_uri()]
        subprocess.run(argv, check=True, capture_output=True, timeout=SECONDS)
        return (imread(picture)[:, :, :3] * 255).round().astype(int)

    return take


def n_pixels(picture, colour):
    """Return how many pixels have a colour, give or take a shade."""
    return int((abs(picture - colour).max(axis=2) <= 2).sum())


@pytest.mark.parametrize("n_calls", [1, 1000, 100_000])
def test_pages_of_all_sizes_show_their_figures(page_of, look, n_calls):
    """In their colours, on white cards, within the width of the window."""
    picture = look(page_of(n_calls))
    assert n_pixels(picture, LIGHT["finished"]) > 3000
    assert n_pixels(picture, (255, 255, 255)) > 100_000
    if n_calls > 1:
        assert n_pixels(picture, LIGHT["failed"]) > 50
        assert n_pixels(picture, LIGHT["queued"]) > 5000
    assert n_pixels(picture[:, -12:], LIGHT["finished"]) == 0


def test_a_dark_page_is_dark_throughout(page_of, look):
    """Figures take their colours from the page."""
    picture = look(page_of(1000), dark=True)
    assert picture.mean() < 80
    assert n_pixels(picture, DARK["finished"]) > 3000
    assert n_pixels(picture, LIGHT["finished"]) == 0
    assert n_pixels(picture, (255, 255, 255)) == 0


def test_a_narrow_page_does_not_scroll_sideways(page_of, look):
    """Wide figures and tables scroll by themselves."""
    picture = look(page_of(1000), width=500, height=4000)
    margin = picture[:, -4:].reshape(-1, 3)
    assert len({tuple(pixel) for pixel in margin}) == 1
