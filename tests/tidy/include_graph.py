#!/usr/bin/env python3
"""Which room includes which, and whether it may.

    include_graph.py [--root DIR]           prints every arrow, with how many includes it stands for
    include_graph.py [--root DIR] --check   prints what is not allowed; exits 1 when there is any

A room is a top folder; server/ is divided into one room a folder, and main.cpp. ROOMS lists them from
the ground up: a room may include those named beside it, all of which stand above it in the list, so
that no circle can be allowed. Includes of the room itself are not looked at. tests/ may include
everything and is included by nobody but bench/.
"""

import argparse
import pathlib
import re
import sys
from collections import defaultdict

ROOMS = {
    "base": [],
    "kernels": ["base"],
    "engine": ["base", "kernels"],
    "weights_tools": ["base", "engine"],
    "server/http": ["base"],
    "server/images": ["base", "engine"],
    "training": ["base", "engine", "server/images"],  # the codecs
    "server/process": ["base", "server/http"],
    "server/gallery": ["base", "engine", "server/images"],
    "server/visitors": ["base", "server/gallery", "server/http"],
    "server/config": ["base", "server/visitors"],
    "server/metrics": ["base", "server/config", "server/http", "server/process"],
    "server/web": ["base", "server/gallery", "server/http", "server/visitors"],
    "server/render": ["base", "engine", "server/gallery", "server/http", "server/images", "server/web"],
    "server/live": ["base", "server/gallery", "server/http", "server/images", "server/render", "server/web"],
    "server/routes": ["base", "server/gallery", "server/http", "server/live", "server/render",
                      "server/visitors", "server/web"],
    "server/curation": ["base", "engine", "server/gallery", "server/images", "server/render", "server/web"],
    "server/commands": ["base", "engine", "server/config", "server/curation", "server/gallery", "server/http",
                        "server/images", "server/metrics", "server/process", "server/render", "server/routes",
                        "server/visitors", "server/web"],
    "server": ["base", "server/commands", "server/config"],  # main.cpp
    # The bench times the golden networks, which are defined by a seed in tests/support.
    "bench": ["base", "engine", "kernels", "tests", "training"],
}
FREE = {"tests"}  # may include everything

SOURCES = {".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".in"}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')


def room_of(path):
    """The room of a file, given relative to the root: "server/web/pages.h" gives "server/web"."""
    folders = pathlib.PurePosixPath(path).parts[:-1]
    if not folders:
        return None
    return "/".join(folders[:2]) if folders[0] == "server" else folders[0]


def arrows(root):
    """{(from room, to room): [(file, included file)]} over the folders named in ROOMS and FREE."""
    found = defaultdict(list)
    for top in sorted({room.split("/")[0] for room in ROOMS} | FREE):
        for path in sorted((root / top).rglob("*")):
            if path.suffix not in SOURCES or "node_modules" in path.parts or not path.is_file():
                continue
            name = path.relative_to(root).as_posix()
            for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = room_of(match[1])
                # A header beside the file, or a library's: no folder of ours.
                if target is None or not (root / target).is_dir():
                    continue
                if target != room_of(name):
                    found[room_of(name), target].append((name, match[1]))
    return found


def table_faults(rooms):
    """Entries that name a room which does not stand above them."""
    faults, known = [], set(FREE)
    for room, allowed in rooms.items():
        faults += [f"the table lets {room} include {other}, which does not stand above it"
                   for other in allowed if other not in known]
        known.add(room)
    return faults


def faults_in(found, rooms=None):
    """What is not allowed, one line each."""
    rooms = ROOMS if rooms is None else rooms
    faults = table_faults(rooms)
    for (source, target), includes in sorted(found.items()):
        if source in FREE:
            continue
        if source not in rooms:
            faults.append(f"{includes[0][0]}: {source} is not a room of the table")
        elif target not in rooms[source]:
            faults += [f'{name}: includes "{header}"; {source} may include {", ".join(rooms[source]) or "nothing"}'
                       for name, header in includes]
    return faults


def main():
    parser = argparse.ArgumentParser(description="Which room includes which, and whether it may.")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    parser.add_argument("--check", action="store_true", help="print what is not allowed; exit 1 when there is any")
    arguments = parser.parse_args()
    found = arrows(arguments.root)
    if not found:
        print(f"{arguments.root}: no includes found", file=sys.stderr)
        return 1
    if arguments.check:
        faults = faults_in(found)
        for fault in faults:
            print(fault)
        return 1 if faults else 0
    order = list(ROOMS) + sorted(FREE)
    for (source, target), includes in sorted(found.items(), key=lambda item: order.index(item[0][0])):
        print(f"{source} -> {target}  {len(includes)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
