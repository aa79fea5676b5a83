"""The commands and environments of TeX that statements use, by what becomes of them."""

MATH_ENVIRONMENTS = frozenset(
    {"equation", "align", "eqnarray", "displaymath", "gather", "multline", "math", "alignat"}
)
#: Whether an environment of these is in braces: what is skipped behind its \begin.
OPTIONS = {"wrapfigure": 2, "minipage": 1, "multicols": 1}
CODE = frozenset({"verbatim", "lstlisting", "Verbatim", "alltt"})
LISTS = frozenset({"itemize", "enumerate", "description", "compactitem", "compactenum"})
SECTIONS = {"section": "##", "subsection": "###", "subsubsection": "####", "paragraph": "####"}
HEADED = frozenset({"Input", "Output", "Interaction", "Constraints", "Notes", "Scoring"})
AROUND = {
    "textbf": "**", "emph": "*", "textit": "*", "textsl": "*", "sout": "~~", "texttt": "`",
    "t": "`",
}  # fmt: skip
SWITCHES = {"bf": "**", "bfseries": "**", "it": "*", "itshape": "*", "em": "*", "tt": "`",
             "ttfamily": "`"}  # fmt: skip
SYMBOLS = {
    "ldots": "…", "dots": "…", "textellipsis": "…", "textbackslash": "\\\\", "textasciitilde": "~",
    "textasciicircum": "^", "textless": "\\<", "textgreater": "\\>", "textbar": "\\|", "ss": "ß",
    "aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "i": "ı",
    "S": "§", "copyright": "©", "euro": "€", "pounds": "£", "textendash": "–", "textemdash": "—",
    "LaTeX": "LaTeX", "TeX": "TeX", "textdollar": "\\$", "quad": " ", "qquad": " ", "par": "\n\n",
    "newline": "\\\n", "medskip": "\n\n", "bigskip": "\n\n", "smallskip": "\n\n",
    "nextsample": "\n\n{{nextsample}}\n\n", "remainingsamples": "\n\n{{remainingsamples}}\n\n",
}  # fmt: skip
ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303",
            "=": "\u0304", ".": "\u0307"}  # fmt: skip
LETTER_ACCENTS = {"c": "\u0327", "v": "\u030c", "u": "\u0306", "H": "\u030b", "k": "\u0328",
                   "r": "\u030a"}  # fmt: skip
#: Commands whose arguments say nothing to a reader: how many there are.
SILENT = {"vspace": 1, "hspace": 1, "label": 1, "input": 1, "usepackage": 1, "setlength": 2,
           "definecolor": 3, "color": 1, "cline": 1, "lstset": 1, "pagestyle": 1}  # fmt: skip
