"""Every language that this machine offers, in the sandbox: two files, input, and a broken program."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import trio

from daemons.worker.compiling import CompileFailure, compile_program, find_compile_error
from daemons.worker.programs import Sources, open_boxes
from daemons.worker.toolchains import Toolchain, find_toolchains
from judging.languages import load_languages
from protocol.messages import RunRequest
from sandbox import Box, Grade, Limits, RunStatus

LANGUAGES = load_languages()
#: Memory as a problem would allow it: what a runtime takes besides is the language's affair.
LIMITS = Limits(time_s=5, wall_s=30, memory_bytes=64 << 20, output_bytes=1 << 16)
PATIENCE_S = 120.0

#: For each language a program of two files, the entry first, that reads two numbers from one line
#: and prints twice their sum; the doubling is in the other file, as users of the language write it.
PROGRAMS: Mapping[str, Mapping[str, str]] = {
    "awk": {"main.awk": "{ print 2 * ($1 + $2) }"},
    "bash": {
        "main.sh": 'source "${0%/*}/lib.sh"\nread a b\ntwice $((a + b))\n',
        "lib.sh": "twice() { echo $((2 * $1)); }\n",
    },
    "c": {
        "main.c": (
            '#include <stdio.h>\n#include "lib.h"\n'
            'int main(void) { int a, b; scanf("%d %d", &a, &b); printf("%d\\n", twice(a + b)); }\n'
        ),
        "lib.c": '#include "lib.h"\nint twice(int x) { return 2 * x; }\n',
        "lib.h": "int twice(int x);\n",
    },
    "cobol": {
        "main.cob": """
       IDENTIFICATION DIVISION.
       PROGRAM-ID. MAIN.
       DATA DIVISION.
       WORKING-STORAGE SECTION.
       01 LINE-IN PIC X(20).
       01 A PIC 9(4).
       01 B PIC 9(4).
       01 C PIC Z(3)9.
       PROCEDURE DIVISION.
           ACCEPT LINE-IN.
           UNSTRING LINE-IN DELIMITED BY SPACE INTO A B.
           COMPUTE C = 2 * (A + B).
           DISPLAY FUNCTION TRIM(C).
           STOP RUN.
"""
    },
    "cpp": {
        "main.cpp": (
            '#include <iostream>\n#include "lib.hpp"\n'
            'int main() { int a, b; std::cin >> a >> b; std::cout << twice(a + b) << "\\n"; }\n'
        ),
        "lib.cpp": '#include "lib.hpp"\nint twice(int x) { return 2 * x; }\n',
        "lib.hpp": "int twice(int x);\n",
    },
    "csharp": {
        "main.cs": (
            "using System;\nclass Program { static void Main() {\n"
            'var p = Console.ReadLine().Split(" ".ToCharArray());\n'
            "Console.WriteLine(Lib.Twice(int.Parse(p[0]) + int.Parse(p[1]))); } }\n"
        ),
        "lib.cs": "static class Lib { public static int Twice(int x) { return 2 * x; } }\n",
    },
    "d": {
        "main.d": (
            "import std.stdio;\nimport lib;\n"
            'void main() { int a, b; readf(" %d %d", &a, &b); writeln(twice(a + b)); }\n'
        ),
        "lib.d": "module lib;\nint twice(int x) { return 2 * x; }\n",
    },
    "fortran": {
        "main.f90": "program main\n  integer :: a, b, twice\n  read *, a, b\n"
        "  print '(i0)', twice(a + b)\nend program\n",
        "lib.f90": "integer function twice(x)\n  integer :: x\n  twice = 2 * x\nend function\n",
    },
    "go": {
        "main.go": (
            'package main\n\nimport "fmt"\n\n'
            "func main() {\n\tvar a, b int\n\tfmt.Scan(&a, &b)\n\tfmt.Println(twice(a + b))\n}\n"
        ),
        "lib.go": "package main\n\nfunc twice(x int) int { return 2 * x }\n",
    },
    "haskell": {
        "Main.hs": (
            "import Lib\nmain :: IO ()\nmain = getLine >>= print . twice . sum . map read . words\n"
        ),
        "Lib.hs": "module Lib (twice) where\ntwice :: Int -> Int\ntwice = (2 *)\n",
    },
    "java": {
        "Main.java": (
            "import java.util.Scanner;\npublic class Main {\n"
            "  public static void main(String[] args) {\n"
            "    Scanner in = new Scanner(System.in);\n"
            "    System.out.println(Lib.twice(in.nextInt() + in.nextInt()));\n  }\n}\n"
        ),
        "Lib.java": "class Lib { static int twice(int x) { return 2 * x; } }\n",
    },
    "javascript": {
        "main.js": (
            'const { twice } = require("./lib");\n'
            'const [a, b] = require("fs").readFileSync(0, "utf8").split(" ").map(Number);\n'
            "console.log(twice(a + b));\n"
        ),
        "lib.js": "exports.twice = (x) => 2 * x;\n",
    },
    "kotlin": {
        "main.kt": (
            "fun main() {\n"
            '    val (a, b) = readLine()!!.split(" ").map { it.toInt() }\n'
            "    println(twice(a + b))\n}\n"
        ),
        "lib.kt": "fun twice(x: Int) = 2 * x\n",
    },
    "lisp": {"main.lisp": '(format t "~a~%" (* 2 (+ (read) (read))))\n'},
    "lua": {
        "main.lua": 'local lib = require("lib")\nprint(lib.twice(io.read("n") + io.read("n")))\n',
        "lib.lua": "return { twice = function(x) return 2 * x end }\n",
    },
    "nim": {
        "main.nim": (
            "import lib, strutils, sequtils\n"
            "echo twice(stdin.readLine.split.map(parseInt).foldl(a + b))\n"
        ),
        "lib.nim": "proc twice*(x: int): int = 2 * x\n",
    },
    "ocaml": {
        "main.ml": 'let () = Scanf.scanf " %d %d" (fun a b -> print_int (Twice.f (a + b)))\n',
        "twice.ml": "let f x = 2 * x\n",
    },
    "pascal": {
        "main.pas": "uses lib;\nvar a, b: integer;\nbegin\n  readln(a, b);\n  writeln(twice(a + b));\nend.\n",
        "lib.pas": (
            "unit lib;\ninterface\nfunction twice(x: integer): integer;\nimplementation\n"
            "function twice(x: integer): integer;\nbegin\n  twice := 2 * x;\nend;\nend.\n"
        ),
    },
    "perl": {
        "main.pl": "use Lib;\nmy ($a, $b) = split ' ', <STDIN>;\nprint Lib::twice($a + $b), \"\\n\";\n",
        "Lib.pm": "package Lib;\nsub twice { return 2 * $_[0]; }\n1;\n",
    },
    "php": {
        "main.php": (
            "<?php\nrequire 'lib.php';\n"
            "[$a, $b] = explode(' ', trim(fgets(STDIN)));\necho twice($a + $b), PHP_EOL;\n"
        ),
        "lib.php": "<?php\nfunction twice($x) { return 2 * $x; }\n",
    },
    "python": {
        "main.py": "from lib import twice\nprint(twice(sum(map(int, input().split()))))\n",
        "lib.py": "def twice(x):\n    return 2 * x\n",
    },
    "ruby": {
        "main.rb": "require_relative 'lib'\nputs twice(gets.split.sum(&:to_i))\n",
        "lib.rb": "def twice(x) = 2 * x\n",
    },
    "rust": {
        "main.rs": (
            "mod lib;\nfn main() {\n    let mut line = String::new();\n"
            "    std::io::stdin().read_line(&mut line).unwrap();\n"
            "    let sum: i32 = line.split_whitespace().map(|x| x.parse::<i32>().unwrap()).sum();\n"
            '    println!("{}", lib::twice(sum));\n}\n'
        ),
        "lib.rs": "pub fn twice(x: i32) -> i32 { 2 * x }\n",
    },
    "tcl": {
        "main.tcl": "source lib.tcl\nlassign [gets stdin] a b\nputs [twice [expr {$a + $b}]]\n",
        "lib.tcl": "proc twice {x} { expr {2 * $x} }\n",
    },
    "typescript": {
        "main.ts": (
            'import * as fs from "fs";\nimport { twice } from "./lib";\n'
            'const [a, b]: number[] = fs.readFileSync(0, "utf8").split(" ").map(Number);\n'
            "console.log(twice(a + b));\n"
        ),
        "lib.ts": "export const twice = (x: number): number => 2 * x;\n",
    },
}
#: What no language here takes for a program.
BROKEN = '((( "\n'


def test_every_language_has_a_program_here() -> None:
    """A new language comes with one, or is a variant of one that has."""
    for language in LANGUAGES.values():
        assert (language.variant_of or language.id) in PROGRAMS


async def test_programs_of_two_files_are_judged() -> None:
    """Files find each other, input is read, and 64 MiB are enough for a small program."""

    async def find_fault(box: Box, toolchain: Toolchain) -> str | None:
        language = toolchain.language
        files = PROGRAMS[language.variant_of or language.id]
        sources = Sources({name: text.encode() for name, text in files.items()}, next(iter(files)))
        program = await compile_program(box, toolchain, sources)
        if isinstance(program, CompileFailure):
            return program.output.decode()
        with program:
            result = await program.run(box, stdin=b"3 4\n", limits=LIMITS)
        if (result.stdout.strip(), result.status) == (b"14", RunStatus.OK):
            return None
        return repr(result)

    assert await try_all(find_fault) == {}


async def test_what_does_not_parse_is_a_compile_error() -> None:
    """It is refused with a message that names the file, before a test runs or after the first."""

    async def find_fault(box: Box, toolchain: Toolchain) -> str | None:
        language = toolchain.language
        if language.compile is None:
            return None
        code = ("<?php " if language.id == "php" else "") + BROKEN
        sources = Sources({language.source: code.encode()}, language.source)
        failure = await compile_program(box, toolchain, sources)
        if not isinstance(failure, CompileFailure):
            with failure as program:
                result = await program.run(box, stdin=b"", limits=LIMITS)
                if result.status is not RunStatus.RUNTIME_ERROR:
                    return repr(result)
                found = await find_compile_error(box, program)
            if found is None:
                return "ran, and nothing was found wrong with the code"
            failure = found
        output = failure.output.decode()
        return None if language.source.partition(".")[0] in output else f"no file named: {output}"

    assert await try_all(find_fault) == {}


JAVA_MAIN = "{ public static void main(String[] args) { System.out.println(args.length); } }"
#: What people send as one file of Java, where the class to start is to be found.
JAVA = (
    f"class Solution {JAVA_MAIN}",
    f"package a.b.c;\npublic class Other {JAVA_MAIN}",
    f"  package deep.er;\nclass Helper {{ }}\nclass Zebra {JAVA_MAIN}",
    f"public class Solver {{ }}\nclass Main {JAVA_MAIN}",
    f"class A {{ static class B {JAVA_MAIN} }}\nclass Main {JAVA_MAIN.replace('args.length', '0')}",
    "interface Entry " + JAVA_MAIN,
)


async def test_java_starts_the_class_that_has_main() -> None:
    """Whatever it is called, public or not, alone or after others, in a package or in none."""
    toolchains = await find_toolchains([LANGUAGES["java"]])
    java = toolchains["java"]
    found = []
    async with open_boxes([java], slots=1, grade=Grade.REDUCED) as sandbox:
        (box,) = sandbox.boxes
        for code in JAVA:
            request = RunRequest(user_id="u1", language="java", code=code)
            with trio.fail_after(PATIENCE_S):
                program = await compile_program(box, java, Sources.of(request, java))
                assert not isinstance(program, CompileFailure), program.output
                with program:
                    result = await program.run(box, stdin=b"", limits=LIMITS)
            found.append((result.stdout, result.status))
    assert found == [(b"0\n", RunStatus.OK)] * len(JAVA)


async def try_all(
    find_fault: Callable[[Box, Toolchain], Awaitable[str | None]],
) -> dict[str, str]:
    """Return what *find_fault* tells of the languages that this machine offers, by language."""
    toolchains = await find_toolchains(LANGUAGES.values())
    assert {"python", "c", "cpp"} <= set(toolchains)
    waiting = iter(toolchains.values())
    faults: dict[str, str] = {}

    async def work(box: Box) -> None:
        for toolchain in waiting:
            with trio.fail_after(PATIENCE_S):
                fault = await find_fault(box, toolchain)
            if fault is not None:
                faults[toolchain.language.id] = fault

    boxes = open_boxes(toolchains.values(), slots=2, grade=Grade.REDUCED)
    async with boxes as sandbox, trio.open_nursery() as nursery:
        for box in sandbox.boxes:
            nursery.start_soon(work, box)
    return faults
