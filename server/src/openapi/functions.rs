//! Functions: a path for each name, of all overloads that the role may execute.

use super::{Mount, Parts, View, names, operation, values};
use fluxbase_compiler::catalog::{
    Argument, ArgumentMode, Catalog, DEFAULT_SCHEMA, Function, Privilege, Relation, Returns,
    Volatility,
};
use serde_json::{Map, Value, json};

pub(super) fn describe(catalog: &Catalog, view: &View, parts: &mut Parts) {
    let seen = |function: &&Function| {
        let named = |argument: &Argument| argument.name.is_some() || argument.has_default;
        view.mount.has(function.schema.as_str())
            && function.may(view.role)
            // Procedures are not called.
            && !function.procedure
            && (sole(function).is_some() || function.arguments.iter().all(named))
    };
    let all: Vec<&Function> = catalog.all_functions().iter().filter(seen).collect();
    // Ordered by schema and name: overloads are neighbours.
    let same =
        |one: &&Function, other: &&Function| one.schema == other.schema && one.name == other.name;
    for overloads in all.chunk_by(same) {
        let Some(first) = overloads.first() else {
            continue;
        };
        let named = Named {
            catalog,
            view,
            overloads,
            component: names::components(&[first.schema.as_str(), first.name.as_str()]),
        };
        let path = named.path(first);
        parts.operation(&path, "post", named.post());
        // What reads only can be asked for in an address.
        let by_address = |function: &&Function| {
            function.volatility != Volatility::Volatile && sole(function).is_none()
        };
        if view.mount != Mount::Fluxbase
            && let Some(function) = overloads.iter().copied().find(by_address)
        {
            parts.operation(&path, "get", named.get(function));
        }
    }
}

/// The one argument without a name that the whole body is.
fn sole(function: &Function) -> Option<&Argument> {
    match function.arguments.as_slice() {
        [argument] if argument.name.is_none() => {
            let own = argument.data_type.schema.as_str() == "pg_catalog";
            let whole = ["bytea", "json", "jsonb", "text", "xml"];
            (own && whole.contains(&argument.data_type.name.as_str())).then_some(argument)
        }
        _ => None,
    }
}

/// All functions of one name.
struct Named<'a> {
    catalog: &'a Catalog,
    view: &'a View,
    overloads: &'a [&'a Function],
    component: String,
}

impl Named<'_> {
    fn path(&self, function: &Function) -> String {
        let (schema, name) = (
            function.schema.as_str(),
            names::segment(function.name.as_str()),
        );
        match self.view.mount {
            Mount::PostgRest { .. } => format!("/rest/v1/rpc/{name}"),
            Mount::Fluxbase if schema == DEFAULT_SCHEMA => format!("/api/v1/rpc/default/{name}"),
            Mount::Fluxbase => format!("/api/v1/rpc/{}/{name}", names::segment(schema)),
        }
    }

    fn operation(&self, verb: &str) -> Map<String, Value> {
        let comment = self
            .overloads
            .iter()
            .find_map(|function| function.comment.as_deref());
        operation("functions", format!("{verb}.{}", self.component), comment)
    }

    fn post(&self) -> Value {
        let mut post = self.operation("call");
        let mut content = Map::new();
        let mut objects = Vec::new();
        for function in self.overloads {
            match sole(function).map(|argument| argument.data_type.name.as_str()) {
                None => objects.push(self.arguments(function)),
                Some("text" | "xml") => {
                    content.insert("text/plain".into(), json!({"schema": {"type": "string"}}));
                }
                Some("bytea") => {
                    content.insert("application/octet-stream".into(), json!({}));
                }
                Some(_) => objects.push(json!({})),
            }
        }
        let objects = match self.view.mount {
            Mount::PostgRest { .. } => one_of(objects),
            Mount::Fluxbase => one_of(objects).map(|params| {
                json!({"type": "object", "properties": {"params": params, "async": {"const": false}}})
            }),
        };
        if let Some(schema) = objects {
            content.insert("application/json".into(), json!({"schema": schema}));
        }
        post.insert("requestBody".into(), json!({"content": content}));
        let results = self
            .overloads
            .iter()
            .map(|function| self.result(function))
            .collect();
        let result = one_of(results).unwrap_or_default();
        let void = self
            .overloads
            .iter()
            .any(|function| function.returns == Returns::Void);
        let answers = match self.view.mount {
            Mount::Fluxbase => answers(
                Some(json!({
                    "type": "object",
                    "properties": {
                        "execution_id": {"type": "string"}, "status": {"type": "string"}, "result": result,
                        "rows_returned": {"type": "integer"}, "duration_ms": {"type": "number"},
                    },
                })),
                false,
            ),
            Mount::PostgRest { .. } => answers(Some(result), void),
        };
        post.insert("responses".into(), answers);
        post.into()
    }

    fn get(&self, function: &Function) -> Value {
        let mut get = self.operation("callGet");
        let parameters: Vec<Value> = function
            .arguments
            .iter()
            .filter_map(|argument| {
                let name = argument.name.as_ref()?.as_str();
                Some(json!({
                    "name": name, "in": "query", "required": needed(argument),
                    "schema": values::text(self.catalog, &argument.data_type, argument.class),
                }))
            })
            .collect();
        get.insert("parameters".into(), parameters.into());
        let void = function.returns == Returns::Void;
        get.insert(
            "responses".into(),
            answers(Some(self.result(function)), void),
        );
        get.into()
    }

    /// Arguments as an object.
    fn arguments(&self, function: &Function) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for argument in &function.arguments {
            let Some(name) = &argument.name else {
                continue;
            };
            let schema = values::value(self.catalog, &argument.data_type, argument.class, true);
            properties.insert(name.as_str().into(), schema);
            if needed(argument) {
                required.push(name.as_str());
            }
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if let (Some(schema), false) = (schema.as_object_mut(), required.is_empty()) {
            schema.insert("required".into(), json!(required));
        }
        schema
    }

    fn result(&self, function: &Function) -> Value {
        let one = match &function.returns {
            Returns::Void => json!({"type": "null"}),
            Returns::Scalar { data_type, class } => {
                values::value(self.catalog, data_type, *class, true)
            }
            Returns::Relation(id) => match self.catalog.get(*id) {
                Some(relation) => self.relation(relation),
                None => json!({"type": "object"}),
            },
            Returns::Row(row) => self.row(row),
            Returns::Record => json!({"type": "object"}),
        };
        if function.set {
            json!({"type": "array", "items": one})
        } else {
            one
        }
    }

    /// Rows that a function returns have all columns, whatever was granted on the relation.
    fn relation(&self, relation: &Relation) -> Value {
        let role = self.view.role;
        let alike = self.view.mount.has(relation.schema.as_str())
            && relation
                .columns
                .iter()
                .all(|column| column.may(role, Privilege::Select));
        if alike && relation.may(role, Privilege::Select) {
            names::schema(&names::components(&[
                relation.schema.as_str(),
                relation.name.as_str(),
                "row",
            ]))
        } else {
            self.row(relation)
        }
    }

    fn row(&self, row: &Relation) -> Value {
        let properties: Map<String, Value> = row
            .columns
            .iter()
            .map(|column| {
                let schema = values::value(self.catalog, &column.data_type, column.class, true);
                (column.name.as_str().to_owned(), schema)
            })
            .collect();
        json!({"type": "object", "properties": properties})
    }
}

fn needed(argument: &Argument) -> bool {
    !argument.has_default && argument.mode != ArgumentMode::Variadic
}

/// Of several schemas, any.
fn one_of(mut schemas: Vec<Value>) -> Option<Value> {
    match schemas.len() {
        0 | 1 => schemas.pop(),
        _ => Some(json!({"anyOf": schemas})),
    }
}

fn answers(schema: Option<Value>, void: bool) -> Value {
    let mut all = Map::new();
    if let Some(schema) = schema {
        let answer = json!({
            "description": "What the function returned",
            "content": {"application/json": {"schema": schema}},
        });
        all.insert("200".into(), answer);
    }
    if void {
        all.insert("204".into(), json!({"description": "Done"}));
    }
    all.insert("default".into(), names::response("refused"));
    all.into()
}
