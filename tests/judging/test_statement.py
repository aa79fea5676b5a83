"""Statements: which one, and what becomes of its Markdown."""

import pytest

from judging.package import load_problem
from judging.statement import to_html


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "x <img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "![x](javascript:alert(1))",
        "[x](vbscript:x)",
        "$</span><script>x</script>$",
        "$$\n</div><script>x</script>\n$$",
        "`</code><script>x`",
        "[^1]\n\n[^1]: <script>x</script>",
        '[a](x "\\"><script>x</script>")',
        '```"><script>\nx\n```',
        "<https://x.example/<script>>",
    ],
)
def test_to_html_lets_no_script_through(hostile):
    """Whatever a statement holds, the page that shows it runs nothing of it."""
    html = to_html(hostile).lower()
    assert "<script" not in html
    assert "<img src=x" not in html
    assert 'href="javascript' not in html
    assert 'src="javascript' not in html
    assert 'href="vbscript' not in html


def test_to_html_renders_tables_math_and_footnotes():
    """What the format adds to CommonMark is there; math stays TeX for the page to typeset."""
    assert "<td>1</td>" in to_html("|a|\n|-|\n|1|\n")
    assert to_html("$a_1 *b*$") == '<p><span class="math inline">a_1 *b*</span></p>\n'
    assert '<div class="math block">' in to_html("$$\nx^2\n$$\n")
    assert "footnote" in to_html("x[^1]\n\n[^1]: y\n")


def test_to_html_leaves_prices_alone():
    """Two dollars do not make math of what is between."""
    assert to_html("from $5 to $6") == "<p>from $5 to $6</p>\n"


def test_statement_prefers_english(packages):
    """English if there is one, else the first by its code."""
    problem = load_problem(packages.new({"statement/problem.da.md": "Gentag.\n"}))
    assert problem.statement_md == "Repeat it.\n"
    only = {
        "problem.yaml": packages.yaml("").replace("Echo", "{sv: Eko, da: Ekko}"),
        "statement/problem.en.md": None,
        "statement/problem.sv.md": "Upprepa.\n",
        "statement/problem.da.md": "Gentag.\n",
    }
    problem = load_problem(packages.new(only, name="nordic"))
    assert (problem.statement_md, problem.title) == ("Gentag.\n", "Ekko")


def test_statement_places_samples(packages):
    """`{{nextsample}}` and `{{remainingsamples}}` stand for samples, each shown once."""
    text = "First:\n{{nextsample}}\nRest:\n{{remainingsamples}}\n{{remainingsamples}}\n"
    changes = {
        "statement/problem.en.md": text,
        "data/sample/2.in": "<b>\n",
        "data/sample/2.ans": "c\n",
    }
    problem = load_problem(packages.new(changes))
    first, rest = problem.statement_html.split("Rest:")
    assert "<code>a\n</code>" in first
    assert "&lt;b&gt;" not in first
    assert rest.count("&lt;b&gt;") == 1
    assert "<code>a\n</code>" not in rest
