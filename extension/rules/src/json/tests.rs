use super::*;

fn number(text: &str) -> String {
    match level(parse(text).unwrap()) {
        Ok(Level::Number(digits)) => digits.to_owned(),
        other => panic!("{text}: {other:?}"),
    }
}

/// A double has 17 digits and ends at 1.8e308; jsonb holds 131,072 digits before the point.
#[test]
fn a_number_is_its_text() {
    let long = format!("{}.{}", "9".repeat(400), "1".repeat(400));
    for text in [
        "0",
        "-0",
        "1.10",
        "1e400",
        "-1E-400",
        "123456789012345678901234567890",
        &long,
    ] {
        assert_eq!(number(text), text);
        assert_eq!(number(&format!(" \n{text}\t")), text);
    }
    for text in ["01", "1.", ".5", "+1", "0x1", "NaN", "1e", "--1", "1 2"] {
        assert!(
            matches!(parse(text), Err(JsonFault::Syntax)),
            "{text} is no number"
        );
    }
}

#[test]
fn a_claim_beyond_a_double_is_no_integer() {
    let read = |text: &str| {
        let mut seen = None;
        let json = format!(r#"{{"n":{text}}}"#);
        walk(json.as_bytes(), |_, value| match value {
            Value::Integer(integer) => seen = Some(Ok(integer)),
            Value::Float(float) => seen = Some(Err(float)),
            other => panic!("{text}: {other:?}"),
        })
        .unwrap();
        seen.unwrap()
    };
    assert_eq!(read("9223372036854775807"), Ok(i64::MAX));
    assert_eq!(read("-0"), Ok(0));
    assert_eq!(read("1.5"), Err(1.5));
    assert_eq!(read("1e400"), Err(f64::INFINITY));
    assert_eq!(read("-1e400"), Err(f64::NEG_INFINITY));
    assert_eq!(read("1e-400"), Err(0.0));
}

/// What PostgreSQL refuses as jsonb must not get that far: `auth.jwt()` is one.
#[test]
fn a_number_jsonb_cannot_hold_is_refused() {
    let read = |number: &str| check(format!(r#"{{"a":[{{"n":{number}}}]}}"#).as_bytes()).map(drop);
    for number in [
        "1e131072",
        "10E131071",
        "-12.5e+131071",
        "0.01e131074",
        "1e-16384",
        "0.1E-16383",
        "0e-16384",
        "0e1073741823",
        "1e99999999999999999999",
        "1e-99999999999999999999",
        &format!("0.{}", "1".repeat(16_384)),
        &"9".repeat(131_073),
    ] {
        assert_eq!(read(number), Err(JsonFault::Number), "{number}");
    }
    for number in [
        "1e131071",
        "-9.99E131071",
        "0.01e131073",
        "0.0e131074",
        "0e1073741822",
        "1e-16383",
        "0.1E-16382",
        "1e+0000400",
        "0.00",
        "-0",
        &format!("0.{}", "1".repeat(16_383)),
        &"9".repeat(131_072),
    ] {
        assert_eq!(read(number), Ok(()), "{number}");
    }
}

/// Names that serde_json gives a meaning of its own where it reads into its `Value`.
#[test]
fn names_of_the_library_are_names_like_any_other() {
    for name in [
        "$serde_json::private::Number",
        "$serde_json::private::RawValue",
    ] {
        let json = format!(r#"{{"{name}":"1"}}"#);
        match level(parse(&json).unwrap()).unwrap() {
            Level::Members(members) => {
                assert_eq!(members.len(), 1);
                assert_eq!((&*members[0].0, members[0].1.get()), (name, "\"1\""));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(walk(json.as_bytes(), |_, _| ()), Ok(json.as_str()));
    }
}

#[test]
fn an_object_that_will_stand_in_another_has_a_level_less() {
    let nested = |levels: usize| {
        format!(
            r#"{{"a":{}{}}}"#,
            "[".repeat(levels - 1),
            "]".repeat(levels - 1)
        )
    };
    let (fits, does_not) = (nested(MAX_DEPTH), nested(MAX_DEPTH + 1));
    assert!(walk(fits.as_bytes(), |_, _| ()).is_ok());
    assert_eq!(
        walk(does_not.as_bytes(), |_, _| ()),
        Err(JsonFault::TooDeep)
    );
    let (fits, does_not) = (nested(MAX_DEPTH - 1), nested(MAX_DEPTH));
    assert!(sound_object(&fits, 2).is_ok());
    assert_eq!(sound_object(&does_not, 2), Err(JsonFault::TooDeep));
}
