#!/usr/bin/env python3
"""A man page and a completion for bash, from a program's own --help (CLI11's layout).

  man_page.py PROGRAM PAGE.1 COMPLETION
"""

import os
import re
import subprocess
import sys


class Help:
    """What `PROGRAM [COMMAND] --help` says: description, usage, and (heading, entries) groups."""

    def __init__(self, program, *command):
        result = subprocess.run([program, *command, "--help"], capture_output=True, text=True, check=True)
        self.description, self.usage, self.groups, self.footer = [], "", [], []
        for line in result.stdout.splitlines():
            heading = re.fullmatch(r"(\S[^:]*):", line)
            if line.startswith("Usage: "):
                self.usage = line[len("Usage: "):]
            elif heading and self.usage and heading[1] != "Examples":
                self.groups.append((heading[1], []))
            elif not self.usage:
                self.description.append(line)
            elif self.groups and not self.footer and line.startswith("  "):
                self.add(self.groups[-1][1], line)
            elif line or self.footer:
                self.footer.append(line)
        if not self.usage or not self.groups:
            raise SystemExit(f"{program} {' '.join(command)} --help: not laid out as expected")

    @staticmethod
    def add(entries, line):
        if re.match(r"  \S", line):
            name, _, text = line.strip().partition("  ")
            if not text:  # a long name may reach into the column of the texts, which begins at 30
                name, text = line[:30].strip(), line[30:].strip()
                if len(line) <= 30 or line[29] != " ":
                    name, text = line.strip(), ""
            entries.append([name, text.strip()])
        elif entries:
            entries[-1][1] = f"{entries[-1][1]} {line.strip()}".strip()

    def entries(self, heading):
        return [entry for name, entries in self.groups if name == heading for entry in entries]


def escaped(text):
    text = text.replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def section(help, level):
    lines = []
    for line in help.description:
        lines.append(escaped(line) if line else ".PP")
    for heading, entries in help.groups:
        if heading == "Subcommands":
            continue
        lines.append(f".{level} {escaped(heading)}")
        for name, text in entries:
            lines += [".TP", rf"\fB{escaped(name)}\fR", escaped(text)]
    return lines


def man_page(name, version, top, commands):
    lines = [f'.TH {name.upper()} 1 "" "{version}"', ".SH NAME",
             rf"{escaped(name)} \- {escaped(top.description[0].rstrip('.'))}",
             ".SH SYNOPSIS", rf"\fB{escaped(name)}\fR {escaped('COMMAND [OPTIONS]')}", ".SH DESCRIPTION"]
    lines += section(top, "SS")
    lines += [".SH COMMANDS"]
    for command, help in commands:
        lines += [f".SS {escaped(name)} {escaped(command)}", *section(help, "PP\n.B")]
    if top.footer:
        lines += [".SH NOTES", ".nf", *[escaped(line) for line in top.footer], ".fi"]
    return "\n".join(lines) + "\n"


def options_of(help):
    return [word for heading, entries in help.groups if heading != "Subcommands" for name, _ in entries
            for word in re.findall(r"(?<![\w-])--?[\w-]+", name.split(" ")[0])]


def completion(name, top, commands):
    function = "_" + name.replace("-", "_")
    cases = "\n".join(f"    {command}) words='{' '.join(options_of(help))}' ;;" for command, help in commands)
    names = " ".join(command for command, _ in commands)
    return f"""# Completion of {name}'s commands and options for bash; files are completed as always.
{function}() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} words=
  if ((COMP_CWORD == 1)); then
    words='{names} {' '.join(options_of(top))}'
  else
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}}
complete -o default -F {function} {name}
"""


def main():
    program, page, complete = sys.argv[1:]
    name = os.path.basename(program)
    top = Help(program)
    commands = [(command, Help(program, command)) for command, _ in top.entries("Subcommands")]
    if not commands:
        raise SystemExit(f"{program} --help: lists no commands")
    version = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.strip() or name
    with open(page, "w", encoding="utf-8") as out:
        out.write(man_page(name, version, top, commands))
    with open(complete, "w", encoding="utf-8") as out:
        out.write(completion(name, top, commands))


if __name__ == "__main__":
    main()
