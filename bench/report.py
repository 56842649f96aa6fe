"""Runs → the Markdown that stands in the README."""

import statistics

import enter
import signin
from database import USERS
from load import Run

TITLES = {
    "r1": "R1 one row by key",
    "r2": "R2 own 20 rows, newest first",
    "r3": "R3 those with author and comments embedded",
    "r5": "R5 a function that returns 1",
    "g1": "G1 GraphQL: three fields of a row by key",
    "g2": "G2 GraphQL: own 20 rows with author and five comments each",
    # Last: they make the table grow.
    "r4": "R4 one row inserted and returned",
    "g3": "G3 GraphQL: one row inserted and returned",
}
# Against R1's own floor, which has no slow query beside it.
BESIDE = "beside"
# CPU per request as a multiple of the floor's, at most, with 16 connections.
RATIO_GOALS = {"r1": 1.3, "r2": 1.1, "r3": 1.1, "r4": 1.6, "r5": 1.6, "g1": 2.2, "g2": 1.15, "g3": 1.6}


def median(runs):
    return Run(**{field: statistics.median(getattr(run, field) for run in runs) for field in Run.__dataclass_fields__})


def table(results):
    """results: (workload, connections) -> {"floor": [Run], executor: [Run] …}."""
    lines = [
        "| workload | connections | | requests/s | p50 ms | p99 ms | server µs | PostgreSQL µs | CPU µs | × floor |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (workload, connections), by_target in results.items():
        medians = {name: median(runs) for name, runs in by_target.items()}
        floor = medians.pop("floor")
        title = TITLES.get(workload, "R1 beside two clients whose queries take 50 ms")
        for name, run in (*medians.items(), ("floor", floor)):
            if run is floor and workload == BESIDE:
                continue
            ratio = "1" if run is floor else f"**{run.cpu / floor.cpu:.2f}**"
            own = "–" if run is floor else f"{run.server:.0f}"
            lines.append(
                f"| {title} | {connections} | {name} | {run.rate:,.0f} | {run.p50:.2f} | {run.p99:.2f} "
                f"| {own} | {run.postgres:.0f} | {run.cpu:.0f} | {ratio} |")
    return "\n".join(lines)


def document(*, date, model, cores, postgres, version, algorithm, seconds, repeat, results, policy, memory):
    """The whole report."""
    foreign = statistics.median(
        run.foreign for by_target in results.values() for runs in by_target.values() for run in runs)
    used = ", ".join(f"{name} {resident:.0f} MiB, {peak:.0f} MiB at most" for name, (resident, peak) in memory.items())
    goals = ", ".join(f"{workload.upper()} {goal}" for workload, goal in RATIO_GOALS.items())
    return f"""\
{date}, {cores} × {model}, shared by load generator, server and PostgreSQL {postgres}; fluxbase {version},
{algorithm} tokens of {USERS} users by chance; medians of {repeat} runs of {seconds} s, all by turns. Others used {foreign:.0%} of one core meanwhile.

{table(results)}

deadpool and wire are fluxbase with that `database.executor`. CPU is that of server and PostgreSQL, per request. The floor is pgbench: begin, identity, the ideal query and commit
in one pipeline, prepared, on the extension's own `auth.uid()`, without HTTP and tokens. Goals, × floor: {goals}.

| `auth.uid()` bare in a policy | ns per row above a constant |
|---|--:|
| native | {policy["native"]:.0f} (goal 60) |
| native, entered with a token | {policy["entered"]:.0f} |
| the usual definition in SQL, as without the extension: it reads the claims as JSON | {policy["sql"]:.0f}, {cheaper(policy)} times the native one (goal 20) |
| the same beside the extension: it finds the id in the extension's mirror | {policy["mirror"]:.0f} |

Resident memory of the server after the load: {used} (goal 60).
"""


def cheaper(policy):
    """Below a nanosecond the difference to a constant is noise, and so would the ratio be."""
    return f"{policy['sql'] / max(policy['native'], 1.0):.0f}"


def spread(floors, seen):
    """The floor's least, median and most, quiet and with sessions ending together."""
    found = floors[seen, False] + floors[seen, True]
    return f"{min(found):.0f} / {statistics.median(found):.0f} / {max(found):.0f}"


def accounts(*, date, model, cores, postgres, version, seconds, repeat, enter_repeat, costs, floors, rates, reads, others):
    """The section about accounts."""
    lines = [
        f"Accounts: {date}, {cores} × {model}, PostgreSQL {postgres}; fluxbase {version}. Others used "
        f"{others[0]:.2f}, {others[1]:.2f} and {others[2]:.2f} cores while the three tables were measured.",
        "",
        f"| `auth.enter`, µs of the backend's CPU; medians of {enter_repeat} (least to most) | alone "
        f"| {enter.ENDED_A_SECOND} sessions ending a second | goal |",
        "|---|--:|--:|--:|",
    ]
    for (kind, seen), goal in enter.GOALS.items():
        alone, ending = (
            f"{statistics.median(found):.1f} ({min(found):.1f} to {max(found):.1f})"
            for found in (costs[kind, seen, False], costs[kind, seen, True]))
        lines.append(f"| {kind}, {'seen before by the backend' if seen else 'not seen before'} | {alone} | {ending} | {goal} |")
    lines += [
        "",
        f"Beside it {enter.ROWS:,} rows in `auth.revoked_tokens` and {enter.ROWS:,} ended sessions; every token has a session. What "
        "`begin; select current_setting('x.y', true); commit` costs is subtracted, measured "
        f"before and after: {spread(floors, True)} µs; with reading another token each time {spread(floors, False)} µs. Where those "
        "spread by more than a few µs, the machine was too busy for the differences to mean anything.",
        "",
        "| sign-ins | a second | × bare | ms of CPU each | of which bare |",
        "|---|--:|--:|--:|--:|",
    ]
    bare, bare_cpu = signin.medians(rates["bare"])
    titles = {
        "bare": f"bare argon2id, {cores} threads",
        "sql": f"`auth.sign_in` over {cores} connections",
        "http": f"HTTP, {cores} connections",
        "http, waiting": f"HTTP, {2 * cores} connections",
    }
    for name, title in titles.items():
        rate, cpu = signin.medians(rates[name])
        lines.append(f"| {title} | {rate:.1f} | {rate / bare:.2f} | {cpu:.1f} | {bare_cpu / cpu:.2f} |")
    idle = statistics.median(p99 for _, _, p99, _ in reads["idle"])
    lines += [
        "",
        f"Medians of {repeat} runs of {seconds} s, by turns. Goal: {signin.THROUGHPUT_GOAL} of bare. CPU is that of server and "
        "PostgreSQL together; bare over it is what the rates would be to each other if nothing else ran, the load generator neither.",
        "",
        f"| R1 asked for {reads['rate']:,.0f} times a second, half its capacity of {reads['capacity']:,.0f} | answered a second "
        "| p50 ms | p99 ms | × idle | sign-ins a second |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, runs in reads.items():
        if name in ("capacity", "rate"):
            continue
        rate, p50, p99, signed_in = signin.medians(runs)
        title = "no sign-ins" if name == "idle" else f"sign-ins saturate, hashes at once: {name}"
        lines.append(f"| {title} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {p99 / idle:.1f} | {signed_in:.1f} |")
    lines += ["", f"Goal: p99 at most {signin.LATENCY_GOAL} × idle."]
    return "\n".join(lines) + "\n"
