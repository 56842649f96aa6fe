//! What SQL of this crate may consist of, as a list of tokens: a statement with anything else in it is a bug, whatever
//! the request was. Independent of the printer on purpose.

use std::collections::HashSet;

use fluxbase_compiler::catalog::{Catalog, RelationshipKind, Returns};
use fluxbase_compiler::sql::Statement;

const WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "and",
    "or",
    "not",
    "is",
    "null",
    "true",
    "false",
    "unknown",
    "any",
    "like",
    "ilike",
    "order",
    "by",
    "desc",
    "nulls",
    "first",
    "last",
    "limit",
    "offset",
    "with",
    "as",
    "insert",
    "into",
    "update",
    "set",
    "delete",
    "returning",
    "default",
    "values",
    "union",
    "all",
    "case",
    "when",
    "then",
    "end",
    "coalesce",
    "pg_catalog",
    "json_agg",
    "json_build_object",
    "row_to_json",
    "row",
    "json_to_record",
    "json_to_recordset",
    "json_array_elements",
    "json_typeof",
    "jsonb_typeof",
    "count",
    "text",
    "bytea",
    "int4",
    "numeric",
    "int8",
    "json",
    "lateral",
    "left",
    "join",
    "on",
    "group",
    "exists",
    "distinct",
    "conflict",
    "do",
    "nothing",
    "excluded",
    "using",
    "variadic",
    "explain",
    "format",
    "analyze",
    "verbose",
    "settings",
    "buffers",
    "wal",
    "array_agg",
    "string_agg",
    "json_strip_nulls",
    "sum",
    "avg",
    "min",
    "max",
    "concat",
    "replace",
    "substr",
    "over",
    "row_number",
    "filter",
    "encode",
    "convert_to",
    "json_build_array",
    "n",
    "y",
    "__typename",
    "_health",
    "else",
    "to_json",
    "to_jsonb",
    "to_tsvector",
    "to_tsquery",
    "plainto_tsquery",
    "phraseto_tsquery",
    "websearch_to_tsquery",
    "regconfig",
    "auth",
    "exactly_one",
    "at_most",
    "x",
    "r",
    "k",
];
const SYMBOLS: &[&str] = &[
    "->>", "->", "-|-", "-1", "<>", "<<", ">>", "<@", "@>", "@@", "&&", "&<", "&>", ">=", "<=",
    "~*", "~", "::", "=>", "=", ">", "<", ",", ".", "*", "(", ")", "[1]",
];
const LITERALS: &[&str] = &[
    "'[]'",
    "'number'",
    "'affected'",
    "'records'",
    "'null'",
    "''",
    "E'\\n'",
    "E'[\",\\n\\r]'",
    "'\"\"'",
    "'\"'",
    "','",
    "', '",
    "'UTF8'",
    "'hex'",
];

/// Every name the catalog holds.
pub fn names(catalog: &Catalog) -> HashSet<String> {
    let mut names = HashSet::new();
    let rows = catalog
        .all_functions()
        .iter()
        .filter_map(|function| match &function.returns {
            Returns::Row(row) => Some(row.as_ref()),
            _ => None,
        });
    for relation in catalog.relations().iter().chain(rows) {
        names.insert(relation.schema.as_str().to_owned());
        names.insert(relation.name.as_str().to_owned());
        for column in &relation.columns {
            names.insert(column.name.as_str().to_owned());
            names.insert(column.data_type.schema.as_str().to_owned());
            names.insert(column.data_type.name.as_str().to_owned());
        }
    }
    // Those of a row are no functions a request calls; their names stand in SQL all the same.
    let of_rows = catalog.relations().iter().flat_map(|relation| {
        let own = relation.computed.iter().copied();
        let id = catalog.relation_id(Some(relation.schema.as_str()), relation.name.as_str());
        let ways = id.map_or(&[][..], |id| catalog.relationships(id)).iter();
        own.chain(ways.filter_map(|way| match way.kind {
            RelationshipKind::Computed { function, .. } => Some(function),
            _ => None,
        }))
    });
    let of_rows: Vec<_> = of_rows.filter_map(|id| catalog.function(id)).collect();
    for function in catalog.all_functions().iter().chain(of_rows) {
        names.insert(function.schema.as_str().to_owned());
        names.insert(function.name.as_str().to_owned());
        for argument in &function.arguments {
            names.extend(argument.name.as_ref().map(|name| name.as_str().to_owned()));
        }
    }
    for handler in catalog.handlers() {
        names.insert(handler.schema.as_str().to_owned());
        names.insert(handler.name.as_str().to_owned());
    }
    names.extend(
        catalog
            .type_names()
            .map(|name| name.name.as_str().to_owned()),
    );
    names
}

/// Says what is wrong with a statement, if anything is.
pub fn judge(statement: &Statement, names: &HashSet<String>) -> Result<(), String> {
    let (mut rest, mut depth, mut used) = (statement.sql.as_str(), 0_i32, HashSet::new());
    while let Some(c) = rest.chars().next() {
        let length = match c {
            ' ' => 1,
            'E' if rest.starts_with("E'") => literal(rest)?,
            'a'..='z' | '_' => word(rest)?,
            '0'..='9' => digits(rest),
            '"' => quoted_name(rest, names)?,
            '\'' => literal(rest)?,
            '$' => {
                let length = 1 + digits(&rest[1..]);
                used.insert(
                    rest[1..length]
                        .parse::<usize>()
                        .map_err(|_| "a $ without a number")?,
                );
                length
            }
            _ => SYMBOLS
                .iter()
                .find(|s| rest.starts_with(**s))
                .ok_or(format!("{c:?}"))?
                .len(),
        };
        depth += i32::from(c == '(') - i32::from(c == ')');
        if depth < 0 {
            return Err("a parenthesis too many".to_owned());
        }
        rest = &rest[length..];
    }
    let expected: HashSet<usize> = (1..=statement.params.len()).collect();
    if statement.params.iter().any(|param| param.contains('\0')) {
        return Err("a NUL in a parameter".to_owned());
    }
    match (depth, used == expected) {
        (0, true) => Ok(()),
        (0, false) => Err(format!("parameters {used:?} of {}", statement.params.len())),
        _ => Err("an open parenthesis".to_owned()),
    }
}

fn literal(text: &str) -> Result<usize, String> {
    let found = LITERALS.iter().find(|literal| text.starts_with(**literal));
    found
        .map(|literal| literal.len())
        .ok_or_else(|| "a literal of no one".to_owned())
}

fn digits(text: &str) -> usize {
    text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len()
}

fn word(text: &str) -> Result<usize, String> {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let length = text.len() - text.trim_start_matches(is_part).len();
    let found = &text[..length];
    // The parts of an insert in groups (x0), relations (t0, its junction t0j) and numbered values (c0).
    let numbered = found
        .strip_prefix(['x', 't', 'c'])
        .is_some_and(|n| n.strip_suffix('j').unwrap_or(n).parse::<u16>().is_ok());
    if WORDS.contains(&found) || numbered {
        Ok(length)
    } else {
        Err(format!("the word {found}"))
    }
}

fn quoted_name(text: &str, names: &HashSet<String>) -> Result<usize, String> {
    let (mut name, mut at) = (String::new(), 1);
    loop {
        let rest = &text[at..];
        let piece = rest.find('"').ok_or("an open quote")?;
        name.push_str(&rest[..piece]);
        at += piece + 1;
        if !text[at..].starts_with('"') {
            break;
        }
        name.push('"');
        at += 1;
    }
    if names.contains(&name) || name == "row as written" {
        Ok(at)
    } else {
        Err(format!("the name {name:?}"))
    }
}
