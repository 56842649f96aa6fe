/// What a SQLSTATE means to a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// 503: overloaded, shutting down, starting, locked, read-only.
    Unavailable,
    /// 503: ran longer than allowed.
    TimedOut,
    /// 403, or 401 for a visitor.
    NotAllowed,
    /// 403: an attempt to change who is asking.
    Sealed,
    /// 403: a sign-in that waits for its second factor.
    FactorNeeded,
    /// 401 without a credential.
    SignInFirst,
    /// 401.
    BadToken,
    /// 401.
    ExpiredToken,
    /// 401.
    RevokedToken,
    /// 409, unique.
    Duplicate,
    /// 409, foreign key.
    ForeignKey,
    /// 409, anything else that two writers can do to each other.
    Conflict,
    /// 400.
    NotNull,
    /// 400.
    Check,
    /// 400: text that is no number, a number out of range, an operator the type lacks.
    BadValue,
    /// 400: a trigger or function of the schema's author said no.
    Rejected,
    /// 400: a write of more rows than its request allowed.
    TooManyRows,
    /// 406: a write of none or several rows where one object was asked for.
    NotOneRow,
    /// As a function of the schema says in so many words, where the caller can read it; else 400.
    Told,
    /// The status that a function of the schema chose, 400 to 599.
    Chosen(u16),
    /// 404: dropped since the catalog was read.
    NoSuchTable,
    /// 405.
    NotWritable,
    /// 500: our mistake or the schema's.
    Ours,
    /// 500: ours, and not about the database.
    OursWithoutDatabase,
}

/// The closed table. What is not in it is a 500: an unknown condition must not look like the
/// caller's fault, and nothing of it reaches the caller.
#[must_use]
pub fn meaning(state: &str) -> Meaning {
    match state {
        // Ours (class FX).
        "FX001" | "FX004" => Meaning::BadToken,
        "FX002" => Meaning::ExpiredToken,
        "FX003" => Meaning::RevokedToken,
        "FX005" => Meaning::Sealed,
        "FX006" => Meaning::OursWithoutDatabase,
        "FX007" => Meaning::SignInFirst,
        "FX008" => Meaning::BadValue,
        "FX009" => Meaning::Unavailable,
        "FX010" => Meaning::FactorNeeded,
        "FX011" => Meaning::NotAllowed,
        "FX012" => Meaning::TooManyRows,
        "FX013" => Meaning::NotOneRow,

        // insufficient_privilege: no grant, or a policy's WITH CHECK.
        "42501" => Meaning::NotAllowed,

        // Integrity.
        "23502" => Meaning::NotNull,
        "23503" | "23001" => Meaning::ForeignKey,
        "23505" => Meaning::Duplicate,
        "23514" | "44000" => Meaning::Check,
        "23P01" => Meaning::Conflict,
        "23000" => Meaning::Rejected,

        // query_canceled: by the time limit, or by an operator.
        "57014" => Meaning::TimedOut,
        // lock_not_available, object_in_use, read_only_sql_transaction (a standby, or a read whose policy writes).
        "55P03" | "55006" | "25006" => Meaning::Unavailable,
        // object_not_in_prerequisite_state: a view without INSTEAD OF, a generated column.
        "55000" => Meaning::NotWritable,
        // serialization_failure, deadlock_detected.
        "40001" | "40P01" => Meaning::Conflict,

        // The schema changed under the statement.
        "42P01" | "3F000" => Meaning::NoSuchTable,
        "42703" => Meaning::BadValue,
        // name_too_long: our names are the catalog's, so it is one of those that ltree's values are made of.
        "42622" => Meaning::BadValue,
        // grouping_error: an order by what is not grouped.
        "42803" => Meaning::BadValue,
        // undefined_function, datatype_mismatch, cannot_coerce, ambiguous_function, indeterminate_datatype,
        // wrong_object_type, collation errors: an operator asked of a type that has none.
        "42883" | "42804" | "42846" | "42725" | "42P18" | "42809" | "42P21" | "42P22" => {
            Meaning::BadValue
        }
        // generated_always, invalid_column_reference (a conflict target without a unique index).
        "428C9" | "42P10" => Meaning::BadValue,
        // feature_not_supported, cardinality_violation (one row changed twice), statement_too_complex.
        "0A000" | "21000" | "54000" | "54001" | "54011" | "54023" => Meaning::BadValue,

        // raise_exception, assert_failure and the case where a function's author demands a row.
        "P0001" | "P0002" | "P0003" => Meaning::Rejected,
        // Two that authors of functions raise for the web: PT402 is the status 402.
        "PGRST" => Meaning::Told,

        _ => match state.get(..2) {
            // Data exceptions: every form of "this text is no such value".
            Some("22") => Meaning::BadValue,
            // Connection trouble, insufficient resources, operator intervention.
            Some("08" | "53" | "57") => Meaning::Unavailable,
            Some("PT") => chosen(state).map_or(Meaning::Ours, Meaning::Chosen),
            _ => Meaning::Ours,
        },
    }
}

fn chosen(state: &str) -> Option<u16> {
    let status = state.strip_prefix("PT")?.parse().ok()?;
    (400..600).contains(&status).then_some(status)
}
