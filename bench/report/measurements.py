"""Reading what vernissage-bench writes: shared by bench/report/compare and bench/report/plot."""
import json
import re

UNIT_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}


def short(name):
    """The registered name, without what Google Benchmark appends: /iterations:1/repeats:9/real_time."""
    return re.sub(r"/(iterations|repeats|min_time|min_warmup_time):[^/]*|/(real|manual)_time", "", name)


def medians(path):
    """Name -> (seconds, counters) of every benchmark in a file; of its only run where it was not repeated.

    Raises OSError, ValueError or KeyError for a file that is none of ours.
    """
    with open(path, encoding="utf-8") as file:
        runs = json.load(file)["benchmarks"]
    found = {}
    for run in runs:
        if run.get("error_occurred") or run.get("skipped"):
            continue
        alone = run["run_type"] == "iteration" and run.get("repetitions", 1) <= 1
        if alone or run.get("aggregate_name") == "median":
            name = short(run.get("run_name", run["name"]))
            found[name] = (run["real_time"] * UNIT_SECONDS[run["time_unit"]], run)
    return found
