#!/usr/bin/env python3
"""The rooms include each other only as the table says, and the script that looks would notice otherwise."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import include_graph  # noqa: E402


def check(files):
    """Exit status and output of --check over a tree of {name: text}."""
    with tempfile.TemporaryDirectory() as root:
        for name, text in files.items():
            path = pathlib.Path(root) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, HERE / "include_graph.py", "--root", root, "--check"],
                              capture_output=True, text=True)
        return done.returncode, done.stdout


class IncludeGraph(unittest.TestCase):
    def test_this_tree_has_only_the_arrows_of_the_table(self):
        found = include_graph.arrows(HERE.parents[1])
        self.assertGreater(len(found), 40)
        self.assertEqual(include_graph.faults_in(found), [])

    def test_an_arrow_down_is_allowed(self):
        self.assertEqual(check({"base/error.h": "", "engine/a.cpp": '#include "base/error.h"\n'}), (0, ""))

    def test_an_arrow_up_is_named(self):
        status, output = check({"base/error.h": '#include "engine/a.h"\n', "engine/a.h": ""})
        self.assertEqual(status, 1)
        self.assertIn('base/error.h: includes "engine/a.h"', output)

    def test_a_circle_between_two_rooms_of_the_server_is_named(self):
        status, output = check({"server/live/a.h": "# include \"server/routes/b.h\"\n",
                                "server/routes/b.h": '  #include "server/live/a.h"\n'})
        self.assertEqual(status, 1)
        self.assertIn("server/live/a.h", output)
        self.assertNotIn("server/routes/b.h: includes", output)

    def test_a_room_that_the_table_does_not_know_is_named(self):
        status, output = check({"base/error.h": "", "server/new/a.cpp": '#include "base/error.h"\n'})
        self.assertEqual((status, output), (1, "server/new/a.cpp: server/new is not a room of the table\n"))

    def test_the_table_itself_cannot_hold_a_circle(self):
        self.assertEqual(include_graph.table_faults(include_graph.ROOMS), [])
        self.assertEqual(len(include_graph.table_faults({"a": ["b"], "b": ["a"]})), 1)

    def test_the_servers_libraries_link_what_the_table_allows(self):
        text = (HERE.parents[1] / "server" / "CMakeLists.txt").read_text()
        libraries = re.findall(r"^vernissage_room\((\w+)\s+SOURCES [^)]*?(?:ROOMS ([\w ]+)\s*)?(?:LIBRARIES[^)]*)?\)",
                               text, re.MULTILINE)
        linked = {f"server/{name}": {f"server/{room}" for room in rooms.split()} for name, rooms in libraries}
        allowed = {room: {other for other in others if other.startswith("server/")}
                   for room, others in include_graph.ROOMS.items() if room.startswith("server/")}
        self.assertEqual(linked, allowed)

    def test_a_tree_without_includes_is_a_mistake(self):
        self.assertEqual(check({"base/error.h": ""})[0], 1)


if __name__ == "__main__":
    unittest.main()
