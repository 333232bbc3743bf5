"""bench/report/compare and bench/report/plot on a result made here, and the flags of vernissage-bench.

Goal: what these tools print and draw is what the result says, and a mistake is one line and a failed exit
status. Method: the tools as processes; drawings are read back as XML and their bars measured.
VERNISSAGE_BENCH_BINARY names the program; without it only the tools are tested.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench" / "report"
BINARY = os.environ.get("VERNISSAGE_BENCH_BINARY")
SVG = "{http://www.w3.org/2000/svg}"


def run(*command, **environment):
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


def repeated(name, microseconds, **counters):
    """What Google Benchmark writes for a benchmark with repetitions: here three, and their median."""
    long_name = f"{name}/iterations:1/repeats:3/manual_time"
    common = {"run_name": long_name, "repetitions": 3, "time_unit": "us", **counters}
    runs = [
        {"name": long_name, "run_type": "iteration", "repetition_index": i,
         "real_time": microseconds * factor, **common}
        for i, factor in enumerate((0.9, 1.0, 3.0))
    ]
    median = {"aggregate_name": "median", "name": long_name + "_median", "run_type": "aggregate"}
    return [*runs, {**median, "real_time": microseconds, **common}]


def layers():
    """Two layers at one batch, with cuDNN beside the second."""
    return [
        *repeated("cuda/layer/ours/1024/styles/b8", 7.0),
        *repeated("cuda/layer/ours/1024/b4.conv1/b8", 10.0, floor_us=2.5, predicted_us=5.0),
        *repeated("cuda/layer/ours/1024/b8.conv0/b8", 40.0, floor_us=20.0, predicted_us=30.0),
        *repeated("cuda/layer/cudnn/1024/b8.conv0/b8", 50.0, floor_us=20.0),
    ]


def images():
    return [
        *repeated("cuda/ours/1024/b1", 500.0, floor_us=200.0),
        *repeated("cuda/ours/1024/b8", 3200.0, floor_us=1600.0),
        *repeated("cuda/torch/1024/b1", 2500.0, floor_us=200.0),
    ]


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = pathlib.Path(self.folder.name)

    def write(self, name, benchmarks):
        path = self.path / name
        path.write_text(json.dumps({"context": {}, "benchmarks": benchmarks}), encoding="utf-8")
        return path

    def assert_fails_in_one_line(self, result, *words):
        self.assertEqual(result.returncode, 1, result)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)


class Compare(Case):
    def test_shows_medians_not_means(self):
        result = run(BENCH / "compare", self.write("one.json", layers()))
        self.assertEqual(result.returncode, 0, result.stderr)
        line = next(line for line in result.stdout.splitlines()
                    if line.startswith("cuda/layer/cudnn/1024/b8.conv0/b8 "))
        self.assertIn("50.0 us", line)

    def test_fails_where_ours_got_slower_and_names_it(self):
        old = self.write("old.json", [*repeated("cuda/ours/1024/b1", 100), *repeated("cuda/ours/256/b1", 100)])
        new = self.write("new.json", [*repeated("cuda/ours/1024/b1", 120), *repeated("cuda/ours/256/b1", 105)])
        result = run(BENCH / "compare", old, new)
        self.assert_fails_in_one_line(result, "cuda/ours/1024/b1")
        self.assertNotIn("cuda/ours/256/b1", result.stderr)
        self.assertEqual(run(BENCH / "compare", "--threshold", "25", old, new).returncode, 0)

    def test_rivals_predictions_and_ceilings_are_not_judged(self):
        names = ["cuda/torch/1024/b1", "cuda/layer/cudnn/1024/b8.conv0/b8",
                 "cuda/predicted/1024/b1", "cuda/ceiling/copy"]
        old = self.write("old.json", [run_ for name in names for run_ in repeated(name, 100)])
        new = self.write("new.json", [run_ for name in names for run_ in repeated(name, 300)])
        self.assertEqual(run(BENCH / "compare", old, new).returncode, 0)

    def test_a_file_that_is_no_result_is_named(self):
        path = self.path / "broken.json"
        path.write_text("{", encoding="utf-8")
        self.assert_fails_in_one_line(run(BENCH / "compare", path), "bench/report/compare")


class Plot(Case):
    def drawn(self, benchmarks):
        result = run(BENCH / "plot", self.write("result.json", benchmarks), self.path / "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        return {pathlib.Path(line).name: ElementTree.parse(line).getroot() for line in result.stdout.splitlines()}

    @staticmethod
    def bars(drawing, colour):
        """Widths of the bars of a colour, without the square in the legend."""
        rects = [rect for rect in drawing.iter(SVG + "rect") if rect.get("fill") == colour]
        return [float(rect.get("width")) for rect in rects[1:]]

    def test_draws_one_file_a_size_and_batch(self):
        drawn = self.drawn([*layers(), *repeated("cuda/layer/ours/256/b4.conv1/b1", 4.0), *images()])
        self.assertEqual(set(drawn), {"layers-1024-b8.svg", "layers-256-b1.svg", "throughput-1024.svg"})

    def test_bars_are_as_long_as_the_times(self):
        drawing = self.drawn(layers())["layers-1024-b8.svg"]
        ours = self.bars(drawing, "#1f6f8b")
        cudnn = self.bars(drawing, "#76b900")
        predicted = self.bars(drawing, "#9aa5b1")
        self.assertEqual((len(ours), len(cudnn), len(predicted)), (3, 1, 2))
        # Widths are written with one digit after the point: half of it is the largest error.
        scale = ours[2] / 40
        for width, microseconds in zip([*ours, *cudnn, *predicted], [7, 10, 40, 50, 5, 30]):
            self.assertAlmostEqual(width, microseconds * scale, delta=0.05 * (1 + microseconds / 40))
        words = [text.text for text in drawing.iter(SVG + "text")]
        for name in ("styles", "b4.conv1", "b8.conv0"):
            self.assertIn(name, words)

    def test_the_floor_stands_in_every_row_that_has_one(self):
        drawing = self.drawn(layers())["layers-1024-b8.svg"]
        floors = [line for line in drawing.iter(SVG + "polyline") if line.get("stroke") == "#b00020"]
        scale = self.bars(drawing, "#1f6f8b")[2] / 40
        left = float(next(r for r in list(drawing.iter(SVG + "rect")) if r.get("fill") == "#1f6f8b").get("x"))
        places = [float(line.get("points").split(",")[0]) - left for line in floors]
        self.assertEqual(len(places), 2)
        self.assertAlmostEqual(places[0], 2.5 * scale, delta=0.2)
        self.assertAlmostEqual(places[1], 20 * scale, delta=0.2)

    def test_throughput_is_images_by_second(self):
        drawing = self.drawn(images())["throughput-1024.svg"]
        dots = [dot for dot in drawing.iter(SVG + "circle") if dot.get("fill") == "#1f6f8b"]
        heights = [410 - float(dot.get("cy")) for dot in dots]  # 2000 and 2500 images a second
        self.assertEqual(len(heights), 2)
        self.assertAlmostEqual(heights[0] / heights[1], 2000 / 2500, delta=0.002)

    def test_the_committed_drawings_are_those_of_the_committed_prediction(self):
        results = BENCH.parent / "results"
        drawn = run(BENCH / "plot", results / "prediction.json", self.path / "out")
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        for line in drawn.stdout.splitlines():
            fresh = pathlib.Path(line)
            self.assertEqual(
                (results / fresh.name).read_text(encoding="utf-8"),
                fresh.read_text(encoding="utf-8"),
                "bench/report/plot bench/results/prediction.json bench/results draws it anew",
            )

    def test_a_result_without_cuda_says_so(self):
        path = self.write("cpu.json", repeated("cpu/ours/256", 400.0))
        self.assert_fails_in_one_line(run(BENCH / "plot", path, self.path / "out"), "cpu.json")

    def test_a_missing_file_is_named(self):
        self.assert_fails_in_one_line(run(BENCH / "plot", self.path / "none.json", self.path / "out"), "none.json")


@unittest.skipUnless(BINARY, "vernissage-bench is not part of this build")
class Program(Case):
    def test_help_names_every_flag(self):
        result = run(BINARY, "--help")
        self.assertEqual(result.returncode, 0)
        for flag in ("--layer", "--batch", "--profile", "--predict", "--threads", "--size"):
            self.assertIn(flag, result.stdout)

    def test_bad_values_are_refused(self):
        for flags, word in [
            (["--batch", "0"], "--batch"),
            (["--batch"], "--batch"),
            (["--threads=x"], "--threads"),
            (["--size", "512"], "--size"),
            (["--profile=yes"], "--profile"),
            (["--layer", "b2048.conv1"], "b1024.conv1"),
            (["--size", "256", "--layer", "b1024.conv1"], "b256.conv1"),
        ]:
            with self.subTest(flags=flags):
                self.assert_fails_in_one_line(run(BINARY, *flags), word)

    def test_without_a_device_a_layer_or_a_profile_is_an_error(self):
        for flags in (["--layer", "b256.conv1", "--batch", "8"], ["--profile"], ["--profile=forward", "--size=256"]):
            with self.subTest(flags=flags):
                self.assert_fails_in_one_line(run(BINARY, *flags, CUDA_VISIBLE_DEVICES=""), "CUDA")

    def test_a_prediction_can_be_drawn(self):
        result = run(BINARY, "--predict", self.path / "deep" / "out")
        self.assertEqual(result.returncode, 0, result.stderr)
        out = self.path / "deep" / "out"
        drawn = run(BENCH / "plot", out / "prediction.json", out)
        self.assertEqual(drawn.returncode, 0, drawn.stderr)
        self.assertIn("layers-1024-b1.svg", drawn.stdout)
        self.assertIn("Nothing here is a measurement", (out / "prediction.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    sys.exit(unittest.main())
