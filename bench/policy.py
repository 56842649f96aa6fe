"""What auth.uid() costs in a policy, per row of a sequential scan, beside a constant and the usual SQL."""

import base64
import json

from database import literal

SCAN = "select count(*) from public.policy_rows"
# One process and no compiled expressions: what is compared is the function.
PLAIN = "set max_parallel_workers_per_gather = 0; set jit = off;\n"


def _claims_by_hand(role, claims, setting="request.jwt.claims"):
    return f"begin; set local role {role}; select set_config('{setting}', {literal(claims)}, true) \\g /dev/null\n"


def _one_scan(database, user, identity):
    """(matching rows, milliseconds). The count warms the session up: only the second scan is timed."""
    lines = database.psql(
        f"{PLAIN}{identity}{SCAN};\nexplain (analyze, timing off, costs off, format json) {SCAN};\ncommit;", user=user)
    rows, _, plan = lines.partition("\n")
    plan = json.loads(plan)[0]
    text = json.dumps(plan)
    if '"Seq Scan"' not in text or "Workers" in text:
        raise RuntimeError(f"the policy was not priced by a plain sequential scan: {text}")
    return int(rows), plan["Execution Time"]


# As in schema.sql.
ROWS = 250_000
# The definitions in SQL need microseconds a row: seconds a scan, which no repetition tells better from the rest.
OFTEN, SELDOM = 10, 2


def nanoseconds_per_row(database, token):
    """name -> nanoseconds per row above the constant; the least of the runs, which take turns."""
    # What a gateway that verifies tokens itself would set: all claims of this token. Their length matters to
    # the definition in SQL, which reads them again for every row.
    payload = token.split(".")[1]
    claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode()
    by_name = {
        "constant": ("bench_floor", _claims_by_hand("bench_constant", claims)),
        "native": ("bench_floor", _claims_by_hand("bench_native", claims)),
        "entered": ("fluxbase_app", f"begin; select auth.enter({literal(token)}) \\g /dev/null\n"),
        "sql": ("bench_floor", _claims_by_hand("bench_sql", claims, "bench.jwt.claims")),
        "mirror": ("bench_floor", _claims_by_hand("bench_mirror", claims)),
    }
    least, matching = {}, {}
    for turn in range(OFTEN):
        for name, (user, identity) in by_name.items():
            if name in ("sql", "mirror") and turn >= SELDOM:
                continue
            found, milliseconds = _one_scan(database, user, identity)
            matching.setdefault(name, found)
            least[name] = min(least.get(name, milliseconds), milliseconds)
    if len(set(matching.values())) != 1 or matching["constant"] == 0:
        raise RuntimeError(f"the policies do not agree on whose the rows are: {matching}")
    return {name: (least[name] - least["constant"]) * 1e6 / ROWS for name in by_name if name != "constant"}
