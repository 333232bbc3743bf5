#!/usr/bin/env python3
"""kernels/resources: what the table says and what it refuses.

Method: reports as ptxas writes them and launches as the tests note them, made up here; occupancies
worked out by hand from the limits in the CUDA C++ Programming Guide.
"""
import importlib.util
import os
import subprocess
import sys
import tempfile
import unittest

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "kernels", "resources")
spec = importlib.util.spec_from_file_location("table", os.path.join(FOLDER, "table.py"))
table = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)

ONE = "_ZN10vernissage12_GLOBAL__N_110one_kernelILi4EEEvPf"  # vernissage::(anonymous)::one_kernel<4>
REPORT = """ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '{symbol}' for '{arch}'
ptxas info    : Function properties for {symbol}
    0 bytes stack frame, {spill} bytes spill stores, 0 bytes spill loads
ptxas info    : Used {registers} registers, used 1 barriers, 2048 bytes smem, 440 bytes cmem[0]
"""


class Occupancy(unittest.TestCase):
    def of(self, architecture, registers, shared, threads, dynamic):
        return table.occupancy(table.DEVICES[architecture],
                               table.Report(registers, 0, 0, 0, shared),
                               table.Launch(threads, dynamic))

    def test_is_limited_by_warps(self):
        self.assertEqual(self.of("sm_90", 32, 0, 256, 0), (8, 1.0, "-"))

    def test_is_limited_by_registers(self):
        # 128 registers of 32 lanes: 4096 a warp, 16 warps an SM, two blocks of 8.
        self.assertEqual(self.of("sm_90", 128, 0, 256, 0), (2, 0.25, "registers"))
        # 130 are given as 4352: 15 warps, of which 12 fill the four parts evenly.
        self.assertEqual(self.of("sm_90", 130, 0, 128, 0), (3, 0.1875, "registers"))

    def test_is_limited_by_shared_memory(self):
        # 96 KiB and 1 KiB of the system's: two of them in 228 KiB, one in 164.
        self.assertEqual(self.of("sm_90", 64, 0, 256, 96 << 10)[0], 2)
        self.assertEqual(self.of("sm_80", 64, 0, 256, 96 << 10), (1, 0.125, "shared memory"))

    def test_is_nothing_for_a_block_that_does_not_fit(self):
        self.assertEqual(self.of("sm_90", 32, 1, 256, 227 << 10)[0], 0)

    def test_is_limited_by_blocks(self):
        self.assertEqual(self.of("sm_80", 16, 0, 32, 0), (32, 0.5, "blocks"))


class Names(unittest.TestCase):
    def test_are_short(self):
        names = {
            "void vernissage::(anonymous namespace)::f<4, vernissage::f16>(vernissage::Op<float>)":
                "f<4, f16>",
            "vernissage::(anonymous namespace)::g(int)": "g",
            "void vernissage::(anonymous namespace)::h<vernissage::Tile<0> >(vernissage::P const)":
                "h<Tile<0>>",
        }
        for long_name, short in names.items():
            self.assertEqual(table.short_name(long_name), short)


class Tool(unittest.TestCase):
    """The script as a process, on a C program that stands for a test program and its launches."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.program = self.path("program")
        source = self.path("program.c")
        with open(source, "w") as file:
            file.write(f"void {ONE}(float* x) {{ *x = 1; }} int main() {{ return 0; }}\n")
        subprocess.run(["cc", "-o", self.program, source], check=True)
        symbols = subprocess.run(["nm", self.program], stdout=subprocess.PIPE, text=True, check=True)
        self.address = next(line.split()[0] for line in symbols.stdout.splitlines() if ONE in line)
        self.launches(self.address)
        self.compiler = self.path("nvcc")
        self.says("13.0.1")
        self.report()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def says(self, version):
        with open(self.compiler, "w") as file:
            file.write(f"#!/bin/sh\necho 'release 13.0, V{version}'\n")
        os.chmod(self.compiler, 0o755)

    def launches(self, address):
        with open(self.path("log"), "w") as file:
            file.write(f"0x{address} 256 1024\n" if address else "")

    def report(self, registers=40, spill=0):
        with open(self.path("one.cu.o.ptxas"), "w") as file:
            for arch in ("sm_80", "sm_90"):
                file.write(REPORT.format(symbol=ONE, arch=arch, registers=registers, spill=spill))

    def run_tool(self, action):
        return subprocess.run(
            [sys.executable, os.path.join(FOLDER, "table.py"), action, self.path("table.md"), self.compiler,
             "--launches", self.path("log"), self.program, "--objects", self.path("one.cu.o"),
             self.path("host.cpp.o")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def expect(self, action, code, words=""):
        result = self.run_tool(action)
        self.assertEqual(result.returncode, code, result.stdout)
        self.assertIn(words, result.stdout)

    def test_what_it_writes_it_accepts(self):
        self.expect("update", 0)
        with open(self.path("table.md")) as file:
            text = file.read()
        self.assertIn("| `one_kernel<4>` | 256 | 40 | 0 | 0 | 2048 | 1024 | 6 | 75% | registers |", text)
        self.expect("check", 0, "2 kernels")

    def test_a_difference_is_shown(self):
        self.expect("update", 0)
        self.report(registers=48)
        self.expect("check", 1, "+ | `one_kernel<4>` | 256 | 48 |")

    def test_a_spill_is_refused_whatever_the_compiler(self):
        self.expect("update", 0)
        self.report(spill=8)
        self.expect("check", 1, "one_kernel<4> spills on sm_80: 8 bytes stored, 0 loaded")
        self.says("13.1.0")
        self.expect("check", 1, "spills")

    def test_another_compiler_may_use_other_registers(self):
        self.expect("update", 0)
        self.says("13.1.0")
        self.report(registers=48)
        self.expect("check", 0, "not of CUDA 13.1.0")

    def test_a_kernel_that_no_test_launches_is_refused(self):
        self.launches(None)
        self.expect("check", 1, "no test launches one_kernel<4>")


if __name__ == "__main__":
    unittest.main()
