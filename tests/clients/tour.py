"""The documented methods of the postgrest client from PyPI, each against the server. Prints one line for each step and
exits with 1 when one of them did not hold.

    tour.py URL ANON_KEY ACCESS_TOKEN
"""

import sys
import traceback

from postgrest import CountMethod, SyncPostgrestClient
from postgrest.exceptions import APIError

url, anon_key, token = sys.argv[1:4]


def client(bearer, schema="public"):
    return SyncPostgrestClient(
        f"{url}/rest/v1", schema=schema, headers={"apikey": anon_key, "Authorization": f"Bearer {bearer}"}
    )


anon, user = client(anon_key), client(token)
failed = 0


def step(name, *checks):
    """Each check is (what is found, what it should be); what is found may be a function."""
    global failed
    try:
        for found, expected in checks:
            found = found() if callable(found) else found
            assert found == expected, f"{found!r} is not {expected!r}"
        print(f"ok {name}")
    except Exception as error:  # noqa: BLE001: whatever it is, the step did not hold
        failed += 1
        said = " | ".join(str(error).splitlines()) or traceback.format_exc(limit=1).replace("\n", " | ")
        print(f"not ok {name}: {said}")


def rows(request):
    return request.execute().data


def code(request):
    try:
        return f"no error but {request.execute().data}"
    except APIError as error:
        return error.code


def ids(refine):
    return lambda: [film["id"] for film in rows(refine(anon.from_("films").select("id")).order("id"))]


step("select", (lambda: len(rows(anon.from_("films").select("*"))), 6))
step("select columns", (lambda: rows(anon.from_("films").select("id", "title").eq("id", 4)), [{"id": 4, "title": "Ran"}]))
step("count", (lambda: anon.from_("films").select("id", count=CountMethod.exact).limit(1).execute().count, 6))
step("head", (lambda: anon.from_("films").select("id", count=CountMethod.exact, head=True).execute().count, 6))

for name, refine, expected in [
    ("eq", lambda q: q.eq("year", 1985), [4]),
    ("neq", lambda q: q.neq("year", 1985), [1, 2, 3, 5, 6]),
    ("gt", lambda q: q.gt("year", 1993), [2, 6]),
    ("gte", lambda q: q.gte("year", 1993), [2, 5, 6]),
    ("lt", lambda q: q.lt("year", 1962), [3]),
    ("lte", lambda q: q.lte("year", 1962), [1, 3]),
    ("is_", lambda q: q.is_("director_id", "null"), [6]),
    ("like", lambda q: q.like("title", "The %"), [2, 5]),
    ("like_any_of", lambda q: q.like_any_of("title", "Ran,%Piano%"), [4, 5]),
    ("like_all_of", lambda q: q.like_all_of("title", "%The%,%Piano%"), [5]),
    ("ilike", lambda q: q.ilike("title", "the %"), [2, 5]),
    ("ilike_any_of", lambda q: q.ilike_any_of("title", "ran,%piano%"), [4, 5]),
    ("ilike_all_of", lambda q: q.ilike_all_of("title", "%the%,%piano%"), [5]),
    ("in_", lambda q: q.in_("title", ["Ran", "The Piano"]), [4, 5]),
    ("contains", lambda q: q.contains("tags", ["drama", "music"]), [1, 5]),
    ("contained_by", lambda q: q.contained_by("tags", ["drama", "music"]), [1, 5, 6]),
    ("overlaps", lambda q: q.overlaps("tags", ["war", "documentary"]), [2, 4]),
    ("text_search", lambda q: q.text_search("words", "samurai & seven"), [3]),
    ("match", lambda q: q.match({"year": 1985, "title": "Ran"}), [4]),
    ("not_", lambda q: q.not_.lt("year", 1990), [2, 5, 6]),
    ("or_", lambda q: q.or_("id.eq.1,and(year.gt.1990,rating.gt.7.6)"), [1, 2]),
    ("filter", lambda q: q.filter("rating", "not.gte", 8), [1, 2, 5]),
]:
    step(name, (ids(refine), expected))

step(
    "order and limit",
    (lambda: rows(anon.from_("films").select("id").order("year", desc=True).limit(2)), [{"id": 6}, {"id": 2}]),
)
step("range", (lambda: len(rows(anon.from_("films").select("id").order("id").range(1, 3))), 3))
step("single", (lambda: rows(anon.from_("films").select("id").eq("id", 1).single()), {"id": 1}))
step("single refuses several rows", (lambda: code(anon.from_("films").select("id").single()), "PGRST116"))
step("maybe_single", (lambda: anon.from_("films").select("id").eq("id", 99).maybe_single().execute(), None))
step(
    "csv",
    (lambda: rows(anon.from_("films").select("id,title").eq("id", 4).csv()), "id,title\n4,Ran"),
)
step("schema", (lambda: rows(client(anon_key, "other").from_("shelf").select("*")), [{"id": 1, "label": "top"}]))
step(
    "relationships",
    (
        lambda: rows(anon.from_("films").select("title, directors(last_name), technical_specifications(camera)").eq("id", 3)),
        [{"title": "Seven Samurai", "directors": {"last_name": "Kurosawa"}, "technical_specifications": {"camera": "Mitchell"}}],
    ),
)
step(
    "limit on related rows",
    (
        lambda: rows(
            anon.from_("directors").select("films(title)").eq("id", 2).order("year", foreign_table="films").limit(1, foreign_table="films")
        ),
        [{"films": [{"title": "Seven Samurai"}]}],
    ),
)
step("insert", (lambda: rows(user.from_("directors").insert({"id": 20, "first_name": "A", "last_name": "B"}))[0]["id"], 20))
step("upsert", (lambda: rows(user.from_("directors").upsert({"id": 20, "first_name": "A", "last_name": "C"}))[0]["last_name"], "C"))
step("update", (lambda: rows(user.from_("directors").update({"last_name": "D"}).eq("id", 20))[0]["last_name"], "D"))
step("delete", (lambda: [row["id"] for row in rows(user.from_("directors").delete().eq("id", 20))], [20]))
step("rpc", (lambda: rows(anon.rpc("add_them", {"a": 1, "b": 2})), 3))
step("rpc by get", (lambda: rows(anon.rpc("add_them", {"a": 1, "b": 2}, get=True)), 3))
step("rpc of rows", (lambda: rows(anon.rpc("films_of", {"year": 1993}).select("title")), [{"title": "The Piano"}]))
step("anonymous visitors do not write", (lambda: code(anon.from_("directors").insert({"id": 9, "first_name": "A", "last_name": "B"})), "42501"))
step("a taken key is a conflict", (lambda: code(user.from_("directors").insert({"id": 1, "first_name": "A", "last_name": "B"})), "23505"))
step("an unknown table", (lambda: code(anon.from_("filmz").select("*")), "PGRST205"))

sys.exit(1 if failed else 0)
