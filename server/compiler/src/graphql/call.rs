//! Functions: root fields whose arguments become one JSON object.

use std::borrow::Cow;

use super::arguments::{self, Arguments};
use super::error::Problem;
use super::schema::{Called, InputUse};
use super::select::{Merged, Operation};
use crate::ask::{self, Body, Call, Filter, Group, Read, Rows, Select, TableName};
use crate::json::write_string;

/// The function and what it is asked.
pub(super) fn ask<'c, 'd>(
    operation: &Operation<'c, 'd>,
    called: &'c Called,
    merged: &Merged<'c, 'd>,
    given: &Arguments<'c>,
) -> Result<(TableName<'c>, Call<'c>), Problem> {
    let mut read = match called.entity {
        Some(place) => Read::of(operation.select(place, merged.sets())?),
        None => Read::of(vec![Select::All]),
    };
    if called.ty.lists == 0 && called.entity.is_some() {
        read.rows = Rows::Where(Filter::Present);
    }
    if let Some(place) = called.entity {
        arguments::page(operation, place, given, &mut read, merged.field.at)?;
    }
    let (mut columns, mut json) = (Vec::new(), String::from("{"));
    for (used, value) in given {
        let InputUse::Argument(place) = used else {
            continue;
        };
        let Some(argument) = called.arguments.get(*place) else {
            continue;
        };
        json.push_str(if columns.is_empty() { "" } else { "," });
        write_string(&mut json, argument.own.as_str());
        json.push(':');
        value.write_json(&mut json);
        columns.push(Cow::Borrowed(argument.own.as_str()));
    }
    json.push('}');
    let name = TableName {
        schema: Some(Cow::Borrowed(called.schema.as_str())),
        name: Cow::Borrowed(called.name.as_str()),
    };
    let call = Call {
        arguments: ask::Arguments::Json(Group {
            columns,
            json: Body::Text(Cow::Owned(json)),
        }),
        read,
        read_only: called.reads,
        answer: true,
        cast: called.cast.map(Cow::Borrowed),
    };
    Ok((name, call))
}
