"""Runs → the Markdown that stands in the README."""

import statistics

from database import USERS
from load import Run

TITLES = {"r1": "R1 one row by key", "r2": "R2 own 20 rows, newest first"}
# CPU per request as a multiple of the floor's, at most; what the design promises.
RATIO_GOALS = {"r1": 2.5, "r2": 1.6}


def median(runs):
    return Run(**{field: statistics.median(getattr(run, field) for run in runs) for field in Run.__dataclass_fields__})


def table(results):
    """results: (workload, connections) -> {"floor": [Run], "server": [Run]}."""
    lines = [
        "| workload | connections | | requests/s | p50 ms | p99 ms | server µs | PostgreSQL µs | CPU µs | × floor |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (workload, connections), by_target in results.items():
        floor, server = median(by_target["floor"]), median(by_target["server"])
        for name, run in (("fluxbase", server), ("floor", floor)):
            ratio = f"**{server.cpu / floor.cpu:.2f}**" if name == "fluxbase" else "1"
            own = f"{run.server:.0f}" if name == "fluxbase" else "–"
            lines.append(
                f"| {TITLES[workload]} | {connections} | {name} | {run.rate:,.0f} | {run.p50:.2f} | {run.p99:.2f} "
                f"| {own} | {run.postgres:.0f} | {run.server + run.postgres:.0f} | {ratio} |")
    return "\n".join(lines)


def document(*, date, model, cores, postgres, version, algorithm, seconds, repeat, results, policy, memory):
    """The whole report."""
    foreign = statistics.median(
        run.foreign for by_target in results.values() for runs in by_target.values() for run in runs)
    resident, peak = memory
    goals = ", ".join(f"{workload.upper()} {goal}" for workload, goal in RATIO_GOALS.items())
    return f"""\
{date}, {cores} × {model}, shared by load generator, server and PostgreSQL {postgres}; fluxbase {version},
{algorithm} tokens of {USERS} users by chance; medians of {repeat} runs of {seconds} s, floor and server by turns. Others used {foreign:.0%} of one core meanwhile.

{table(results)}

CPU is that of server and PostgreSQL, per request. The floor is pgbench: begin, identity, the ideal query and commit
in one pipeline, prepared, on the extension's own `auth.uid()`, without HTTP and tokens. Goals, × floor: {goals}.

| `auth.uid()` bare in a policy | ns per row above a constant |
|---|--:|
| native | {policy["native"]:.0f} (goal 60) |
| native, entered with a token | {policy["entered"]:.0f} |
| the usual definition in SQL, as without the extension: it reads the claims as JSON | {policy["sql"]:.0f}, {cheaper(policy)} times the native one (goal 20) |
| the same beside the extension: it finds the id in the extension's mirror | {policy["mirror"]:.0f} |

Memory of the server after the load: {resident:.0f} MiB resident, {peak:.0f} MiB at most (goal 60).
"""


def cheaper(policy):
    """Below a nanosecond the difference to a constant is noise, and so would the ratio be."""
    return f"{policy['sql'] / max(policy['native'], 1.0):.0f}"
