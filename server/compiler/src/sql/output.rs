//! Rows as JSON.
//!
//! When every member goes by its column's name, the row itself is the object and PostgreSQL names its members. A name
//! the caller invented cannot be written as an alias (it would be text of a request inside SQL, and every new name a
//! new statement to prepare), so such rows are built with `json_build_object` and bound keys.

use crate::plan::{Member, Output};
use crate::sql::filter::expression;
use crate::sql::fragment::Sql;

/// Whether the row must be built member by member.
fn is_built(output: &Output<'_>) -> bool {
    // `returning` takes no empty list, so the row of a table without columns is built too.
    output.is_empty()
        || output
            .iter()
            .any(|member| member.rename.is_some() || !member.value.path.is_empty())
}

/// Writes what a subquery selects, or a write returns, for one row.
pub(super) fn members(sql: &mut Sql, alias: &'static str, output: &Output<'_>) {
    if !is_built(output) {
        sql.list(output, |sql, member| {
            sql.column(alias, member.value.column);
        });
        return;
    }
    sql.word("pg_catalog.json_build_object(")
        .list(output, |sql, member: &Member<'_>| {
            sql.bind(member.name()).word("::pg_catalog.text, ");
            expression(sql, alias, &member.value);
        });
    sql.word(") as o");
}

/// Writes the row of a subquery that goes by `x`, to be made JSON by the function around it.
///
/// `x.*`, not `x`: the bare name would mean a column called x if there is one.
fn row(sql: &mut Sql, output: &Output<'_>) {
    sql.word(if is_built(output) { "x.o" } else { "x.*" });
}

/// Writes the rows of `x` as a JSON array.
pub(super) fn array(sql: &mut Sql, output: &Output<'_>) {
    sql.word("coalesce(pg_catalog.json_agg(");
    row(sql, output);
    sql.word("), '[]')");
}

/// Writes the row of `x` as a JSON object.
pub(super) fn object(sql: &mut Sql, output: &Output<'_>) {
    if is_built(output) {
        sql.word("x.o");
    } else {
        sql.word("pg_catalog.row_to_json(x.*)");
    }
}
