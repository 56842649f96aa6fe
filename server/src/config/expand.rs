use super::{ConfigError, Environment};

/// Replaces `${VAR}` and `${VAR:-default}` by environment variables; `$$` stands for `$`.
///
/// As in a shell, `:-` also replaces a variable that is set but empty. Any other `$` is refused
/// rather than kept: a password with a dollar sign would otherwise change its meaning the day
/// someone puts a brace behind it.
pub fn expand(name: &str, text: &str, environment: &Environment) -> Result<String, ConfigError> {
    let malformed = |why: &str| ConfigError::Malformed {
        name: name.to_owned(),
        origin: "fluxbase.yaml".to_owned(),
        why: why.to_owned(),
    };
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(next) = after.strip_prefix('$') {
            out.push('$');
            rest = next;
            continue;
        }
        let (inside, next) = after
            .strip_prefix('{')
            .and_then(|body| body.split_once('}'))
            .ok_or_else(|| malformed("write $$ for a dollar sign, or ${VARIABLE}"))?;
        let (variable, default) = match inside.split_once(":-") {
            Some((variable, default)) => (variable, Some(default)),
            None => (inside, None),
        };
        let well_formed = !variable.is_empty()
            && variable
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if !well_formed {
            return Err(malformed(
                "the name inside ${…} must be letters, digits and _",
            ));
        }
        let value = environment.get(variable);
        match (value, default) {
            (Some(""), Some(default)) | (None, Some(default)) => out.push_str(default),
            (Some(value), _) => out.push_str(value),
            (None, None) => {
                return Err(ConfigError::Unset {
                    name: name.to_owned(),
                    variable: variable.to_owned(),
                });
            }
        }
        rest = next;
    }
    out.push_str(rest);
    Ok(out)
}
