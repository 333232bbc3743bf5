#!/usr/bin/env python3
"""Goal: the tree keeps to its own rules (rules.py), and every rule finds what it forbids.

Method: each rule is run over all files that git lists, and over small trees made here, one that
breaks the rule and one that does not.
"""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent


class TheTree(unittest.TestCase):
    """What holds for the tree as it is."""

    def test_keeps_every_rule(self):
        found = rules.complaints(rules.Tree.of_repository(ROOT))
        self.assertFalse(found, "\n" + "\n".join(found))

    def test_is_looked_at_whole(self):
        tree = rules.Tree.of_repository(ROOT)
        self.assertGreater(len(tree.code()), 500)
        self.assertGreater(sum(1 for _ in rules.included(tree)), 1500)
        lengths = [length for path in tree.code()
                   for _, _, length in rules.functions(tree.lines(path))]
        self.assertGreater(len(lengths), 4000)
        self.assertGreater(sum(length > 20 for length in lengths), 500)


class Controls(unittest.TestCase):
    """Every rule on a tree that breaks it, and on one that does not."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def tree(self, files, allowed=""):
        for path, text in files.items():
            there = Path(self.folder.name) / path
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_text(text, encoding="utf-8")
        return rules.Tree(self.folder.name, files, allowed)

    def finds(self, found, *parts):
        self.assertEqual(len(found), 1, found)
        for part in parts:
            self.assertIn(part, found[0])

    @unittest.skipUnless(rules.formatter(), "no clang-format 14 here")
    def test_formatted(self):
        style = (ROOT / ".clang-format").read_text()
        files = {".clang-format": style, "a/good.cpp": "int f() {\n  return 1;\n}\n"}
        self.assertEqual(rules.formatted(self.tree(files)), [])
        files["a/bad.cpp"] = "int f(){ return 1; }\nint  g();\n"
        self.finds(rules.formatted(self.tree(files)), "a/bad.cpp:1")

    def test_columns(self):
        good = {"a.cpp": "// " + "é" * 97 + "\nconst char* kText = R\"(" + "x" * 200 + ")\";\n"}
        self.finds(rules.columns(self.tree(good)), "a.cpp:2")
        good = {"a.cpp": 'const char* kText = R"(\n' + "x" * 200 + '\n)";\n'}
        self.assertEqual(rules.columns(self.tree(good)), [])
        bad = {"a.cpp": 'const char* kText = R"(\n)";\n// ' + "x" * 98 + "\n"}
        self.finds(rules.columns(self.tree(bad)), "a.cpp:3", "101 columns")
        self.assertEqual(rules.columns(self.tree(bad, "columns a.cpp  a table")), [])

    def function(self, head, lines, indent=""):
        body = (indent + "  work();\n") * (lines - 2)
        return f"{indent}{head} {{\n{body}{indent}}}\n"

    def test_short_functions(self):
        for head in ("void f()", "int A::f(int a) const", "TEST(A, f)", "A::A(int b) : b_(b)",
                     "__global__ void __launch_bounds__(32) f(int n)", "auto f() -> int"):
            with self.subTest(head):
                good = {"a.cpp": "namespace n {\n" + self.function(head, 70) + "}\n"}
                self.assertEqual(rules.short_functions(self.tree(good)), [])
                bad = {"a.cpp": "namespace n {\n" + self.function(head, 71) + "}\n"}
                self.finds(rules.short_functions(self.tree(bad)), "a.cpp:2", "71 lines")
        member = "struct A {\n" + self.function("int f() const override", 71, "  ") + "};\n"
        self.finds(rules.short_functions(self.tree({"a.h": member})), "a.h:2: f has 71")
        wrapped = "int f(int a,\n      int b) {\n" + "  work();\n" * 69 + "}\n"
        self.finds(rules.short_functions(self.tree({"a.h": wrapped})), "a.h:1: f has 72")
        data = {"a.cpp": "constexpr int kTable[] = {\n" + "  1,\n" * 99 + "};\n"
                         "class A {\n" + "  int f();\n" * 99 + "};\n"}
        self.assertEqual(rules.short_functions(self.tree(data)), [])
        bad = {"a.cpp": self.function("void f()", 71)}
        self.assertEqual(
            rules.short_functions(self.tree(bad, "function a.cpp f  a table of cases")), [])

    def test_include_table(self):
        table = "low:\nhigh: low\n"
        good = {"high/a.h": '#include "low/b.h"\n#include "high/c.h"\n#include <low/x.h>\n',
                "low/b.h": "", "high/c.h": ""}
        self.assertEqual(rules.include_table(self.tree(good), table), [])
        bad = {"low/b.cpp": '\n#include "high/c.h"\n'}
        self.finds(rules.include_table(self.tree(bad), table), "low/b.cpp:2", "high/c.h")
        unknown = {"new/b.cpp": '#include "low/b.h"\n'}
        self.finds(rules.include_table(self.tree(unknown), table), "does not know the room new")

    def test_circles(self):
        good = {"server/a/x.h": '#include "server/b/y.h"\n', "server/b/y.h": '#include "base/z.h"\n',
                "server/a/w.h": '#include "server/a/x.h"\n', "base/z.h": ""}
        self.assertEqual(rules.circles(self.tree(good)), [])
        bad = dict(good)
        bad["base/z.h"] = '#include "server/a/w.h"\n'
        self.finds(rules.circles(self.tree(bad)), "base -> server/a -> server/b -> base",
                   "server/b/y.h:1")
        self.assertEqual(
            rules.circles(self.tree(bad, "include base/z.h server/a/w.h  until it moves")), [])

    def test_tour(self):
        files = {"README.md": "# T\n\n## A tour\n\n| `a/` | `x.h` | words, `in/`, `.cu` |\n\n## More\n",
                 "a/x.h": "", "a/in/y.h": ""}
        self.assertEqual(rules.tour(self.tree(files)), [])
        self.finds(rules.tour(self.tree(files | {"b/x.h": ""})), "b/ is missing")
        readme = files["README.md"]
        self.finds(rules.tour(self.tree(files | {"README.md": readme.replace("in/", "out/")})),
                   "a/out/")
        self.finds(rules.tour(self.tree(files | {"README.md": readme + "", "a/x.h": ""} |
                                        {"README.md": readme.replace("`x.h`", "`z.h`")})), "a/z.h")
        self.finds(rules.tour(self.tree({"README.md": "# T\n"})), "no section")

    def test_one_title(self):
        good = {"a.md": "# T\n\n```\n# a comment\n```\n## B\n"}
        self.assertEqual(rules.one_title(self.tree(good)), [])
        self.finds(rules.one_title(self.tree({"a.md": "# T\n# U\n"})), "[1, 2]")
        self.finds(rules.one_title(self.tree({"a.md": "\n# T\n"})), "[2]")
        self.finds(rules.one_title(self.tree({"a.md": "T\n"})), "[]")

    def test_markers(self):
        self.assertEqual(rules.markers(self.tree({"a.h": "// to do it well\n// =====\n"})), [])
        for line in ("<" * 7 + " HEAD", "=" * 7, ">" * 7 + " branch", "// TO" "DO: later"):
            with self.subTest(line):
                self.finds(rules.markers(self.tree({"a.h": "\n" + line + "\n"})), "a.h:2")

    def test_links(self):
        good = {"d/a.md": "[b](../b.h) [c](https://c.d/e) [f](#f) [g](../b.h#g) `[h](h.h)`\n", "b.h": ""}
        self.assertEqual(rules.links(self.tree(good)), [])
        self.finds(rules.links(self.tree({"d/a.md": "[b](b.h)\n", "b.h": ""})), "d/a.md:1")

    def test_an_exception_has_a_reason_and_is_needed(self):
        with self.assertRaisesRegex(ValueError, "no reason"):
            self.tree({}, "columns a.cpp")
        tree = self.tree({"a.cpp": "int a;\n"}, "columns a.cpp  it was long")
        rules.columns(tree)
        self.finds(rules.unused_exceptions(tree), "columns a.cpp")


if __name__ == "__main__":
    unittest.main()
