//! GraphQL requests as files: the document, and behind a line `---` the variables.

use std::collections::HashSet;
use std::path::PathBuf;
use std::rc::Rc;

use fluxbase_compiler::catalog::{Catalog, Role};
use fluxbase_compiler::graphql::{
    self, Code, Compiled, Options, Prepared, Refusal, Request, Schema,
};

/// A catalog with its schema.
pub struct Api {
    pub catalog: Catalog,
    pub schema: Schema,
    pub options: Options,
}

impl Api {
    /// Of the recorded database, both of its schemas.
    pub fn recorded() -> Self {
        Self::with(Options {
            schemas: vec!["public".to_owned(), "app".to_owned()],
            ..Options::default()
        })
    }

    /// Of the recorded database, with all rights.
    pub fn with(options: Options) -> Self {
        Self::of(options, Role::ServiceRole)
    }

    /// Of the recorded database, as one role sees it.
    pub fn of(options: Options, role: Role) -> Self {
        let catalog = super::catalog();
        let schema = Schema::build(&catalog, &options, role);
        Api {
            catalog,
            schema,
            options,
        }
    }

    pub fn compile(&self, request: &Request<'_>) -> Result<Compiled, Refusal> {
        graphql::compile(request, &self.catalog, &self.schema, &self.options)
    }

    /// Compiles a request as if it were the first to bring its document, then twice with the document kept.
    ///
    /// # Errors
    /// What is wrong with the outcome, if anything is: three that differ, or statements of what they may not consist of.
    pub fn judged(
        &self,
        request: &Request<'_>,
        names: &HashSet<String>,
    ) -> Result<Result<Compiled, Refusal>, String> {
        let fresh = self.compile(request);
        if let Ok(kept) = Prepared::read(request.query, &self.options) {
            for _ in 0..2 {
                let again = kept.compile(request, &self.catalog, &self.schema, &self.options);
                let again = again.map(Rc::unwrap_or_clone);
                if again != fresh {
                    return Err(format!("{again:?} is not {fresh:?}"));
                }
            }
        }
        for statement in fresh.iter().flat_map(|compiled| &compiled.statements) {
            super::tokens::judge(statement, names)
                .map_err(|problem| format!("{problem}: {}", statement.sql))?;
        }
        Ok(fresh)
    }

    /// A document without variables.
    pub fn query(&self, query: &str) -> Result<Compiled, Refusal> {
        self.compile(&Request::new(query))
    }

    /// A document with variables.
    pub fn variables(&self, query: &str, variables: &str) -> Result<Compiled, Refusal> {
        self.compile(&Request {
            variables: Some(variables),
            ..Request::new(query)
        })
    }

    /// The messages and codes of a refusal.
    pub fn refused(&self, query: &str) -> Vec<(Code, String)> {
        said(self.query(query))
    }
}

/// The messages and codes of a refusal.
pub fn said(result: Result<Compiled, Refusal>) -> Vec<(Code, String)> {
    let errors = result.err().map(|refusal| refusal.errors);
    errors
        .into_iter()
        .flatten()
        .map(|error| (error.code, error.message))
        .collect()
}

/// The files of the corpus with their names, in order.
pub fn corpus() -> Vec<(String, String, Option<String>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(super::tests().join("graphql/corpus"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        match text.split_once("\n---\n") {
            Some((query, variables)) => (name, query.to_owned(), Some(variables.to_owned())),
            None => (name, text, None),
        }
    };
    files.into_iter().map(read).collect()
}

/// Every name the catalog holds, and those the schema makes of them: both may stand in SQL.
pub fn names(api: &Api) -> HashSet<String> {
    let mut names = super::tokens::names(&api.catalog);
    names.extend(api.schema.field_names().map(str::to_owned));
    names
}
