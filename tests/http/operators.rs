//! Filters, order and paging: each operator with the ids it must find, and its quoting edge cases.

use crate::site::Site;
use fluxbase_tests::http::encoded;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use std::sync::Arc;

/// Name, parameters in clear text, ids found in order of id.
type Find = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [i64],
);

const FINDS: [Find; 55] = [
    ("everything", &[], &[1, 2, 3, 4, 5]),
    ("eq_integer", &[("id", "eq.2")], &[2]),
    ("eq_text", &[("name", "eq.apple")], &[1]),
    ("eq_text_is_exact", &[("name", "eq.Apple")], &[]),
    (
        "eq_text_with_comma_and_quotes",
        &[("name", "eq.cherry, \"sweet\"")],
        &[3],
    ),
    ("eq_unicode", &[("name", "eq.été 🐘 100%")], &[4]),
    ("eq_empty_text", &[("\"odd \\\"name\\\".x\"", "eq.")], &[4]),
    (
        "eq_text_with_dots_and_parentheses",
        &[("\"odd \\\"name\\\".x\"", "eq.a.b,c(d)")],
        &[5],
    ),
    ("eq_does_not_find_null", &[("name", "eq.null")], &[]),
    ("eq_boolean", &[("active", "eq.true")], &[1, 4]),
    (
        "eq_uuid_in_capitals",
        &[("code", "eq.00000000-0000-4000-8000-000000000001")],
        &[1],
    ),
    (
        "eq_bigint_beyond_doubles",
        &[("big", "eq.9007199254740993")],
        &[1],
    ),
    (
        "eq_bigint_is_not_rounded",
        &[("big", "eq.9007199254740992")],
        &[],
    ),
    ("eq_numeric", &[("rating", "eq.4.25")], &[4]),
    ("eq_date", &[("born", "eq.2002-02-02")], &[2]),
    ("neq", &[("id", "neq.2")], &[1, 3, 4, 5]),
    ("gt", &[("id", "gt.3")], &[4, 5]),
    ("gte", &[("id", "gte.3")], &[3, 4, 5]),
    ("lt", &[("id", "lt.3")], &[1, 2]),
    ("lte", &[("id", "lte.3")], &[1, 2, 3]),
    ("lt_negative", &[("rating", "lt.-1.5")], &[3]),
    (
        "gt_time_with_zone",
        &[("seen", "gt.2026-04-01T00:00:00+02:00")],
        &[4, 5],
    ),
    (
        "range_on_one_column",
        &[("id", "gt.1"), ("id", "lt.4")],
        &[2, 3],
    ),
    ("like_percent", &[("name", "like.a%")], &[1]),
    ("like_star", &[("name", "like.*err*")], &[3]),
    ("like_underscore", &[("name", "like._pple")], &[1]),
    ("like_is_case_sensitive", &[("name", "like.banana")], &[]),
    ("ilike", &[("name", "ilike.BANANA")], &[2]),
    ("ilike_unicode", &[("name", "ilike.ÉTÉ*")], &[4]),
    ("like_backslash_escapes", &[("name", "like.*100\\%")], &[4]),
    ("in_integers", &[("id", "in.(1,3,9)")], &[1, 3]),
    ("in_texts", &[("name", "in.(apple,Banana)")], &[1, 2]),
    (
        "in_quoted_text",
        &[("name", "in.(\"cherry, \\\"sweet\\\"\",apple)")],
        &[1, 3],
    ),
    ("in_nothing", &[("id", "in.()")], &[]),
    ("is_null", &[("name", "is.null")], &[5]),
    ("is_true", &[("active", "is.true")], &[1, 4]),
    ("is_false", &[("active", "is.false")], &[2, 5]),
    ("is_unknown", &[("active", "is.unknown")], &[3]),
    ("not_is_null", &[("name", "not.is.null")], &[1, 2, 3, 4]),
    ("not_eq", &[("name", "not.eq.apple")], &[2, 3, 4]),
    ("not_in", &[("id", "not.in.(1,2)")], &[3, 4, 5]),
    ("not_like", &[("name", "not.like.a*")], &[2, 3, 4]),
    ("or", &[("or", "(id.eq.1,id.eq.4)")], &[1, 4]),
    (
        "or_with_quoted_value",
        &[("or", "(name.eq.\"cherry, \\\"sweet\\\"\",id.eq.5)")],
        &[3, 5],
    ),
    (
        "and_in_or",
        &[("or", "(and(id.gte.2,id.lte.3),id.eq.5)")],
        &[2, 3, 5],
    ),
    (
        "and_of_ors",
        &[("and", "(or(id.eq.1,id.eq.2),or(active.is.true,id.eq.9))")],
        &[1],
    ),
    (
        "not_in_or",
        &[("or", "(id.not.gt.1,active.is.null)")],
        &[1, 3],
    ),
    (
        "two_columns",
        &[("active", "is.true"), ("id", "gt.1")],
        &[4],
    ),
    ("json_path_text", &[("meta->>t", "eq.x")], &[1]),
    ("json_path_number", &[("meta->a->>b", "gt.1")], &[2]),
    ("dotted_operator", &[("id.gt", "3")], &[4, 5]),
    ("limit", &[("limit", "2")], &[1, 2]),
    ("offset", &[("limit", "2"), ("offset", "1")], &[2, 3]),
    ("offset_beyond", &[("offset", "99")], &[]),
    ("limit_zero", &[("limit", "0")], &[]),
];

/// Name, order, ids.
const ORDERS: [(&str, &str, &[i64]); 8] = [
    ("descending", "id.desc", &[5, 4, 3, 2, 1]),
    ("nulls_first", "rating.asc.nullsfirst", &[5, 3, 1, 2, 4]),
    ("nulls_last", "rating.asc.nullslast", &[3, 1, 2, 4, 5]),
    (
        "descending_nulls_last",
        "rating.desc.nullslast",
        &[4, 2, 1, 3, 5],
    ),
    (
        "descending_nulls_first",
        "rating.desc.nullsfirst",
        &[5, 4, 2, 1, 3],
    ),
    ("two_keys", "active.asc.nullslast,id.desc", &[5, 2, 4, 1, 3]),
    (
        "odd_name",
        "\"odd \\\"name\\\".x\".asc.nullslast,id",
        &[4, 5, 1, 2, 3],
    ),
    ("ascending_by_default", "id", &[1, 2, 3, 4, 5]),
];

/// Parameters that are refused with 400 INVALID_INPUT, whatever the operator would have found.
const REFUSED: [(&str, &str, &str); 30] = [
    ("unknown_operator", "id", "equals.1"),
    ("no_operator", "id", "1"),
    ("empty", "id", ""),
    ("operator_only", "id", "eq"),
    ("text_for_an_integer", "id", "eq.x"),
    ("integer_out_of_range", "id", "eq.99999999999999999999"),
    ("fraction_for_an_integer", "id", "eq.1.5"),
    ("text_for_a_boolean", "active", "eq.perhaps"),
    ("text_for_a_uuid", "code", "eq.not-a-uuid"),
    ("text_for_a_date", "born", "eq.2001-13-45"),
    ("is_something", "name", "is.apple"),
    ("is_number", "id", "is.1"),
    ("in_without_parentheses", "id", "in.1,2"),
    ("in_unclosed", "id", "in.(1,2"),
    ("in_unclosed_quote", "name", "in.(\"a)"),
    ("in_text_for_integers", "id", "in.(1,x)"),
    ("not_alone", "id", "not.1"),
    ("not_not", "id", "not.not.eq.1"),
    ("or_without_parentheses", "or", "id.eq.1,id.eq.2"),
    ("or_unclosed", "or", "(id.eq.1"),
    ("or_with_text_behind", "or", "(id.eq.1)x"),
    ("or_of_an_unknown_column", "or", "(nothing.eq.1)"),
    ("and_unbalanced", "and", "(or(id.eq.1,id.eq.2)"),
    ("unknown_column", "nothing", "eq.1"),
    ("limit_of_text", "limit", "ten"),
    ("limit_negative", "limit", "-1"),
    ("offset_negative", "offset", "-1"),
    ("order_of_an_unknown_column", "order", "nothing.asc"),
    ("order_in_an_unknown_direction", "order", "id.sideways"),
    ("like_of_an_integer", "id", "like.1%"),
];

pub fn trials(site: &Arc<Site>) -> Vec<Trial> {
    let cluster = Arc::clone(&site.database.fixture.cluster);
    let mut trials = Vec::new();
    for (name, parameters, ids) in FINDS {
        let site = Arc::clone(site);
        trials.push(trial(&cluster, format!("operators::{name}"), move || {
            assert_eq!(found(&site, parameters, "id"), ids);
        }));
    }
    for (name, order, ids) in ORDERS {
        let site = Arc::clone(site);
        trials.push(trial(
            &cluster,
            format!("operators_order::{name}"),
            move || {
                assert_eq!(found(&site, &[], order), ids);
            },
        ));
    }
    for (name, parameter, value) in REFUSED {
        let site = Arc::clone(site);
        trials.push(trial(
            &cluster,
            format!("operators_refused::{name}"),
            move || {
                let target = format!(
                    "/api/v1/tables/things?{}={}",
                    encoded(parameter),
                    encoded(value)
                );
                site.get(&target).send().refused(400, "INVALID_INPUT");
                site.get("/api/v1/tables/things?id=eq.1").send().expect(200);
            },
        ));
    }
    trials
}

fn found(site: &Site, parameters: &[(&str, &str)], order: &str) -> Vec<i64> {
    let mut target = format!("/api/v1/tables/things?select=id&order={}", encoded(order));
    for (name, value) in parameters {
        target.push_str(&format!("&{}={}", encoded(name), encoded(value)));
    }
    let rows = site.get(&target).send().expect(200);
    rows.as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].as_i64().expect("an id"))
        .collect::<Vec<i64>>()
}
