//! Pages of rows that go by cursors.
//!
//! Each side of a page is a subquery of its own. The rows and the place of the page could share one; but then every row
//! would carry its related rows into a window, and a page of rows by an index costs less than that.

use crate::ask::{EdgePart, PagePart};
use crate::plan::{Facet, MemberName, Read};
use crate::sql::filter;
use crate::sql::fragment::Sql;
use crate::sql::output::{self, Form, Scope};
use crate::sql::read::{self, Origin};

/// Writes facets as one object.
pub(super) fn facets(sql: &mut Sql, facets: &[(MemberName<'_>, Facet<'_>)]) {
    object(sql, facets, facet);
}

fn object<T>(sql: &mut Sql, members: &[(MemberName<'_>, T)], value: impl Fn(&mut Sql, &T)) {
    output::object_of(
        sql,
        members,
        |(name, _)| name.as_str(),
        |sql, _, (_, member)| value(sql, member),
    );
}

fn facet(sql: &mut Sql, facet: &Facet<'_>) {
    match facet {
        Facet::Text(text) => {
            sql.bind(*text).word("::pg_catalog.text");
        }
        Facet::Object(inner) => facets(sql, inner),
        Facet::Row(row) => {
            let form = Form::Object { strip: false };
            let scope = Scope::new(sql, row, false);
            sql.word("(select ");
            output::body(sql, &row.output, form, true);
            sql.word(" from (");
            read::rows(sql, &scope, &Origin::Relation, form, true, false);
            sql.word(") x)");
        }
        Facet::Count(rows) => {
            let scope = Scope::new(sql, rows, false);
            sql.word("(select pg_catalog.count(*)");
            read::from(sql, &scope, &Origin::Relation);
            read::conditions(sql, &scope, &Origin::Relation);
            sql.word(")");
        }
        Facet::Edges {
            read,
            backwards,
            members,
        } => {
            sql.word("(select coalesce(pg_catalog.json_agg(");
            object(sql, members, |sql, part| match part {
                EdgePart::Cursor => {
                    sql.word("x.k");
                }
                EdgePart::Node => output::built(sql, &read.output),
                EdgePart::Text(text) => {
                    sql.bind(text.as_ref()).word("::pg_catalog.text");
                }
            });
            sql.word(if *backwards { " order by x.n desc" } else { "" })
                .word("), '[]') from (");
            page(sql, read, *backwards);
            sql.word(") x)");
        }
        Facet::Page {
            read,
            backwards,
            behind,
            members,
        } => {
            // The side the reading goes to, and the end that lies there.
            let ahead = |part: &PagePart<'_>| {
                matches!(part, PagePart::HasNext | PagePart::End) != *backwards
            };
            let asks_rows = |part: &PagePart<'_>| match part {
                PagePart::HasNext | PagePart::HasPrevious => ahead(part) && read.limit.is_some(),
                PagePart::Start | PagePart::End => true,
                PagePart::Text(_) => false,
            };
            sql.word("(select ");
            object(sql, members, |sql, part| match part {
                PagePart::HasNext | PagePart::HasPrevious => match (ahead(part), read.limit) {
                    (true, Some(rows)) => {
                        sql.word("pg_catalog.count(*) = ").number(rows);
                    }
                    (true, None) => {
                        sql.word("false");
                    }
                    (false, _) => {
                        sql.word(if *behind { "true" } else { "false" });
                    }
                },
                PagePart::Start | PagePart::End => {
                    sql.word("(pg_catalog.array_agg(x.k order by x.n")
                        .word(if ahead(part) { " desc)" } else { ")" });
                    if let Some(rows) = read.limit {
                        sql.word(" filter (where x.n < ").number(rows).word(")");
                    }
                    sql.word(")[1]");
                }
                PagePart::Text(text) => {
                    sql.bind(text.as_ref()).word("::pg_catalog.text");
                }
            });
            // Where nothing is asked of the rows, there would be an answer for each of them.
            if members.iter().any(|(_, part)| asks_rows(part)) {
                sql.word(" from (");
                page(sql, read, true);
                sql.word(") x");
            }
            sql.word(")");
        }
    }
}

/// Writes the rows of a page with their cursors, and with numbers where they are wanted.
fn page(sql: &mut Sql, read: &Read<'_>, numbers: bool) {
    sql.word(if numbers {
        "select y.*, pg_catalog.row_number() over () as n from ("
    } else {
        ""
    });
    let scope = Scope::new(sql, read, false);
    sql.word("select ");
    output::members(sql, &scope, true);
    sql.word(", ");
    filter::cursor(sql, &scope, &read.order);
    sql.word(" as k");
    read::from(sql, &scope, &Origin::Relation);
    read::conditions(sql, &scope, &Origin::Relation);
    filter::order(sql, &scope, &read.order);
    if let Some(rows) = read.limit {
        sql.word(" limit ").number(rows);
    }
    sql.word(if numbers { ") y" } else { "" });
}
