use bytes::BytesMut;
use std::error::Error;
use std::fmt;
use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A parameter as text, whatever its type: PostgreSQL's own input function reads it, so a value
/// means the same here as in psql, and no type of the schema has to be known by the driver.
///
/// `Debug` shows the length only: the driver writes parameters to its debug log, and one of them
/// is the token.
pub struct Text<'a>(pub Option<&'a [u8]>);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("null"),
            Some(bytes) => write!(f, "({} bytes)", bytes.len()),
        }
    }
}

impl ToSql for Text<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let Some(bytes) = self.0 else {
            return Ok(IsNull::Yes);
        };
        out.extend_from_slice(bytes);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// A column's bytes as PostgreSQL sent them.
pub struct Raw<'a>(pub &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::Text;

    #[test]
    fn a_parameter_never_shows_its_value_in_a_log() {
        let shown = format!("{:?} {:?}", Text(Some(b"eyJ.secret.sig")), Text(None));
        assert_eq!(shown, "(14 bytes) null");
    }
}
