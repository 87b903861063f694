"""`python -m bench`: every measurement in one run, at a small and a large scale in turns."""

import argparse
import os
import pickle
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from rich.console import Console

from bench import measures, messages, results
from bench.client import Load
from bench.measures import APP, BARE, BY_HAND, Side
from bench.recording import Recorder
from bench.report import Report
from bench.stage import Theatre
from bench.supplies import FEWEST_PATIENTS, Amounts, prepare, put_back
from bench.turns import in_turns, p95s, rates

FEW, MANY, QUICK_MANY = FEWEST_PATIENTS, 100_000, 2_000
FEW_OBSERVATIONS, OBSERVATIONS_EACH = 10_000, 50
FEW_MESSAGES, MANY_MESSAGES, QUICK_MANY_MESSAGES = 10_000, 2_000_000, 40_000
QUICK = Amounts(
    rounds=1, requests=400, probes=20, burst=500, messages=400, letter_rounds=2, letters=80
)
# The intake leaves the workers much to do, which would stand before what is routed.
REFILLS_AND_RESULTS = ("requests", "lists", "updates", "worklists", "intake", "results")
PARTS = (*REFILLS_AND_RESULTS, "messages")
CORES = os.cpu_count() or 1
console = Console(stderr=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--patients", type=int, help=f"the large scale; else {MANY:,}")
    parser.add_argument(
        "--messages", type=int, help=f"the large scale of messages; else {MANY_MESSAGES:,}"
    )
    parser.add_argument("--quick", action="store_true", help="a try: small and few of everything")
    parser.add_argument("--only", choices=PARTS, action="append", help="these measurements alone")
    options = parser.parse_args()
    options.patients = options.patients or (QUICK_MANY if options.quick else MANY)
    options.messages = options.messages or (QUICK_MANY_MESSAGES if options.quick else MANY_MESSAGES)
    if options.patients < FEW or options.messages < FEW_MESSAGES:
        parser.error(f"at least {FEW} patients and {FEW_MESSAGES:,} messages")
    return options


def _step(text: str) -> None:
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {text}")


def _set_up(
    theatre: Theatre, name: str, patients: int, observations: int, amounts: Amounts
) -> Side:
    _step(f"{patients:,} patients, {observations:,} observations")
    stage = theatre.stage(name)
    side = Side(stage, prepare(stage, patients, observations, amounts))
    results.equalize(side)
    recording = Recorder(stage).request_refill(side.supplies.refillable[0])
    put_back(stage, side.supplies.refillable[:1])
    recorded = stage.folder / f"{name}.recording"
    recorded.write_bytes(pickle.dumps(recording))
    stage.serve(APP, "wsgi:app")
    stage.serve(
        BY_HAND,
        "bench.floor:by_hand()",
        BENCH_RECORDING=str(recorded),
        BENCH_DSN=stage.app_dsn,
        BENCH_OWNER_DSN=stage.dsn,
    )
    stage.serve(BARE, "bench.floor:bare")
    return side


def _measure_requests(sides: Sequence[Side], amounts: Amounts, report: Report) -> None:
    rounds, count = amounts.rounds, amounts.requests
    _step("warming up")
    for side in sides:
        for server in (APP, BY_HAND):
            measures.request_refills(side, server, min(count, 400))
    _step("a bare route, refill requests by hand, refill requests")
    found = in_turns(
        sides,
        rounds,
        lambda side: (
            measures.bare_route(side, count),
            measures.request_refills(side, BY_HAND, count),
            measures.request_refills(side, APP, count),
        ),
    )
    bare, floor, ours = ([[three[n] for three in turns] for turns in found] for n in range(3))
    report.rates("floor: a bare Flask route", rates(bare), p95s(bare))
    report.rates("floor: (a) by hand with psycopg", rates(floor), p95s(floor))
    report.rates("(a) refill request", rates(ours), p95s(ours), scales=True)
    pairs = zip(rates(ours), rates(floor), strict=True)
    report.shares("    share of the floor by hand", [rate / most for rate, most in pairs], 0.5)


def _measure_lists(sides: Sequence[Side], amounts: Amounts, report: Report) -> None:
    _step("lists of prescriptions")
    for side in sides:
        measures.list_prescriptions(side, 200)
    found = in_turns(
        sides, amounts.rounds, lambda side: measures.list_prescriptions(side, amounts.requests)
    )
    report.rates("(b) prescriptions of a patient, 20", rates(found), p95s(found), scales=True)
    counted = [measures.count_statements(side) for side in sides]
    lengths = " and ".join(str(length) for length in counted[0])
    report.counts(f"    SQL statements, for {lengths}", [max(c.values()) for c in counted], 6)


def _measure_updates(sides: Sequence[Side], amounts: Amounts, report: Report) -> None:
    _step("batches of status updates")
    found = in_turns(sides, amounts.rounds, measures.report_statuses)
    batch = len(sides[0].supplies.batches[0][1])
    report.rates(
        f"(c) status updates a core, {batch} a batch",
        rates(found, batch),
        p95s(found),
        scales=True,
        least=2_000,
    )


def _measure_intake(sides: Sequence[Side], amounts: Amounts, report: Report) -> None:
    _step("messages of a laboratory")
    results.measure_intake(sides, amounts.rounds, amounts.messages, report)


def _counted(measure: Callable[[Side, int], Load], count: int, side: Side) -> Load:
    return measure(side, count)


def _measure_results(sides: Sequence[Side], amounts: Amounts, report: Report) -> None:
    _step("lists and trends of results")
    for name, measure in results.READS:
        for side in sides:
            measure(side, 200)
        found = in_turns(sides, amounts.rounds, partial(_counted, measure, amounts.requests))
        report.rates(name, rates(found), p95s(found), scales=True)
    counted = [results.count_statements(side) for side in sides]
    for name in counted[0]:
        most = [max(one[name]) for one in counted]
        report.counts(f"    SQL statements of a {name}, many and few", most, 8)


def _measure_worklists(sides: Sequence[Side], amounts: Amounts, report: Report) -> None:
    times, bursts = [], []
    for side in sides:
        _step(f"requests to worklists, {side.patients:,} patients")
        with measures.working(side.stage):
            times.append([s * 1000 for s in measures.time_to_worklist(side, amounts.probes)])
            bursts.append(measures.route_burst(side, amounts.burst))
    report.times(
        "(d) request to worklist",
        [median(one) for one in times],
        [quantiles(one, n=20)[-1] for one in times],
        most=50,
    )
    report.rates(
        f"    burst of {amounts.burst:,}: requests",
        [b.requests / b.request_seconds for b in bursts],
    )
    report.rates("    burst: routed, from the first request", [b.rate for b in bursts])
    report.counts("    burst: lost or doubled", [b.lost + b.doubled for b in bursts], 0)


MEASURES: dict[str, Callable[[Sequence[Side], Amounts, Report], None]] = {
    "requests": _measure_requests,
    "lists": _measure_lists,
    "updates": _measure_updates,
    "worklists": _measure_worklists,
    "intake": _measure_intake,
    "results": _measure_results,
}


def main() -> None:
    # As Ctrl-C: the servers are stopped on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    options = _options()
    amounts = QUICK if options.quick else Amounts()
    parts = options.only or PARTS
    folder = tempfile.TemporaryDirectory(prefix="careloop-bench-")
    with folder as name, Theatre(Path(name)) as theatre:
        reports = []
        if wanted := [part for part in parts if part in MEASURES]:
            reports.append(_measure(theatre, wanted, options.patients, amounts))
        if "messages" in parts:
            for stage in theatre.stages:
                stage.stop()
            reports.append(_measure_messages(theatre, options.messages, amounts))
    for report in reports:
        report.show(CORES)


def _measure(theatre: Theatre, parts: Sequence[str], patients: int, amounts: Amounts) -> Report:
    report = Report((FEW, patients), "patients", _step)
    observations = max(FEW_OBSERVATIONS, patients * OBSERVATIONS_EACH)
    sides = [
        _set_up(theatre, "few", FEW, FEW_OBSERVATIONS, amounts),
        _set_up(theatre, "many", patients, observations, amounts),
    ]
    for part in parts:
        MEASURES[part](sides, amounts, report)
    return report


def _measure_messages(theatre: Theatre, many: int, amounts: Amounts) -> Report:
    scales = (FEW_MESSAGES, many)
    report = Report(scales, "messages", _step)
    sides = []
    for name, count in zip(("few_messages", "many_messages"), scales, strict=True):
        _step(f"{count:,} messages")
        sides.append(messages.set_up(theatre.stage(name), count))
    messages.measure(sides, amounts.letter_rounds, amounts.letters, report)
    return report


if __name__ == "__main__":
    main()
