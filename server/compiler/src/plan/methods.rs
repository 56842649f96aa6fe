//! Which methods a table or a function takes, whoever asks: for `Allow` (RFC 9110 section 10.2.1). Whether the caller may
//! use them, PostgreSQL says.

use super::{call, names};
use crate::Error;
use crate::ask::{Arguments, TableName};
use crate::catalog::{Catalog, Volatility};

/// Those of a table or view.
///
/// # Errors
/// When there is none of that name.
pub fn of_table(catalog: &Catalog, name: &TableName<'_>) -> Result<Vec<&'static str>, Error> {
    let relation = names::relation(catalog, name)?;
    let keyed = relation.insertable && relation.updatable && !relation.primary_key.is_empty();
    let written = [
        ("POST", relation.insertable),
        ("PUT", keyed),
        ("PATCH", relation.updatable),
        ("DELETE", relation.deletable),
    ];
    let written = written.into_iter().filter(|(_, works)| *works);
    let read = ["OPTIONS", "GET", "HEAD"].into_iter();
    Ok(read.chain(written.map(|(method, _)| method)).collect())
}

/// Those of a function; one that may write is for POST alone.
///
/// # Errors
/// When there is none of that name.
pub fn of_function(catalog: &Catalog, name: &TableName<'_>) -> Result<Vec<&'static str>, Error> {
    let mut overloads = catalog
        .functions(name.schema.as_deref(), &name.name)
        .filter(|one| !one.procedure)
        .peekable();
    if overloads.peek().is_none() {
        return Err(call::unknown(catalog, name, &Arguments::Named(Vec::new())));
    }
    Ok(
        if overloads.all(|one| one.volatility == Volatility::Volatile) {
            vec!["OPTIONS", "POST"]
        } else {
            vec!["OPTIONS", "GET", "HEAD", "POST"]
        },
    )
}
