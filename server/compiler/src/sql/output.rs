//! Rows as JSON, or as what else was asked for.
//!
//! When every member goes by a name the catalog holds, the row itself is the object and PostgreSQL names its members. A
//! name the caller invented cannot be written as an alias (it would be text of a request inside SQL, and every new name
//! a new statement to prepare), so the values of such rows go by `c0`, `c1`, … and the object is built with bound keys.

use crate::ask::{Aggregate, Shape};
use crate::catalog::{Handler, Name, Relation, TypeName};
use crate::plan::{Link, Member, MemberName, Output, Read, Value, is_built};
use crate::sql::Manner;
use crate::sql::filter::expression;
use crate::sql::fragment::{Alias, Sql};
use crate::sql::read::{self, Origin};

/// A relation under way, and by what its rows and those spread into them go.
pub(super) struct Scope<'s, 'a> {
    pub(super) alias: Alias,
    pub(super) read: &'s Read<'a>,
    /// For each embedded read the alias of its columns, if they are spread.
    pub(super) spreads: Vec<Option<Alias>>,
    /// The rows are those that a write returned: what was computed of them is a column.
    pub(super) written: bool,
}

impl<'s, 'a> Scope<'s, 'a> {
    pub(super) fn new(sql: &mut Sql, read: &'s Read<'a>, written: bool) -> Self {
        let alias = sql.new_alias();
        Self::at(sql, read, alias, written)
    }

    pub(super) fn at(sql: &mut Sql, read: &'s Read<'a>, alias: Alias, written: bool) -> Self {
        let spreads = read
            .embeds
            .iter()
            .map(|embed| embed.spread.then(|| sql.new_alias()))
            .collect();
        Scope {
            alias,
            read,
            spreads,
            written,
        }
    }
}

/// How a body is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form<'f> {
    /// A JSON array.
    Array { strip: bool },
    /// A JSON object, of the first row.
    Object { strip: bool },
    /// A collection of features, which PostGIS of this schema makes of rows.
    GeoJson(&'f Name),
    /// CSV.
    Csv,
    /// One column, as text.
    Text,
    /// One column, as bytes.
    Bytes,
    /// What an aggregate makes of whole rows.
    Made {
        by: &'f Handler,
        of: &'f Relation,
        bytes: bool,
    },
}

/// The form of a body; `single`: the request itself speaks of one row.
pub(super) fn form(shape: Shape, single: bool, manner: Manner<'_>) -> Form<'_> {
    if let Some(made) = manner.made
        && let Some((by, of)) = made.of_rows
    {
        let bytes = made.bytes;
        return Form::Made { by, of, bytes };
    }
    if let (Shape::GeoJson, Some(schema)) = (shape, manner.geo_json) {
        return Form::GeoJson(schema);
    }
    match shape {
        Shape::Own if single => Form::Object { strip: false },
        Shape::Own | Shape::Array | Shape::GeoJson => Form::Array { strip: false },
        Shape::ArrayWithoutNulls => Form::Array { strip: true },
        Shape::Object => Form::Object { strip: false },
        Shape::ObjectWithoutNulls => Form::Object { strip: true },
        Shape::Csv => Form::Csv,
        Shape::Text => Form::Text,
        Shape::Bytes => Form::Bytes,
    }
}

/// Whether the values of a row go by numbers.
pub(super) fn numbered(output: &Output<'_>, form: Form<'_>) -> bool {
    is_built(output) || matches!(form, Form::Csv | Form::Text | Form::Bytes)
}

/// Writes what is selected for one row.
pub(super) fn members(sql: &mut Sql, scope: &Scope<'_, '_>, numbered: bool) {
    let output = &scope.read.output;
    if output.is_empty() {
        // No list may be empty; the row is built of nothing all the same.
        sql.word("1 as c0");
        return;
    }
    sql.list(output.iter().enumerate(), |sql, (place, member)| {
        value(sql, scope, &member.value);
        member_name(sql, member, numbered, place);
    });
}

/// Writes by what a value in a select list goes.
pub(super) fn member_name(sql: &mut Sql, member: &Member<'_>, numbered: bool, place: usize) {
    if numbered {
        sql.word(" as c").count(place);
    } else {
        own_name(sql, member);
    }
}

/// Writes what is the same in every row.
pub(super) fn constant(sql: &mut Sql, value: &Value<'_>) {
    match value {
        Value::Text(text) => sql.bind(*text).word("::pg_catalog.text"),
        Value::Json(json) => sql.bind(*json).word("::pg_catalog.json"),
        _ => sql.word("null"),
    };
}

/// Writes ` as "name"` where PostgreSQL would not find the name by itself.
fn own_name(sql: &mut Sql, member: &Member<'_>) {
    let natural = matches!(
        &member.value,
        Value::Field(field) if field.path.is_empty() && field.cast.is_none() && field.cut.is_none() && matches!(field.base, crate::plan::Base::Column(_))
    );
    match &member.name {
        MemberName::Own(name) if natural && named_by(&member.value, name) => {}
        MemberName::Own(name) => {
            sql.word(" as ").name(name);
        }
        MemberName::Word(word) => {
            sql.word(" as ").word(word);
        }
        // Rows with such names are numbered.
        MemberName::Given(_) => {}
    }
}

/// Whether a value goes by its column's own name.
fn named_by(value: &Value<'_>, name: &crate::catalog::Name) -> bool {
    matches!(value, Value::Field(field) if field.base.name() == name)
}

fn value(sql: &mut Sql, scope: &Scope<'_, '_>, value: &Value<'_>) {
    match value {
        Value::Field(field) => expression(sql, scope, field),
        Value::Aggregate { function, of, cast } => {
            sql.word(match cast {
                Some(_) => "(",
                None => "",
            })
            .word(match function {
                Aggregate::Count => "pg_catalog.count(",
                Aggregate::Sum => "pg_catalog.sum(",
                Aggregate::Avg => "pg_catalog.avg(",
                Aggregate::Min => "pg_catalog.min(",
                Aggregate::Max => "pg_catalog.max(",
            });
            match of {
                Some(of) => expression(sql, scope, of),
                None => {
                    sql.word("*");
                }
            }
            sql.word(")");
            if let Some(cast) = cast {
                sql.word(")::").data_type(cast);
            }
        }
        Value::Text(_) | Value::Json(_) => constant(sql, value),
        Value::Embed(place) => {
            if let Some(embed) = scope.read.embeds.get(*place) {
                let form = if embed.to_one {
                    Form::Object { strip: false }
                } else {
                    Form::Array { strip: false }
                };
                let origin = Origin::Link(&embed.link, scope);
                sql.word("(select ");
                let inner = Scope::new(sql, &embed.read, false);
                body(sql, &embed.read.output, form, embed.to_one);
                sql.word(" from (");
                read::rows(sql, &inner, &origin, form, embed.to_one, embed.uncertain);
                sql.word(") x)");
            }
        }
        Value::Spread { embed, member } => {
            if let Some(Some(alias)) = scope.spreads.get(*embed) {
                sql.alias(*alias).word(".c").count(*member);
            }
        }
    }
}

/// Writes the joins that bring spread columns.
pub(super) fn spreads(sql: &mut Sql, scope: &Scope<'_, '_>) {
    for (embed, alias) in scope.read.embeds.iter().zip(&scope.spreads) {
        let Some(alias) = alias else {
            continue;
        };
        let origin = Origin::Link(&embed.link, scope);
        let inner = Scope::new(sql, &embed.read, false);
        sql.word(" left join lateral (");
        if embed.to_one {
            read::rows(sql, &inner, &origin, Form::Text, true, embed.uncertain);
        } else {
            // Of many rows each column becomes an array, in the order of the rows.
            let columns = embed.read.output.iter().enumerate();
            sql.word("select ").list(columns, |sql, (place, _)| {
                sql.word("coalesce(pg_catalog.json_agg(x.c")
                    .count(place)
                    .word("), '[]') as c")
                    .count(place);
            });
            sql.word(" from (");
            read::rows(sql, &inner, &origin, Form::Text, false, false);
            sql.word(") x");
        }
        sql.word(") ").alias(*alias).word(" on true");
    }
}

/// Writes the body that the rows of `x` make. `one`: `x` has one row at most.
///
/// `x.*`, not `x`: the bare name would mean a column called x if there is one.
pub(super) fn body(sql: &mut Sql, output: &Output<'_>, form: Form<'_>, one: bool) {
    match form {
        Form::Array { strip } => {
            sql.word("coalesce(pg_catalog.json_agg(");
            if !strip && !is_built(output) {
                sql.word("x.*");
            } else {
                object(sql, output, strip);
            }
            sql.word("), '[]')");
        }
        Form::Object { strip } if one => object(sql, output, strip),
        Form::Object { strip } => {
            sql.word("(pg_catalog.array_agg(");
            object(sql, output, strip);
            sql.word("))[1]");
        }
        Form::GeoJson(schema) => {
            // A place that is missing is null (RFC 7946, 3.2), and not an object of type null, as PostGIS has it.
            sql.word("pg_catalog.json_build_object('type', 'FeatureCollection', 'features', coalesce(pg_catalog.json_agg(pg_catalog.regexp_replace(")
                .name(schema)
                .word(r#".st_asgeojson(x.*), '^(\{"type": "Feature", "geometry": )\{"type": null\}', '\1null')::pg_catalog.json), '[]'))"#);
        }
        Form::Csv => csv(sql, output),
        Form::Made { by, of, bytes } => {
            sql.word("(")
                .name(&by.schema)
                .word(".")
                .name(&by.name)
                .word("(x.*::")
                .relation(of)
                .word("))::")
                .word(match bytes {
                    true => "pg_catalog.bytea",
                    false => "pg_catalog.text",
                });
        }
        Form::Bytes if is_bytes(output) => {
            sql.word("pg_catalog.string_agg(x.c0, '')");
        }
        Form::Text | Form::Bytes => {
            sql.word("pg_catalog.string_agg(x.c0::pg_catalog.text, '')");
        }
    }
}

/// Whether the one value of each row is a bytea. What is none is sent as its text.
fn is_bytes(output: &Output<'_>) -> bool {
    match output.as_slice() {
        [only] => match &only.value {
            Value::Field(field) => field.data_type().is_some_and(TypeName::is_bytea),
            Value::Aggregate { .. }
            | Value::Embed(_)
            | Value::Spread { .. }
            | Value::Text(_)
            | Value::Json(_) => false,
        },
        _ => false,
    }
}

/// Writes the row of `x` as one JSON object.
fn object(sql: &mut Sql, output: &Output<'_>, strip: bool) {
    sql.word(if strip {
        "pg_catalog.json_strip_nulls("
    } else {
        ""
    });
    if is_built(output) {
        built(sql, output);
    } else {
        sql.word("pg_catalog.row_to_json(x.*)");
    }
    sql.word(if strip { ")" } else { "" });
}

/// `json_build_object` takes 100 arguments, two for each member.
const MEMBERS: usize = 50;

/// Writes the row of `x` as an object whose names are bound.
pub(super) fn built(sql: &mut Sql, output: &Output<'_>) {
    object_of(
        sql,
        output,
        |member| member.name.as_str(),
        |sql, place, _| {
            sql.word("x.c").count(place);
        },
    );
}

/// Writes an object whose names are bound. A larger one is made of several: their braces are cut off where they meet.
pub(super) fn object_of<T>(
    sql: &mut Sql,
    members: &[T],
    name: impl Fn(&T) -> &str,
    value: impl Fn(&mut Sql, usize, &T),
) {
    let one = |sql: &mut Sql, part: usize, members: &[T]| {
        sql.word("pg_catalog.json_build_object(");
        sql.list(members.iter().enumerate(), |sql, (place, member)| {
            sql.bind(name(member)).word("::pg_catalog.text, ");
            value(sql, part * MEMBERS + place, member);
        });
        sql.word(")");
    };
    if members.len() <= MEMBERS {
        return one(sql, 0, members);
    }
    let last = (members.len() - 1) / MEMBERS;
    sql.word("pg_catalog.concat(");
    let parts = members.chunks(MEMBERS).enumerate();
    sql.list(parts, |sql, (part, members)| {
        sql.word(match part {
            0 => "",
            _ => "', ', pg_catalog.substr(",
        });
        sql.word(if part < last { "pg_catalog.left(" } else { "" });
        one(sql, part, members);
        sql.word("::pg_catalog.text")
            .word(if part < last { ", -1)" } else { "" })
            .word(if part > 0 { ", 2)" } else { "" });
    });
    sql.word(")::pg_catalog.json");
}

/// Writes the rows of `x` as comma-separated values (RFC 4180, with the line ends of Unix). The line of names is bound.
fn csv(sql: &mut Sql, output: &Output<'_>) {
    let names: Vec<String> = output
        .iter()
        .map(|member| quoted_for_csv(member.name.as_str()))
        .collect();
    sql.word("pg_catalog.concat(")
        .bind(names.join(","))
        .word("::pg_catalog.text, E'\\n', pg_catalog.string_agg(pg_catalog.concat(");
    let last = output.len().saturating_sub(1);
    sql.list(0..output.len(), |sql, place| {
        let column = |sql: &mut Sql| {
            sql.word("x.c").count(place).word("::pg_catalog.text");
        };
        sql.word("case when ");
        column(sql);
        sql.word(" ~ E'[\",\\n\\r]' then pg_catalog.concat('\"', pg_catalog.replace(");
        column(sql);
        sql.word(", '\"', '\"\"'), '\"') else ");
        column(sql);
        sql.word(if place < last { " end, ','" } else { " end" });
    });
    sql.word("), E'\\n'))");
}

fn quoted_for_csv(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

/// Columns of a relation that a read of its rows takes, with those that lead to related rows.
pub(super) fn needed<'a>(read: &Read<'a>) -> Vec<&'a crate::catalog::Column> {
    let mut columns: Vec<&'a crate::catalog::Column> = Vec::new();
    let mut add = |column: &'a crate::catalog::Column| {
        if !columns.iter().any(|known| std::ptr::eq(*known, column)) {
            columns.push(column);
        }
    };
    for member in &read.output {
        let field = match &member.value {
            Value::Field(field) => Some(field),
            Value::Aggregate { of, .. } => of.as_ref(),
            Value::Text(_) | Value::Json(_) | Value::Embed(_) | Value::Spread { .. } => None,
        };
        if let Some(crate::plan::Base::Column(column)) = field.map(|field| field.base) {
            add(column);
        }
    }
    for embed in &read.embeds {
        match &embed.link {
            Link::Columns(pairs) | Link::Through { near: pairs, .. } => {
                pairs.iter().for_each(|(near, _)| add(near));
            }
            Link::Computed(_) => {}
        }
    }
    columns
}
