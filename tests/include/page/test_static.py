"""The files a browser gets: nothing from elsewhere, nothing parsed as markup."""

import re

from include.settings import ROOT

STATIC = ROOT / "include" / "page" / "static"
CHART_LIBRARY = {"uplot.esm.js", "uplot.min.css", "uplot.LICENSE.txt"}
OURS = [file for file in STATIC.iterdir() if file.name not in CHART_LIBRARY]
SCRIPTS = sorted(STATIC.glob("*.js"))

# Ways for text that came from outside to become markup or code.
DANGEROUS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|"
    r"DOMParser|createContextualFragment|javascript:"
)


def test_there_are_scripts_to_look_at():
    assert {file.name for file in SCRIPTS} >= {"page.js", "dom.js", "api.js"}


def test_no_script_has_a_way_to_make_markup_of_text():
    for file in SCRIPTS:
        assert not DANGEROUS.search(file.read_text()), file.name


def test_no_file_names_an_address_elsewhere():
    for file in OURS:
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|src=\"//", text), file.name


def test_the_chart_library_names_addresses_in_its_comments_alone_and_has_its_licence_beside_it():
    script = (STATIC / "uplot.esm.js").read_text()
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", script, flags=re.DOTALL)

    assert "uPlot" in code
    assert not re.search(r"https?:", code)
    assert "MIT License" in (STATIC / "uplot.LICENSE.txt").read_text()


def test_the_page_has_no_inline_script_or_style():
    html = (STATIC / "page.html").read_text()

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=", html)


def test_every_file_that_a_file_names_is_there():
    named = set(re.findall(r"static/([\w.-]+)", (STATIC / "page.html").read_text()))
    for file in SCRIPTS:
        named |= set(re.findall(r'(?:from |import\()"\./([\w.-]+)"', file.read_text()))

    assert named
    assert named <= {file.name for file in STATIC.iterdir()}
