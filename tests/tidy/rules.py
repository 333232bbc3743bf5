"""What the project holds itself to, as functions from a Tree to complaints ("path:line: what is wrong").

Run as a program it prints the complaints about the tree that it lies in.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODE = (".cpp", ".h", ".cu")
COLUMNS = {".cpp": 100, ".h": 100, ".cu": 100, ".py": 120, ".cmake": 120, "CMakeLists.txt": 120, "run": 120}
FUNCTION_LINES = 70


class Tree:
    """The files of a project, by their paths from its root."""

    def __init__(self, root, paths, allowed=""):
        self.root = Path(root)
        self.paths = sorted(paths)
        # "rule path [name]  reason" a line; which were needed is remembered.
        self.allowed = {}
        for line in allowed.splitlines():
            if line.strip() and not line.startswith("#"):
                what, _, reason = line.partition("  ")
                if not reason.strip():
                    raise ValueError(f"exceptions.txt: no reason given: {line}")
                self.allowed[what.strip()] = False

    @staticmethod
    def of_repository(root):
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"],
                                capture_output=True, text=True, check=True).stdout
        paths = [path for path in listed.split("\0") if path and (Path(root) / path).is_file()]
        return Tree(root, paths, (HERE / "exceptions.txt").read_text())

    def lines(self, path):
        return (self.root / path).read_text(encoding="utf-8").split("\n")

    def excepted(self, what):
        if what in self.allowed:
            self.allowed[what] = True
            return True
        return False

    def code(self):
        return [path for path in self.paths if path.endswith(CODE)]


def formatter():
    """clang-format 14 (others lay out differently), or None."""
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program:
            version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout
            if re.search(r"version 14\.", version):
                return program
    return None


def formatted(tree):
    """Every source is laid out as clang-format 14 would."""
    found = []
    paths = tree.code()
    for start in range(0, len(paths), 40):
        result = subprocess.run([formatter(), "--dry-run", "--Werror", "--ferror-limit=1",
                                 *paths[start:start + 40]],
                                cwd=tree.root, capture_output=True, text=True)
        found += re.findall(r"^(\S+:\d+):\d+: error: .*$", result.stderr, re.M)
        if result.returncode and not found:
            raise RuntimeError(result.stderr)
    return [f"{place}: not as clang-format 14 lays it out" for place in found]


def without_raw_strings(lines):
    """The lines, those emptied that lie inside a raw string literal or between clang-format off and on."""
    end = None
    for line in lines:
        if end:
            inside, end = True, None if end in line else end
        else:
            inside = False
            opened = re.search(r'R"([^\s()\\]*)\(', line)
            if opened and f'){opened[1]}"' not in line[opened.end():]:
                end = f'){opened[1]}"'
            elif "clang-format off" in line:
                end = "clang-format on"
        yield "" if inside else line


def columns(tree):
    """No line is longer than its kind of file may have it."""
    found = []
    for path in tree.paths:
        limit = COLUMNS.get(Path(path).suffix) or COLUMNS.get(Path(path).name)
        if not limit:
            continue
        lines = tree.lines(path)
        if path.endswith(CODE):
            lines = without_raw_strings(lines)
        for number, line in enumerate(lines, 1):
            if len(line) > limit and not tree.excepted(f"columns {path}"):
                found.append(f"{path}:{number}: {len(line)} columns, at most {limit}")
    return found


# What opens a brace and is no function: a type, a namespace, a statement, a value, a lambda.
NO_FUNCTION = re.compile(
    r"^(inline )?(namespace|class|struct|enum|union|extern)\b(?!.*\) (const |noexcept |override )*{$)"
    r"|=\s*{$|^(if|for|while|switch|do|else|try|return|case)\b|^}|\[[&=\w, *]*\] ?[({]")


def functions(lines):
    """(name, first line, lines) of each function, in sources that clang-format has laid out."""
    lines = [re.sub(r"\s+//.*$", "", line) for line in lines]
    for index, line in enumerate(lines):
        if not line.endswith("{") or not line.strip("{ "):
            continue
        first = index
        # The signature may have begun lines above.
        while first > 0 and not re.search(r"^\s*(//.*|#.*|template.*|)$|[;{}:]$", lines[first - 1]):
            first -= 1
        signature = " ".join(part.strip() for part in lines[first:index + 1])
        indent = len(lines[first]) - len(lines[first].lstrip())
        if indent > 4 or "(" not in signature or NO_FUNCTION.search(signature):
            continue
        closing = " " * indent + "}"
        for last in range(index + 1, len(lines)):
            if lines[last].startswith(closing):
                yield name_in(signature), first + 1, last - first + 1
                break


def name_in(signature):
    test = re.match(r"TEST(?:_[FP])?\((\w+), (\w+)\)", signature)
    if test:
        return f"{test[1]}.{test[2]}"
    name = re.search(r"([\w:~]+|operator\S+)\(", signature.replace("__launch_bounds__(", ""))
    return name[1] if name else signature


def short_functions(tree):
    """No function is longer than FUNCTION_LINES, from its signature to its closing brace."""
    found = []
    for path in tree.code():
        lines = list(without_raw_strings(tree.lines(path)))
        for name, line, length in functions(lines):
            if length > FUNCTION_LINES and not tree.excepted(f"function {path} {name}"):
                found.append(f"{path}:{line}: {name} has {length} lines, at most {FUNCTION_LINES}")
    return found


def room_of(path):
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "server" and len(parts) > 2 else parts[0]


def included(tree):
    """(including file, line, included path) of every include of the tree's own files."""
    for path in tree.code():
        for number, line in enumerate(tree.lines(path), 1):
            match = re.match(r'#include "([^"]+)"', line)
            if match and "/" in match[1]:
                yield path, number, match[1]


def include_table(tree, table):
    """A room includes of the top rooms only those that the table names for it."""
    below = {}
    for line in table.splitlines():
        if line.strip() and not line.startswith("#"):
            room, _, rooms = line.partition(":")
            below[room.strip()] = rooms.split()
    found = []
    for path, number, target in included(tree):
        here, there = path.split("/")[0], target.split("/")[0]
        if here == there or tree.excepted(f"include {path} {target}"):
            continue
        if here not in below:
            found.append(f"{path}:{number}: includes.txt does not know the room {here}")
        elif there not in below[here]:
            found.append(f"{path}:{number}: {here} may not include {target}")
    return found


def circles(tree):
    """No circle of rooms, those of server/ included."""
    edges = {}
    for path, number, target in included(tree):
        here, there = room_of(path), room_of(target)
        if here != there and not tree.excepted(f"include {path} {target}"):
            edges.setdefault(here, {}).setdefault(there, f"{path}:{number}: includes {target}")
    found = []
    for start in sorted(edges):
        # The shortest way back, if there is one and `start` is its first room by name.
        ways = [[start]]
        seen = set()
        while ways:
            way = ways.pop(0)
            for there in sorted(edges.get(way[-1], {})):
                if there == start:
                    if start == min(way):
                        steps = "; ".join(edges[a][b] for a, b in zip(way, way[1:] + [start]))
                        found.append(f"a circle of rooms {' -> '.join(way + [start])}: {steps}")
                    ways = []
                    break
                if there not in seen:
                    seen.add(there)
                    ways.append(way + [there])
    return found


def tour(tree):
    """README.md's tour has a row for each folder of the tree, and each folder it names exists."""
    text = "\n".join(tree.lines("README.md"))
    table = text.partition("\n## A tour\n")[2].partition("\n## ")[0]
    if not table:
        return ["README.md: no section '## A tour'"]
    folders = {path.split("/")[0] for path in tree.paths if "/" in path and not path.startswith(".")}
    found, named = [], set()
    for row in re.findall(r"^\| *`(\S+)/`(.*)$", table, re.M):
        folder, rest = row
        named.add(folder)
        if folder not in folders:
            found.append(f"README.md: the tour names {folder}/, which is not there")
            continue
        for inner in re.findall(r"`([\w/.]+)`", rest):
            if inner.startswith(".") or "/" not in inner and "." not in inner:
                continue  # a word, not a path
            beside = f"{folder}/{inner}"
            if not any(path == beside or path.startswith(beside.rstrip("/") + "/") for path in tree.paths):
                found.append(f"README.md: the tour names {beside}, which is not there")
    for folder in sorted(folders - named):
        if not tree.excepted(f"tour {folder}"):
            found.append(f"README.md: {folder}/ is missing in the tour")
    return found


def one_title(tree):
    """A document begins with its one title."""
    found = []
    for path in tree.paths:
        if not path.endswith(".md"):
            continue
        fenced, titles = False, []
        for number, line in enumerate(tree.lines(path), 1):
            if line.startswith("```"):
                fenced = not fenced
            elif not fenced and line.startswith("# "):
                titles.append(number)
        if titles != [1]:
            found.append(f"{path}: titles ('# …') in lines {titles}, expected one, in line 1")
    return found


MARKERS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b|^(<{7}|>{7}|\|{7}) |^={7}$")


def markers(tree):
    """Nothing is left of merges, and nothing is left for later."""
    found = []
    for path in tree.paths:
        if path.startswith(("tests/golden/", "tests/fuzz/corpus/")) or path.endswith(".json"):
            continue
        try:
            lines = tree.lines(path)
        except UnicodeDecodeError:
            continue  # a picture, a network
        for number, line in enumerate(lines, 1):
            if MARKERS.search(line):
                found.append(f"{path}:{number}: left over: {line.strip()[:60]}")
    return found


def links(tree):
    """What a document links to within the tree is there."""
    known = set(tree.paths)
    found = []
    for path in tree.paths:
        if not path.endswith(".md"):
            continue
        for number, line in enumerate(tree.lines(path), 1):
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", re.sub(r"`[^`]*`", "", line)):
                if re.match(r"[a-z]+:", target):
                    continue
                there = (tree.root / path).parent.joinpath(target).resolve()
                try:
                    inside = str(there.relative_to(tree.root.resolve())).rstrip("/")
                except ValueError:
                    inside = ".."
                if inside not in known and not any(p.startswith(inside + "/") for p in known):
                    found.append(f"{path}:{number}: no such file: {target}")
    return found


def complaints(tree):
    table = (HERE / "includes.txt").read_text()
    found = []
    for rule in (columns, short_functions, circles, tour, one_title, markers, links):
        found += rule(tree)
    found += include_table(tree, table)
    if formatter():
        found += formatted(tree)
    return found + unused_exceptions(tree)


def unused_exceptions(tree):
    """Every exception is still needed; meaningful only when all rules have run on this Tree."""
    return [f"tests/tidy/exceptions.txt: no longer needed: {what}"
            for what, used in tree.allowed.items() if not used]


if __name__ == "__main__":
    found = complaints(Tree.of_repository(HERE.parent.parent))
    print("\n".join(found))
    sys.exit(1 if found else 0)
