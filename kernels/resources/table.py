#!/usr/bin/env python3
"""The compiler's own report of every kernel as a table: registers, spills, shared memory, occupancy.

    table.py check|update TABLE COMPILER --launches LOG PROGRAM ... --objects OBJECT ...

TABLE is the committed Markdown. OBJECT.ptxas holds what ptxas said (record.py). LOG says with how many
threads and how much dynamic shared memory the tests launch each kernel of PROGRAM (launch_log.h).
`check` fails on any spill, on a kernel no test launches, on a kernel that fits no SM and on a
difference from TABLE; `update` writes it. Registers are compared only where the compiler has the
release the table names.
"""
import argparse
import collections
import re
import subprocess
import sys

# Per SM, from the CUDA C++ Programming Guide, "Compute Capabilities": registers, warps, blocks,
# shared bytes of the SM and of a block. A block costs 1 KiB of shared memory more than it asks for.
Device = collections.namedtuple("Device", "name registers warps blocks shared shared_block")
DEVICES = {
    "sm_80": Device("A100", 65536, 64, 32, 164 << 10, 163 << 10),
    "sm_90": Device("H100, H200", 65536, 64, 32, 228 << 10, 227 << 10),
}
SHARED_RESERVED = 1024
SHARED_UNIT = 128
REGISTER_UNIT = 256  # a warp's registers come in such pieces
WARP_UNIT = 4        # one for each of the SM's four parts

Report = collections.namedtuple("Report", "registers stack spill_stores spill_loads shared")
Launch = collections.namedtuple("Launch", "threads dynamic")


def fail(message):
    sys.exit("kernel resources: " + message)


def short_name(demangled):
    """"void vernissage::(anonymous namespace)::f<vernissage::f16>(…)" -> "f<f16>"."""
    name = demangled.strip()
    depth = 0
    for i, c in enumerate(name):
        if c in "<(":
            # The argument list is the first parenthesis outside template brackets, the anonymous
            # namespace aside.
            if c == "(" and depth == 0 and not name.startswith("(anonymous namespace)", i):
                name = name[:i]
                break
            depth += 1
        elif c in ">)":
            depth -= 1
    name = name.removeprefix("void ").replace("(anonymous namespace)::", "")
    return name.replace("vernissage::", "").replace("> >", ">>")


def demangle(names):
    out = subprocess.run(["c++filt"], input="\n".join(names), stdout=subprocess.PIPE, text=True,
                         check=True).stdout.splitlines()
    return dict(zip(names, map(short_name, out)))


def read_reports(objects):
    """{architecture: {kernel: Report}}."""
    found = collections.defaultdict(dict)
    for path in objects:
        if not path.endswith(".cu.o"):
            continue
        try:
            text = open(path + ".ptxas").read()
        except FileNotFoundError:
            fail(f"{path}.ptxas is missing: rebuild vernissage_kernels")
        for part in text.split("Compiling entry function ")[1:]:
            symbol, architecture = re.match(r"'(\S+)' for '(\S+)'", part).groups()
            frame = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads",
                              part)
            used = re.search(r"Used (\d+) registers", part)
            shared = re.search(r"(\d+) bytes smem", part)
            if not frame or not used:
                fail(f"{path}.ptxas: no resources for {symbol}")
            found[architecture][symbol] = Report(int(used[1]), *map(int, frame.groups()),
                                                 int(shared[1]) if shared else 0)
    names = demangle(sorted({symbol for kernels in found.values() for symbol in kernels}))
    return {a: {names[s]: r for s, r in kernels.items()} for a, kernels in found.items()}


def read_launches(path, program):
    """{kernel: Launch} of one test program, the largest of each."""
    symbols = {}
    for line in subprocess.run(["nm", program], stdout=subprocess.PIPE, text=True,
                               check=True).stdout.splitlines():
        fields = line.split()
        if len(fields) == 3 and fields[1] in "tTwW":
            symbols[int(fields[0], 16)] = fields[2]
    by_symbol = {}
    try:
        lines = open(path).read().splitlines()
    except FileNotFoundError:
        fail(f"{path} is missing: run {program} with VERNISSAGE_LAUNCH_LOG={path}")
    for line in lines:
        address, threads, dynamic = line.split()
        symbol = symbols.get(int(address, 16))
        if symbol is None:
            fail(f"{path}: no function at {address} in {program}: run the tests again")
        by_symbol[symbol] = Launch(int(threads), int(dynamic))
    names = demangle(sorted(by_symbol))
    return {names[s]: launch for s, launch in by_symbol.items()}


def round_up(value, unit):
    return -(-value // unit) * unit


def occupancy(device, report, launch):
    """(blocks an SM holds, its share of warps, what limits it)."""
    warps = -(-launch.threads // 32)
    shared = round_up(report.shared + launch.dynamic + SHARED_RESERVED, SHARED_UNIT)
    of_warp = round_up(report.registers * 32, REGISTER_UNIT)
    limits = {
        "registers": device.registers // of_warp // WARP_UNIT * WARP_UNIT // warps,
        "shared memory": device.shared // shared,
        "warps": device.warps // warps,
        "blocks": device.blocks,
    }
    least = min(limits, key=limits.get)
    blocks = limits[least]
    if report.shared + launch.dynamic > device.shared_block:
        blocks, least = 0, "shared memory"
    share = blocks * warps / device.warps
    return blocks, share, "-" if share == 1 else least


def release(compiler):
    text = subprocess.run([compiler, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = re.search(r"release (\S+), V(\S+)", text)
    return found[2] if found else "unknown"


def section(architecture, kernels, launches):
    device = DEVICES[architecture]
    lines = [f"## {architecture} ({device.name})", "",
             "| kernel | threads | registers | spills | stack | shared static | dynamic | blocks/SM | occupancy | limit |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for name in sorted(kernels):
        r, launch = kernels[name], launches[name]
        blocks, share, limit = occupancy(device, r, launch)
        if blocks == 0:
            fail(f"{name} does not fit an SM of {architecture}: {r}, {launch}")
        lines.append(f"| `{name}` | {launch.threads} | {r.registers} | {r.spill_stores + r.spill_loads} | "
                     f"{r.stack} | {r.shared} | {launch.dynamic} | {blocks} | {share:.0%} | {limit} |")
    return "\n".join(lines) + "\n"


def table(reports, launches, version):
    head = f"""# What the compiler says of every kernel

By ptxas of CUDA {version}. Threads and dynamic shared memory: the largest that the kernel tests launch.
Spills: bytes stored and loaded. Stack: bytes a thread keeps in local memory; 32 are those of the sine and
cosine of a large argument, which no noise asks for. Blocks an SM holds at once and the share of its warps
they fill follow from the limits of the architecture; kernels on tensor cores live by the sums they keep in registers, not by
occupancy. Checked by the test `kernel_resources_test`, written anew by `cmake --build BUILD --target
kernel_resources`.

"""
    return head + "\n".join(section(a, reports[a], launches) for a in DEVICES if a in reports)


def sections_of(text):
    parts = re.split(r"(?m)^## ", text)
    return {part.split()[0]: part.rstrip() for part in parts[1:]}


def merge(launches, more):
    for name, launch in more.items():
        launches[name] = Launch(*map(max, launch, launches.get(name, launch)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["check", "update"])
    parser.add_argument("table")
    parser.add_argument("compiler")
    parser.add_argument("--launches", nargs=2, action="append", required=True)
    parser.add_argument("--objects", nargs="+", required=True)
    arguments = parser.parse_args()
    path = arguments.table
    launches = {}
    for log, program in arguments.launches:
        merge(launches, read_launches(log, program))
    reports = read_reports(arguments.objects)
    known = {a: k for a, k in reports.items() if a in DEVICES}
    for architecture, kernels in reports.items():
        for name, r in kernels.items():
            if r.spill_stores or r.spill_loads:
                fail(f"{name} spills on {architecture}: {r.spill_stores} bytes stored, "
                     f"{r.spill_loads} loaded")
    idle = sorted({name for kernels in known.values() for name in kernels} - launches.keys())
    if idle:
        fail("no test launches " + ", ".join(idle) + ": add a case to tests/kernels/cases.h")
    version = release(arguments.compiler)
    built = table(known, launches, version)
    if arguments.action == "update":
        missing = [a for a in DEVICES if a not in known]
        if missing:
            fail(f"this build lacks {', '.join(missing)}: configure with -DVERNISSAGE_CUDA_ARCHS=\"80;90\"")
        with open(path, "w") as file:
            file.write(built)
        return
    committed = open(path).read()
    if f"By ptxas of CUDA {version}." not in committed:
        print(f"the table is not of CUDA {version}: only spills and launches are checked")
        return
    before, after = sections_of(committed), sections_of(built)
    for architecture in after:
        old = before.get(architecture, "").splitlines()
        new = after[architecture].splitlines()
        if old == new:
            continue
        for line in old:
            if line not in new:
                print("- " + line)
        for line in new:
            if line not in old:
                print("+ " + line)
        fail(f"{path} differs on {architecture}: look at the difference, then "
             "cmake --build BUILD --target kernel_resources")
    print(f"{sum(len(k) for k in known.values())} kernels on {', '.join(known)}: as in the table, no spills")


if __name__ == "__main__":
    main()
