"""Statements in TeX: what becomes of the format's subset, and that nothing else is lost or run."""

import time
from itertools import pairwise
from string import ascii_letters

import pytest

from judging.package import load_problem
from judging.tex import plain_title, to_markdown


def markdown(text):
    """Return *text* as Markdown, without the newline at the end."""
    return to_markdown(text, {"top": "100"}).rstrip("\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("``a'' -- `b' --- <<c>>~d", "“a” – ‘b’ — «c»\u00a0d"),
        (r"\textbf{a} \emph{b} {\it c d} \texttt{e_f} \underline{g}", "**a** *b* *c d* `e_f` g"),
        (r"{\bf one} two {\tt x*y}", "**one** two `x*y`"),
        (r"50\% \$5 \#1 a\_b \{x\} R\&D", r"50% \$5 \#1 a\_b {x} R&D"),
        ("a % comment\nb", "a b"),
        (r"a * b _ c ` d", r"a \* b \_ c ‘ d"),
        (r"$a_1 * b$ and \(c\) \[d\]", "$a_1 * b$ and $c$\n\n$$\nd\n$$"),
        (r"\section*{Input} x", "## Input\n\nx"),
        (r"\begin{Output}x\end{Output}", "## Output\n\nx"),
        (r"\begin{itemize}\item a \item[b] c\end{itemize}", "- a\n- **b** c"),
        (r"\begin{enumerate}\item a\begin{itemize}\item b\end{itemize}\end{enumerate}",
         "1. a\n\n   - b"),
        (r"\begin{tabular}{|c|c|}\hline a&b\\\hline 1 \& 2&$x|y$\\\end{tabular}",
         "| a | b |\n| --- | --- |\n| 1 & 2 | $x\\vert y$ |"),
        (r"\begin{tabular}{cc}\multicolumn{2}{c}{a}\\b&c\end{tabular}",
         "| a |  |\n| --- | --- |\n| b | c |"),
        ("\\begin{verbatim}\na % b \\x {\n\\end{verbatim}", "````\na % b \\x {\n````"),
        (r"\url{http://a.example/b_c} \href{http://d.example}{e}",
         "<http://a.example/b_c> [e](<http://d.example>)"),
        (r"\includegraphics[width=3cm]{a.png}", "![](<a.png>)"),
        (r"\illustration{0.3}{a.png}{By \emph{me}}", "![](<a.png>)\n\nBy *me*"),
        (r"\begin{figure}[h]\centering\includegraphics{a.png}\caption{b}\end{figure}",
         "![](<a.png>)b"),
        (r"\epigraph{a b}{c}", "> a b — c"),
        (r"\constant{top} $\constant{top}$", "100 $100$"),
        (r"\newcommand{\maxn}{10^5}$\maxn$ \maxn{}", "$10^5$ 10^5"),
        (r"\newcommand{\up}[2]{$#1^{#2}$}\up{10}{5} \up 2 3", "$10^{5}$ $2^{3}$"),
        (r"\newcommand\say[2][so]{#2, #1}\say{a}; \say[no]{\say{b}}", "a, so; b, so, no"),
        (r"\def\pair#1#2{(#1; #2)}\pair{a}{\pair{b}c}", "(a; (b; c))"),
        (r"\newcommand{\a}{1}\renewcommand{\a}{2}\newcommand{\b}[1]{\a#1#2}\b{3}", r"23\#2"),
        (r"\'e \"o \c{c} \aa \ss{} \~n", "e\u0301 o\u0308 c\u0327 åß n\u0303"),
        (r"\unknown{kept} \vspace{1cm}x", "kept x"),
        (r"\begin{align*}a&=b\\c\end{align*}", "$$\n\\begin{aligned}a&=b\\\\c\\end{aligned}\n$$"),
        ("a\n\n\n\nb\\\\c", "a\n\nb\\\nc"),
        (r"\nextsample x \remainingsamples", "{{nextsample}}\n\nx\n\n{{remainingsamples}}"),
    ],
)  # fmt: skip
def test_to_markdown_knows_the_subset(text, expected):
    """Each construct of the format's list becomes what Markdown has for it."""
    assert markdown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{" * 5000,
        "\\begin{itemize}" * 2000,
        "\\textbf{" * 3000,
        "$" * 999,
        "\\c" * 3000,
        "\\",
        "\\begin{tabular}",
        "\\newcommand{\\a}{\\a\\a}\\a",
        "\\newcommand{\\a}[1]{#1#1}" + "\\a{" * 3000,
        "".join(rf"\newcommand{{\{y}}}{{\{x}\{x}}}" for x, y in pairwise(ascii_letters)) + r"\Z",
        "\\item",
        "\\verb",
        "\\item[",
        "\\begin",
        "}" * 1000,
    ],
)
def test_to_markdown_ends_on_anything(text):
    """Whatever a package holds, reading it ends soon and raises nothing."""
    began = time.process_time()
    to_markdown(text, {})
    assert time.process_time() - began < 10


def test_plain_title_is_the_name_in_the_statement():
    """The comment that gives it plain counts before the command."""
    assert plain_title("\\problemname{A \\& B}\nx") == "A & B"
    assert plain_title("\\problemname{$x$}\n%% plainproblemname: ex\n") == "ex"
    assert plain_title("x") == ""


def test_statement_in_tex_is_shown_with_its_images(packages):
    """The HTML has them inside; markup of the source is text."""
    png = b"\x89PNG\r\n\x1a\nxyz"
    tex = (
        "\\problemname{Ekko}\n\\illustration{0.3}{a.png}{b}\n\\includegraphics{../../x.png}"
        "\\includegraphics{http://elsewhere.example/x.png}<script>alert(1)</script>\n"
    )
    changes = {
        "problem_statement/problem.md": None,
        "problem_statement/problem.en.tex": tex,
        "problem_statement/a.png": png,
        "problem.yaml": "",
    }
    packages.root.joinpath("x.png").write_bytes(png)
    problem = load_problem(packages.legacy(changes))
    assert problem.title == "Ekko"
    assert problem.statement_html.count("<img") == 1
    assert 'src="data:image/png;base64,iVBORw0KGgp4eXo="' in problem.statement_html
    assert "<script" not in problem.statement_html


def test_statement_in_pdf_can_be_fetched(packages):
    """It is behind a link in the HTML, if it is not too large, and named in any case."""
    changes = {"statement/problem.en.md": None, "statement/problem.en.pdf": b"%PDF"}
    problem = load_problem(packages.new(changes))
    assert "problem.en.pdf" in problem.statement_md
    assert 'href="data:application/pdf;base64,JVBERg=="' in problem.statement_html
    changes["statement/problem.en.pdf"] = b"%PDF" + bytes(4 << 20)
    problem = load_problem(packages.new(changes))
    assert "problem.en.pdf" in problem.statement_html
    assert "<a" not in problem.statement_html
