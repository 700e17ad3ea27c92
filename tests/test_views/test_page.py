"""A page: one file that fetches nothing, in which no text means anything, that prints."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from test_views.plot_cases import outage, renamed
from test_views.small_runs import GUARDED, answer
from test_views.test_document import document as document_of

import simcb
from simcb.scenario import parse_scenario
from simcb.views.compare import Answer as Compared
from simcb.views.compare import compare_document
from simcb.views.document import Document, Explorer, Figure, Page, Table
from simcb.views.files import OutputError
from simcb.views.formats import Format, render
from simcb.views.page import MOST_ROWS, page, save_page
from simcb.views.plots.figures import new_picture
from simcb.views.run import Answer, run_document
from simcb.views.sweep import sweep_document

HOSTILE = (
    "<script>alert(1)</script>",
    "</script></style></svg><img src=x onerror=alert(1)>",
    '" onload="alert(1)" x="',
    "--><!--><![CDATA[",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "=1+1",
    "&lt;&amp;",
    "url(#x) javascript:alert(1)",
)

VOID = {"input", "meta", "br", "img", "hr", "link"}
ADDRESSES = {"src", "href", "xlink:href", "action", "data", "srcset", "poster", "ping"}


class Tags(HTMLParser):
    """Collects tags, attributes and text, and demands that every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.comments: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), "an attribute is given twice"
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of a name."""
        return [attributes for name, attributes in self.tags if name == tag]


def demand_inert(text: str) -> Tags:
    """Demand that a page fetches nothing, and that a browser would not let it."""
    found = Tags(text)
    (policy,) = [each["content"] or "" for each in found.named("meta") if "http-equiv" in each]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    for kind in ("style", "script"):
        allowed = re.findall(rf"{kind}-src '(sha256-[^']+)'", policy)
        inside = re.findall(rf"<{kind}>(.*?)</{kind}>", text, re.DOTALL)
        digests = [hashlib.sha256(each.encode()).digest() for each in inside]
        assert allowed == [f"sha256-{base64.b64encode(each).decode()}" for each in digests]
    for tag, attributes in found.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base", "form", "img"}
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        for name in ADDRESSES & attributes.keys():
            assert (attributes[name] or "").startswith(("#", "data:image/png;base64,")), attributes
    assert found.comments == []
    assert not re.findall(r"https?://|@import|@font-face", text)
    ids = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    read = [(name, value or "") for _, each in found.tags for name, value in each.items()]
    inert = [(name, value) for name, value in read if name != "aria-label"]
    referred = [each for _, value in inert for each in re.findall(r"url\(#([^)]+)\)", value)]
    referred += [value[1:] for name, value in inert if name == "href" and value[0] == "#"]
    assert {*referred} <= {*ids}
    return found


@pytest.fixture(scope="module")
def run_page() -> str:
    return page(run_document(answer(baseline=True, fail_if=("p99 > 1h",), laws=True)))


def test_a_page_fetches_nothing_and_runs_nothing(run_page: str) -> None:
    """A policy that is strict by itself, and nothing in the page that it would have to stop."""
    found = demand_inert(run_page)
    assert found.named("script") == []


def test_a_page_says_all_that_the_screen_says(run_page: str) -> None:
    found = Tags(run_page)
    document = run_document(answer(baseline=True, fail_if=("p99 > 1h",), laws=True))
    for verdict in document.verdicts:
        assert verdict.words in found.text
        assert verdict.reason in found.text
    for block in document.blocks:
        if isinstance(block, Table):
            assert all(cell in found.text for row in block.rows for cell in row)
            assert all(cell in found.text for cell in block.header)
    assert document.repeat in found.text
    assert "failure_threshold: 3" in found.text
    assert "simpy" in found.text
    assert "worker_seconds_waiting" in found.text


def test_a_page_is_made_of_what_its_parts_are(run_page: str) -> None:
    """A browser's outline, and whoever reads it aloud, have headings, headers and captions."""
    found = Tags(run_page)
    assert found.named("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(found.named("h1")) == len(found.named("main")) == len(found.named("title")) == 1
    assert len(found.named("h2")) >= 5
    assert {each["scope"] for each in found.named("th")} == {"col", "colgroup", "row"}
    assert len(found.named("figure")) == len(found.named("figcaption")) == 1
    (picture,) = found.named("svg")
    assert picture["role"] == "img"
    assert "what each breaker did" in (picture["aria-label"] or "")


def test_a_page_prints_and_has_a_dark_form(run_page: str) -> None:
    assert "@media print" in run_page
    assert "@page" in run_page
    assert "break-inside: avoid" in run_page
    assert "prefers-color-scheme: dark" in run_page
    assert "width=device-width" in run_page


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_wherever_it_stands(name: str) -> None:
    found = demand_inert(page(document_of(name)))
    assert found.named("script") == found.named("b") == []
    assert "\x1b" not in found.text
    assert "\u202e" not in found.text
    plain = page(document_of("words"))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in Tags(plain).tags]
    assert Tags(plain).text.count("words") >= 20


PAIRS = [*zip(HOSTILE[::2], (*HOSTILE[1::2], HOSTILE[0]), strict=True)]


@pytest.mark.parametrize(
    ("name", "other"),
    [PAIRS[0], *(pytest.param(*each, marks=pytest.mark.slow) for each in PAIRS[1:])],
    ids=range(len(PAIRS)),
)
def test_a_name_is_text_in_a_figure(name: str, other: str) -> None:
    """A name on a picture is drawn, and stands nowhere else in it."""
    result = renamed(outage(), name, other)
    text = page(run_document(Answer(result, repeat=name)))
    found = demand_inert(text)
    assert "\x1b" not in text
    assert "\u202e" not in text
    svg = text[text.index("<svg") : text.index("</svg>")]
    assert "alert" not in svg
    assert {tag for tag, _ in Tags(svg + "</svg>").tags} <= {
        *("svg", "g", "path", "defs", "use", "clippath", "rect", "pattern"),
    }
    assert found.named("script") == []


def test_the_same_run_is_the_same_page(run_page: str) -> None:
    again = run_document(answer(baseline=True, fail_if=("p99 > 1h",), laws=True))
    assert page(again) == run_page


def test_two_figures_share_no_id() -> None:
    """A clip or a pattern of one figure is not taken for that of another."""
    result = answer(GUARDED).result
    (figure,) = run_document(Answer(result)).figures
    found = demand_inert(page(Document("two", blocks=(figure, figure))))
    assert len(found.named("svg")) == 2


def test_a_figure_without_a_caption_has_its_name() -> None:
    def draw() -> object:
        picture = new_picture(2.0, 2.0)
        picture.add_subplot().imshow([[0.0, 1.0]])
        return picture

    text = page(Document("", blocks=(Figure("a name", draw),)))  # type: ignore[arg-type]
    assert "data:image/png" in text
    assert demand_inert(text).named("svg")[0]["aria-label"] == "a name"


def test_numbers_in_full_have_an_end() -> None:
    """Of a sweep of thousands of settings the page has the first, and says so."""
    rows = [("a", "b"), *((number / 3, None) for number in range(MOST_ROWS + 7))]
    text = page(Document("many", rows=lambda: iter(rows)))
    assert "and 7 more lines; --format csv has all" in text
    assert text.count("<tr>") == MOST_ROWS + 1
    assert "All numbers" not in page(Document("none"))


def sweep_page() -> str:
    view = simcb.sweep(
        parse_scenario(GUARDED),
        {"breaker.failure_threshold": [1, 3], "breaker.recovery_timeout": ["1s", "2s", "4s"]},
        replicates=2,
        workers=0,
    )
    return page(sweep_document(view.result))


def test_a_sweep_is_looked_up_with_sliders() -> None:
    """A slider for each axis, the numbers of every setting, one script that its policy names."""
    found = demand_inert(sweep_page())
    assert [each["max"] for each in found.named("input")] == ["1", "2"]
    assert [set(each) for each in found.named("script")] == [{"type", "id"}, set()]
    (data,) = re.findall(r'id="cells">(.*?)</script>', sweep_page(), re.DOTALL)
    assert sorted(each[0] for each in json.loads(data)["cells"]) == [
        [first, second] for first in range(2) for second in range(3)
    ]


def test_no_setting_ends_the_script() -> None:
    for name in HOSTILE:
        table = Table(("", "whole"), ((name, name),))
        explorer = Explorer(((name, (name, name)),), table, (0,), {(0,): (name, ((name,),))})
        found = demand_inert(page(Document(name, explorer=lambda shown=explorer: shown)))
        assert len(found.named("script")) == 2


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_sliders_work_in_a_browser(tmp_path: Path) -> None:
    """The policy lets the script and the style act: what the address names is shown."""
    text = sweep_page()
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    (data,) = re.findall(r'id="cells">(.*?)</script>', text, re.DOTALL)
    for place, words, numbers in json.loads(data)["cells"]:
        address = f"{(tmp_path / 'page.html').as_uri()}#{','.join(map(str, place))}"
        command = [CHROMIUM or "", "--headless=new", "--no-sandbox", "--disable-gpu"]
        command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path}", "--dump-dom", address]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert "CONSOLE" not in done.stderr
        shown = Tags(re.sub(r"(?s)^.*<section id=\"explorer\">|</section>.*", "", done.stdout))
        assert words in shown.text
        assert all(number in shown.text for row in numbers for number in row)


WIDE, NARROW, PAPER = 1200, 360, 690
"""Columns of pixels: a screen, a telephone, what A4 leaves between its margins."""

LOOK = """<script>onload = () => {
  const faults = [], light = (words) => {
    const [r, g, b] = words.match(/[\\d.]+/g).map(v => v / 255)
      .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement, name = frame.name;
    const style = each => frame.contentWindow.getComputedStyle(each);
    if (root.scrollWidth > root.clientWidth) faults.push([name, "scrolls sideways"]);
    for (const each of page.querySelectorAll("p, th, td, dt, dd, summary, h1, h2, .badge")) {
      if (each.closest("svg") || !each.textContent.trim() || !each.offsetWidth) continue;
      const clear = each => style(each).backgroundColor === "rgba(0, 0, 0, 0)";
      let paper = each;
      while (paper && clear(paper)) paper = paper.parentElement;
      const tones = [style(each).color, style(paper || page.body).backgroundColor].map(light);
      const contrast = (Math.max(...tones) + .05) / (Math.min(...tones) + .05);
      if (contrast < 4.5) faults.push([name, each.textContent, contrast]);
      if (frame.dataset.paper && each.getBoundingClientRect().right > root.clientWidth + 1)
        faults.push([name, each.textContent, "is cut off"]);
    }
    const sliders = page.querySelector("#explorer");
    if (frame.dataset.paper && sliders?.offsetWidth) faults.push([name, "prints its sliders"]);
  }
  const dark = light(getComputedStyle(document.querySelector("iframe").contentDocument.body)
    .backgroundColor) < .2;
  document.body.textContent = JSON.stringify([dark, faults]);
}</script>"""
"""Says whether the pages are dark, and what is wrong with them."""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize(
    ("width", "scheme"), [(WIDE, "light"), (NARROW, "light"), (WIDE, "dark"), (PAPER, "print")]
)
def test_pages_can_be_read_in_a_browser(width: int, scheme: str, tmp_path: Path) -> None:
    """Nothing scrolls sideways or is too faint, light or dark; nothing is cut off on paper."""
    small = parse_scenario(GUARDED)
    fives = [f"variant with a long name {n}: breaker.failure_threshold={n}" for n in range(2, 6)]
    compared = Compared(simcb.compare(small, with_=fives, replicates=2, workers=0).comparison)
    pages = {
        "run": page(run_document(answer(GUARDED, replicates=2, baseline=True))),
        "sweep": sweep_page(),
        "compare": page(compare_document(compared)),
    }
    text = ""
    for name, each in pages.items():
        if scheme == "print":
            each = each.replace("@media print", "@media all")
            # The style is another one now, and its hash with it.
            each = re.sub(r"style-src '[^']*'", "style-src 'unsafe-inline'", each)
        inside = f'name="{name}" srcdoc="{html.escape(each)}"'
        paper = 'data-paper="yes"' if scheme == "print" else ""
        text += f'<iframe {inside} {paper} style="width: {width}px; height: 900px"></iframe>'
    (tmp_path / "pages.html").write_text(f"<!doctype html>{text}{LOOK}", encoding="utf-8")
    command = [CHROMIUM or "", "--headless=new", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    # 0 is dark, 1 is light.
    command += [f"--blink-settings=preferredColorScheme={0 if scheme == 'dark' else 1}"]
    command += [f"--user-data-dir={tmp_path}", (tmp_path / "pages.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    dark, faults = json.loads(html.unescape(re.sub(r"(?s)<[^>]*>", "", done.stdout)))
    assert faults == []
    assert dark == (scheme == "dark")


def test_a_page_of_a_sweep_has_every_setting() -> None:
    """A screen has ten of them and says so; a page is scrolled."""
    over = {"breaker.failure_threshold": list(range(1, 13))}
    view = simcb.sweep(parse_scenario(GUARDED), over, replicates=2, workers=0)
    document = sweep_document(view.result)
    assert "--top 12 shows all" in render(document, Format.TABLE, Page()).plain
    text = page(document)
    assert "--top" not in text
    rows = text.partition("<h2>Settings</h2>")[2].partition("</table>")[0].count("<tr>")
    assert rows == 1 + 12 + 2


def test_a_page_is_written_in_one_step(tmp_path: Path) -> None:
    document = document_of("words")
    path = tmp_path / "out.html"
    path.write_text("old")
    assert save_page(document, path) == path
    assert path.read_text(encoding="utf-8") == page(document)
    assert [each.name for each in tmp_path.iterdir()] == ["out.html"]


def test_where_no_page_can_be_is_said(tmp_path: Path) -> None:
    document = document_of("words")
    for name, why in (
        ("out.pdf", r"'\.pdf' is not a page; end it in one of \.html \.htm"),
        ("out", "has no ending"),
        ("nowhere/out.html", "there is no directory"),
    ):
        with pytest.raises(OutputError, match=why):
            save_page(document, tmp_path / name)
    (tmp_path / "dir.html").mkdir()
    with pytest.raises(OutputError, match="is a directory"):
        save_page(document, tmp_path / "dir.html")
