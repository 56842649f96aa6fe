use super::{Body, User};
use serde_json::json;

pub const TRIALS: &[(&str, Body)] = &[
    ("of_all_rows", all),
    ("grouped", grouped),
    ("cast_before_and_after", cast),
    ("inside_json", inside_json),
    ("count_without_a_column", count),
    ("in_embedded_rows", embedded),
    ("of_spread_columns", spread),
];

fn all(user: &User) {
    assert_eq!(
        user.rows("orders?select=amount.sum(),highest:amount.max(),amount.min(),amount.count()"),
        json!([{"sum": 35.5, "highest": 20, "min": 5, "count": 3}])
    );
    let mean = user.each("avg", "orders?select=amount.avg()");
    assert!(
        mean[0]
            .as_f64()
            .is_some_and(|mean| (mean - 11.83).abs() < 0.01),
        "{mean:?}"
    );
}

fn grouped(user: &User) {
    assert_eq!(
        user.rows("orders?select=region,amount.sum()&order=region"),
        json!([{"region": "north", "sum": 30.5}, {"region": "south", "sum": 5}])
    );
}

fn cast(user: &User) {
    assert_eq!(
        user.rows("orders?select=amount::int.sum()::text"),
        // PostgreSQL rounds halves away from zero.
        json!([{"sum": "36"}])
    );
}

fn inside_json(user: &User) {
    assert_eq!(
        user.rows("orders?select=items:details->items::int.sum()"),
        json!([{"items": 6}])
    );
}

fn count(user: &User) {
    assert_eq!(
        user.rows("orders?select=region,orders:count()&order=region"),
        json!([{"region": "north", "orders": 2}, {"region": "south", "orders": 1}])
    );
}

fn embedded(user: &User) {
    assert_eq!(
        user.rows("addresses?select=town,orders!billing_of(amount.sum(),region)&order=id"),
        json!([
            {"town": "Lyon", "orders": [{"sum": 30.5, "region": "north"}]},
            {"town": "Kyoto", "orders": [{"sum": 5, "region": "south"}]},
        ])
    );
}

fn spread(user: &User) {
    assert_eq!(
        user.rows("orders?select=amount.sum(),...addresses!billing_of(town)&region=eq.north"),
        json!([{"sum": 30.5, "town": "Lyon"}])
    );
    // A row of which there is no longer one to order by.
    user.get("orders?select=amount.sum(),...addresses!billing_of(town)&order=addresses(id)")
        .send()
        .told(400, "42803");
}
