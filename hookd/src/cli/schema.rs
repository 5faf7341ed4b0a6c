//! `hookd schema`: the JSON Schema of `hookd.toml`.

use std::io;

use super::{Exit, Output};
use crate::config::schema;

pub(super) fn run(output: &mut Output<'_>) -> io::Result<Exit> {
    serde_json::to_writer_pretty(&mut *output.out, &schema::of_file())?;
    writeln!(output.out)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::cli::Exit;
    use crate::cli::tests::hookd;

    #[test]
    fn prints_the_schema() {
        let (exit, out, err) = hookd(&["schema"]);
        assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
        let schema: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}
