"""The languages: their files, their commands, and what is wrong with a file."""

import re
import shutil
import subprocess
import sys

import pytest

from judging.languages import LanguageError, language_of, load_languages
from judging.languages.language import SELF

LANGUAGES = load_languages()

MINIMAL = """
id = "mini"
name = "Mini"
extensions = [".mini"]
source = "main.mini"
version = ["{tool}"]
run = ["{tool}", "{entry}"]
hello = "x"
[programs]
tool = ["tool"]
[compile_limits]
time_s = 1.0
wall_s = 1.0
memory_bytes = 1
output_bytes = 1
processes = 1
"""


def tools_of(language):
    """Find a language's tools on this host, None if one is missing."""
    tools = {}
    for name, candidates in language.programs.items():
        found = (sys.executable if c == SELF else shutil.which(c) for c in candidates)
        path = next(filter(None, found), None)
        if path is None:
            return None
        tools[name] = path
    return tools


def build(language, files, entry, cwd):
    """Compile *files* in *cwd*, without a sandbox."""
    for name, content in files.items():
        (cwd / name).write_text(content)
    argv = language.command(
        language.compile, tools=tools_of(language), files=list(files), entry=entry
    )
    return subprocess.run(
        argv,
        check=False,
        cwd=cwd,
        env=dict(language.env) | {"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def run(language, files, entry, cwd):
    """Run what `build` built."""
    argv = language.command(
        language.run, tools=tools_of(language), files=list(files), entry=entry, memory_bytes=2**28
    )
    return subprocess.run(
        argv,
        check=False,
        cwd=cwd,
        env=dict(language.env),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_load_languages_has_the_shipped_ones():
    """Those that everybody asks for come with Gavel, each under its id."""
    usual = "c cpp cpp17 cpp23 csharp go haskell java javascript kotlin lua ocaml pascal perl php"
    assert {*usual.split(), "python", "ruby", "rust", "typescript", "bash"} <= set(LANGUAGES)
    assert all(language.id == key for key, language in LANGUAGES.items())


@pytest.mark.parametrize(
    "code", ["x = = 1\n", "def f():\nreturn 1\n", "a\0b", "'\udcff'", "x = " + "(" * 1000]
)
def test_python_compile_error_reads_as_python_prints_it(code, tmp_path):
    """The message is the error alone: no traceback of ours around it."""
    (tmp_path / "main.py").write_bytes(code.encode(errors="surrogateescape"))
    python = LANGUAGES["python"]
    argv = python.command(
        python.compile, tools={"python": sys.executable}, files=["main.py"], entry="main.py"
    )
    ended = subprocess.run(
        argv,
        check=False,
        cwd=tmp_path,
        env=dict(python.env),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "Error" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "-c" not in ended.stderr
    assert not list(tmp_path.glob("__pycache__"))


def test_python_compile_passes_over_warnings(tmp_path):
    """A doubtful escape is no compile error and no noise."""
    built = build(LANGUAGES["python"], {"main.py": "print('\\d')\n"}, "main.py", tmp_path)
    assert (built.returncode, built.stderr) == (0, "")


def test_python_imports_its_own_files_and_site_builtins(tmp_path):
    """Several files see each other, and exit() is there."""
    files = {"main.py": "import other\nprint(other.x)\nexit()\n", "other.py": "x = 'seen'\n"}
    assert build(LANGUAGES["python"], files, "main.py", tmp_path).returncode == 0
    assert run(LANGUAGES["python"], files, "main.py", tmp_path).stdout == "seen\n"


def test_c_builds_several_files(tmp_path):
    """All sources are compiled and linked; headers lie beside them; libm is there."""
    files = {
        "main.c": '#include <stdio.h>\n#include "twice.h"\nint main(void) { printf("%g\\n", twice(2)); }\n',
        "twice.c": '#include <math.h>\n#include "twice.h"\ndouble twice(double x) { return 2 * sqrt(x * x); }\n',
        "twice.h": "double twice(double x);\n",
    }
    built = build(LANGUAGES["c"], files, "main.c", tmp_path)
    assert built.returncode == 0, built.stderr
    assert run(LANGUAGES["c"], files, "main.c", tmp_path).stdout == "4\n"


@pytest.mark.parametrize(
    ("file_name", "language_id"),
    [
        ("a.py", "python"),
        ("a.c", "c"),
        ("a.cc", "cpp"),
        ("a.C", "cpp"),
        ("A.java", "java"),
        ("a.js", "javascript"),
        ("a.rs", "rust"),
        ("a.xyz", None),
        ("py", None),
        ("a.h", None),
    ],
)
def test_language_of_goes_by_the_extension(file_name, language_id):
    """The extension says the language, its case included."""
    language = language_of(file_name)
    assert (language and language.id) == language_id


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("public class Solution { }", "Solution.java"),
        ("import java.util.*;\n\npublic final class A1_b {}", "A1_b.java"),
        ("class Main { public static class Inner {} }", "Main.java"),
        ("// public class Nope\nclass X {}", "Main.java"),
        ("public record R(int x) {}", "R.java"),
        ("", "Main.java"),
    ],
)
def test_source_name_is_that_of_the_public_class(code, name):
    """Java's compiler wants a public class in a file of its name."""
    assert LANGUAGES["java"].source_name(code) == name


def test_package_of_a_single_file_is_left_out():
    """Lines stay where they are, so that the compiler's words fit what people wrote."""
    java = LANGUAGES["java"]
    assert java.source_code("// a\npackage a.b;\nclass X {}") == "// a\n\nclass X {}"
    assert java.source_code("class X { int package_a; }") == "class X { int package_a; }"
    assert LANGUAGES["go"].source_code("package main\n") == "package main\n"


MAIN, OTHER = b"\x01\0\4main..\x01\0\x16([Ljava/lang/String;)V", b"\x01\0\4main()V"


@pytest.mark.parametrize(
    ("artefacts", "name"),
    [
        ({"Main.class": MAIN, "A.class": MAIN}, "Main"),
        ({"Main.class": OTHER, "B.class": MAIN, "C.class": MAIN}, "B"),
        ({"A$Inner.class": MAIN, "Zebra.class": MAIN, "main.txt": MAIN}, "Zebra"),
        ({"A.class": OTHER}, "Main"),
        ({}, "Main"),
    ],
)
def test_start_is_the_entry_or_else_the_first_that_will_do(artefacts, name):
    """The class that bears the entry's name comes first; inner classes are never meant."""
    contents = {key: lambda value=value: value for key, value in artefacts.items()}
    assert LANGUAGES["java"].start.find("Main", contents) == name


def test_source_name_is_fixed_elsewhere():
    """Other languages do not care what their file is called."""
    assert LANGUAGES["cpp"].source_name("public class Solution") == "main.cpp"


def test_command_fills_in_placeholders():
    """Tools, entry, stem, memory and sources go in; braces that mean nothing stay."""
    argv = LANGUAGES["java"].command(
        ["{java}", "-Xmx{memory_mb}m", "{source}", "{stem}", "{entry}", "{}", "{x}"],
        tools={"java": "/bin/java"},
        files=["A.java", "notes.txt", "B.java"],
        entry="B.java",
        memory_bytes=300 * 2**20,
    )
    assert argv == ["/bin/java", "-Xmx300m", "A.java", "B.java", "B", "B.java", "{}", "{x}"]


def test_load_languages_reads_a_minimal_file(tmp_path):
    """What has a default may be left out."""
    (tmp_path / "mini.toml").write_text(MINIMAL)
    language = load_languages(tmp_path)["mini"]
    assert language.compile is None
    assert language.time_factor == 1.0
    assert language.compile_limits.processes == 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (("id = ", "id ="), None),
        (('id = "mini"', 'id = "other"'), "id: expected 'mini'"),
        (('id = "mini"', ""), "id: missing"),
        (("time_s = 1.0", ""), "compile_limits.time_s: missing"),
        (("processes = 1", "processes = 1\nswap = 2"), "compile_limits.swap: unknown key"),
        (("id = ", "colour = 1\nid = "), "colour: unknown key"),
        (('[".mini"]', '["mini"]'), "extensions: expected a leading dot"),
        (('[".mini"]', "[]"), "extensions: expected at least one"),
        (('"main.mini"', '"main.c"'), "source: expected one of the extensions"),
        (('"{tool}", "{entry}"', '"{tol}"'), "run: unknown placeholder {tol}"),
        (
            ("time_s = 1.0", 'time_s = "x"'),
            r"Expected `float`, got `str` - at `$.compile_limits.time_s`",
        ),
        (('version = ["{tool}"]', 'version = "v"'), "Expected `array`, got `str` - at `$.version`"),
        (("run = ", 'compile = ["{tool}"]\nrun = '), "artefacts: a run would get neither"),
        (('id = "mini"', "id = "), "Invalid value (at line 2"),
    ],
)
def test_load_languages_names_file_and_key(tmp_path, change, problem):
    """Whatever is wrong with a file, the error says where."""
    (tmp_path / "mini.toml").write_text(MINIMAL.replace(*change, 1))
    if problem is None:
        assert load_languages(tmp_path)
        return
    with pytest.raises(LanguageError, match=re.escape(problem)) as raised:
        load_languages(tmp_path)
    assert str(tmp_path / "mini.toml") in str(raised.value)


def test_load_languages_refuses_two_owners_of_an_extension(tmp_path):
    """One extension speaks of one language."""
    (tmp_path / "mini.toml").write_text(MINIMAL)
    (tmp_path / "other.toml").write_text(MINIMAL.replace('"mini"', '"other"'))
    with pytest.raises(LanguageError, match=r"\.mini belongs to mini"):
        load_languages(tmp_path)


def test_variant_differs_in_what_its_file_says(tmp_path):
    """It has all else from the other language, and neither its extensions nor its codes count."""
    (tmp_path / "mini.toml").write_text(
        MINIMAL.replace("[programs]", 'kattis = ["mi"]\n[programs]')
    )
    (tmp_path / "mini2.toml").write_text(
        'id = "mini2"\nname = "Mini 2"\nvariant_of = "mini"\nreplace = { "{entry}" = "-2" }\n'
    )
    languages = load_languages(tmp_path)
    variant = languages["mini2"]
    assert (variant.run, variant.source) == (("{tool}", "-2"), "main.mini")
    assert language_of("a.mini", languages).id == "mini"
    assert variant.prepared is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('variant_of = "none"\n', "variant_of: there is no"),
        ('replace = { "a" = "b" }\n', "replace: is for a language that has variant_of"),
    ],
)
def test_variant_of_nothing_is_refused(tmp_path, text, problem):
    """A variant needs the file of the other language beside its own."""
    (tmp_path / "odd.toml").write_text(f'id = "odd"\nname = "Odd"\n{text}')
    with pytest.raises(LanguageError, match=re.escape(problem)):
        load_languages(tmp_path)
