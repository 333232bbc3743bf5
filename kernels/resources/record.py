#!/usr/bin/env python3
"""Runs a compiler and keeps what ptxas says beside the object file.

    record.py COMPILER ARGUMENT...

A launcher for nvcc with -Xptxas=-v: the resource report of each kernel goes to OBJECT.ptxas instead
of the terminal, everything else is passed on.
"""
import re
import subprocess
import sys

REPORT = re.compile(r"^ptxas info\s*:|^\s+\d+ bytes stack frame|^\s+\d+ bytes cumulative stack")


def main():
    command = sys.argv[1:]
    result = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace")
    report = []
    for line in result.stderr.splitlines(keepends=True):
        if REPORT.match(line):
            report.append(line)
        else:
            sys.stderr.write(line)
    if result.returncode == 0 and "-c" in command and "-o" in command:
        with open(command[command.index("-o") + 1] + ".ptxas", "w") as file:
            file.writelines(report)
    return result.returncode


sys.exit(main())
