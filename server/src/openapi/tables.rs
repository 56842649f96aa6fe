//! Tables and views: a path for each, and an operation for each verb that was granted.

use super::{Mount, Parts, View, names, operation, values};
use fluxbase_compiler::catalog::{
    Catalog, Column, DEFAULT_SCHEMA, Privilege, Relation, RelationId, RelationshipKind,
};
use serde_json::{Map, Value, json};

/// Names in a query string that mean no column.
const TAKEN: [&str; 12] = [
    "select",
    "order",
    "limit",
    "offset",
    "and",
    "or",
    "columns",
    "on_conflict",
    "group_by",
    "cursor",
    "cursor_column",
    "truncate",
];

pub(super) fn describe(catalog: &Catalog, view: &View, parts: &mut Parts) {
    for relation in catalog.relations() {
        if view.mount.has(relation.schema.as_str()) {
            Table::new(catalog, view, relation).describe(parts);
        }
    }
}

/// Parameters that every table has.
pub(super) fn parameters(mount: &Mount) -> Map<String, Value> {
    let query = |name: &str, description: &str| json!({"name": name, "in": "query", "description": description, "schema": {"type": "string"}});
    let number = |name: &str, description: &str| {
        json!({"name": name, "in": "query", "description": description,
               "schema": {"type": "integer", "minimum": 0}})
    };
    let header = |name: &str, description: &str| json!({"name": name, "in": "header", "description": description, "schema": {"type": "string"}});
    let mut all = vec![
        ("select", query("select", "Columns and related rows")),
        (
            "order",
            query(
                "order",
                "What rows are ordered by, as in `title.desc.nullslast,id`",
            ),
        ),
        ("limit", number("limit", "How many rows at most")),
        ("offset", number("offset", "How many rows are skipped")),
        (
            "or",
            query(
                "or",
                "Conditions of which one must hold, as in `(a.eq.1,b.gt.2)`",
            ),
        ),
        ("and", query("and", "Conditions that must all hold")),
        (
            "columns",
            query("columns", "Columns that are taken from the body"),
        ),
        (
            "on_conflict",
            query(
                "on_conflict",
                "Columns of the key that tells whether a row is there already",
            ),
        ),
        (
            "prefer-read",
            header("Prefer", "`count=exact`, `planned` or `estimated`"),
        ),
        (
            "prefer-write",
            header(
                "Prefer",
                "`return=representation`, `minimal` or `headers-only`; `resolution=merge-duplicates` or `ignore-duplicates`; `missing=default`",
            ),
        ),
    ];
    if *mount != Mount::Fluxbase {
        all.push((
            "range",
            header("Range", "The first and the last row, as in `0-9`"),
        ));
    }
    all.into_iter()
        .map(|(name, parameter)| (name.to_owned(), parameter))
        .collect()
}

/// One of them, as one role sees it.
struct Table<'a> {
    catalog: &'a Catalog,
    view: &'a View,
    relation: &'a Relation,
    /// Its name among the components.
    component: String,
}

impl<'a> Table<'a> {
    fn new(catalog: &'a Catalog, view: &'a View, relation: &'a Relation) -> Self {
        let component = names::components(&[relation.schema.as_str(), relation.name.as_str()]);
        Self {
            catalog,
            view,
            relation,
            component,
        }
    }

    fn may(&self, privilege: Privilege) -> bool {
        let works = match privilege {
            Privilege::Select => true,
            Privilege::Insert => self.relation.insertable,
            Privilege::Update => self.relation.updatable,
            Privilege::Delete => self.relation.deletable,
        };
        works && self.relation.may(self.view.role, privilege)
    }

    fn describe(&self, parts: &mut Parts) {
        let all = [
            Privilege::Select,
            Privilege::Insert,
            Privilege::Update,
            Privilege::Delete,
        ];
        if !all.into_iter().any(|privilege| self.may(privilege)) {
            return;
        }
        self.schemas(parts);
        let path = self.path();
        let filters = self.filters(parts);
        let with_filters = |names: &[&str]| -> Vec<Value> {
            let common = names.iter().map(|name| names::parameter(name));
            filters.iter().cloned().chain(common).collect()
        };
        if self.may(Privilege::Select) {
            let mut wanted = vec![
                "select",
                "order",
                "limit",
                "offset",
                "or",
                "and",
                "prefer-read",
            ];
            if self.view.mount != Mount::Fluxbase {
                wanted.push("range");
            }
            parts.operation(&path, "get", self.read(with_filters(&wanted)));
            if self.view.mount == Mount::Fluxbase {
                parts.operation(&format!("{path}/query"), "post", self.query());
            }
        }
        // There, a POST to a path of this end reads another table.
        let shadowed = self.view.mount == Mount::Fluxbase
            && self.relation.schema.as_str() != DEFAULT_SCHEMA
            && self.relation.name.as_str() == "query";
        if self.may(Privilege::Insert) && !shadowed {
            parts.operation(&path, "post", self.insert());
        }
        let narrowed = with_filters(&["select", "or", "and", "prefer-write"]);
        if self.may(Privilege::Update) {
            parts.operation(&path, "patch", self.update("patch", narrowed.clone()));
        }
        if self.may(Privilege::Delete) {
            parts.operation(&path, "delete", self.delete("delete", narrowed.clone()));
        }
        let keyed = !self.relation.primary_key.is_empty();
        if self.view.mount == Mount::Fluxbase {
            self.row(parts);
        } else if keyed && self.may(Privilege::Insert) && self.may(Privilege::Update) {
            parts.operation(&path, "put", self.update("put", narrowed));
        }
    }

    /// One row by its key, below `/api/v1`.
    fn row(&self, parts: &mut Parts) {
        let [key] = self.relation.primary_key.as_slice() else {
            return;
        };
        let Some(key) = self.relation.columns.get(*key) else {
            return;
        };
        if !key.may(self.view.role, Privilege::Select) {
            return;
        }
        let (schema, name) = (self.relation.schema.as_str(), self.relation.name.as_str());
        let path = format!(
            "/api/v1/tables/{}/{}/{{id}}",
            names::segment(schema),
            names::segment(name)
        );
        let id = json!({
            "name": "id", "in": "path", "required": true,
            "description": format!("The value of {}", key.name.as_str()),
            "schema": values::text(self.catalog, &key.data_type, key.class),
        });
        let mut any = false;
        if self.may(Privilege::Select) {
            any = true;
            let mut get = self.operation("getRow");
            get.insert("parameters".into(), json!([names::parameter("select")]));
            get.insert(
                "responses".into(),
                self.answers(&[("200", Some(self.row_schema()))]),
            );
            parts.operation(&path, "get", get.into());
        }
        let parameters = || vec![names::parameter("select"), names::parameter("prefer-write")];
        if self.may(Privilege::Update) {
            any = true;
            for (method, id) in [("put", "putRow"), ("patch", "patchRow")] {
                let mut update = self.operation(id);
                update.insert("parameters".into(), parameters().into());
                update.insert(
                    "requestBody".into(),
                    body(names::schema(&self.named("update"))),
                );
                update.insert(
                    "responses".into(),
                    self.answers(&[("200", Some(self.row_schema()))]),
                );
                parts.operation(&path, method, update.into());
            }
        }
        if self.may(Privilege::Delete) {
            any = true;
            let mut delete = self.operation("deleteRow");
            delete.insert("responses".into(), self.answers(&[("204", None)]));
            parts.operation(&path, "delete", delete.into());
        }
        if any {
            parts.path_parameters(&path, json!([id]));
        }
    }

    fn path(&self) -> String {
        let name = names::segment(self.relation.name.as_str());
        let schema = self.relation.schema.as_str();
        match self.view.mount {
            Mount::PostgRest { .. } => format!("/rest/v1/{name}"),
            Mount::Fluxbase if schema == DEFAULT_SCHEMA => format!("/api/v1/tables/{name}"),
            Mount::Fluxbase => format!("/api/v1/tables/{}/{name}", names::segment(schema)),
        }
    }

    fn named(&self, part: &str) -> String {
        format!("{}.{part}", self.component)
    }

    fn row_schema(&self) -> Value {
        names::schema(&self.named("row"))
    }

    fn rows_schema(&self) -> Value {
        json!({"type": "array", "items": self.row_schema()})
    }

    fn operation(&self, verb: &str) -> Map<String, Value> {
        let id = format!("{verb}.{}", self.component);
        operation("tables", id, self.relation.comment.as_deref())
    }

    /// What a row looks like that is read, added, changed.
    fn schemas(&self, parts: &mut Parts) {
        let ways = self.ways();
        for (part, privilege) in [
            ("row", Privilege::Select),
            ("insert", Privilege::Insert),
            ("update", Privilege::Update),
        ] {
            // Writes answer with rows, of which those who may not read get none.
            if part != "row" && !self.may(privilege) {
                continue;
            }
            let mut properties = Map::new();
            let mut required = Vec::new();
            for (place, column) in self.relation.columns.iter().enumerate() {
                let granted = column.may(self.view.role, privilege);
                if !granted || part != "row" && !column.writable() {
                    continue;
                }
                let schema = values::value(
                    self.catalog,
                    &column.data_type,
                    column.class,
                    column.nullable,
                );
                let note = self.note(place, column, &ways);
                properties.insert(column.name.as_str().into(), values::described(schema, note));
                if part == "insert" && !column.nullable && !column.has_default {
                    required.push(column.name.as_str());
                }
            }
            let mut schema = json!({"type": "object", "properties": properties});
            if let Some(schema) = schema.as_object_mut() {
                if !required.is_empty() {
                    schema.insert("required".into(), json!(required));
                }
                if let Some(comment) = self.relation.comment.as_deref() {
                    schema.insert("description".into(), comment.into());
                }
            }
            parts.schemas.insert(self.named(part), schema);
        }
    }

    /// Where single columns lead: place here, relation and column there.
    fn ways(&self) -> Vec<(usize, &'a Relation, &'a Column)> {
        let (schema, name) = (self.relation.schema.as_str(), self.relation.name.as_str());
        let Some(id) = self.catalog.relation_id(Some(schema), name) else {
            return Vec::new();
        };
        let far = |to: RelationId, column: usize| {
            let relation = self.catalog.get(to)?;
            let column = relation.columns.get(column)?;
            // Names of what the role may not see are no part of what it may see.
            let seen = column.may(self.view.role, Privilege::Select);
            seen.then_some((relation, column))
        };
        self.catalog
            .relationships(id)
            .iter()
            .filter_map(|way| match &way.kind {
                RelationshipKind::ToOne { columns } => match columns.as_slice() {
                    [(near, there)] => {
                        let (relation, column) = far(way.to, *there)?;
                        Some((*near, relation, column))
                    }
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// The comment of a column and its part in keys, in the words that tools for PostgREST look for.
    fn note(
        &self,
        place: usize,
        column: &Column,
        ways: &[(usize, &Relation, &Column)],
    ) -> Option<String> {
        let mut notes: Vec<String> = column.comment.iter().map(ToString::to_string).collect();
        if self.relation.primary_key.contains(&place) {
            notes.push("Note:\nThis is a Primary Key.<pk/>".to_owned());
        }
        for (_, relation, far) in ways.iter().filter(|(near, ..)| *near == place) {
            let (table, column) = (relation.name.as_str(), far.name.as_str());
            notes.push(format!(
                "Note:\nThis is a Foreign Key to `{table}.{column}`.<fk table='{table}' column='{column}'/>"
            ));
        }
        (!notes.is_empty()).then(|| notes.join("\n\n"))
    }

    /// A condition on each column that may be read: one that may not cannot be compared either.
    fn filters(&self, parts: &mut Parts) -> Vec<Value> {
        let mut filters = Vec::new();
        for column in &self.relation.columns {
            let name = column.name.as_str();
            if TAKEN.contains(&name) || !column.may(self.view.role, Privilege::Select) {
                continue;
            }
            let component = self.named(&names::components(&[name]));
            filters.push(names::parameter(&component));
            let parameter = json!({
                "name": name, "in": "query", "schema": {"type": "string"},
                "description": "A condition, as in `eq.1`",
            });
            parts.parameters.insert(component, parameter);
        }
        filters
    }

    fn read(&self, parameters: Vec<Value>) -> Value {
        let mut read = self.operation("get");
        read.insert("parameters".into(), parameters.into());
        let rows = || Some(self.rows_schema());
        let answers = match self.view.mount {
            Mount::Fluxbase => self.answers(&[("200", rows())]),
            Mount::PostgRest { .. } => self.answers(&[("200", rows()), ("206", rows())]),
        };
        read.insert("responses".into(), answers);
        read.into()
    }

    /// The same with the question in the body.
    fn query(&self) -> Value {
        let mut query = self.operation("query");
        query.insert("requestBody".into(), body(json!({"type": "object"})));
        query.insert(
            "responses".into(),
            self.answers(&[("200", Some(self.rows_schema()))]),
        );
        query.into()
    }

    fn insert(&self) -> Value {
        let mut insert = self.operation("post");
        let parameters: Vec<Value> = ["select", "columns", "on_conflict", "prefer-write"]
            .into_iter()
            .map(names::parameter)
            .collect();
        insert.insert("parameters".into(), parameters.into());
        let row = || names::schema(&self.named("insert"));
        let one_or_many = json!({"oneOf": [row(), {"type": "array", "items": row()}]});
        let body = json!({
            "required": true,
            "content": {
                "application/json": {"schema": one_or_many},
                "application/x-www-form-urlencoded": {"schema": row()},
                "text/csv": {"schema": {"type": "string"}},
            },
        });
        insert.insert("requestBody".into(), body);
        let answer = match self.view.mount {
            Mount::Fluxbase => json!({"oneOf": [self.row_schema(), self.rows_schema()]}),
            Mount::PostgRest { .. } => self.rows_schema(),
        };
        // With resolution=ignore-duplicates 200, when nothing was new.
        let answers = self.answers(&[("200", Some(self.rows_schema())), ("201", Some(answer))]);
        insert.insert("responses".into(), answers);
        insert.into()
    }

    fn update(&self, verb: &str, parameters: Vec<Value>) -> Value {
        let mut update = self.operation(verb);
        update.insert("parameters".into(), parameters.into());
        update.insert(
            "requestBody".into(),
            body(names::schema(&self.named("update"))),
        );
        update.insert("responses".into(), self.written(self.rows_schema()));
        update.into()
    }

    fn delete(&self, verb: &str, parameters: Vec<Value>) -> Value {
        let mut delete = self.operation(verb);
        delete.insert("parameters".into(), parameters.into());
        let answer = match self.view.mount {
            Mount::Fluxbase => json!({
                "type": "object",
                "properties": {"affected": {"type": "integer"}, "records": self.rows_schema()},
            }),
            Mount::PostgRest { .. } => self.rows_schema(),
        };
        delete.insert("responses".into(), self.written(answer));
        delete.into()
    }

    fn written(&self, rows: Value) -> Value {
        match self.view.mount {
            Mount::Fluxbase => self.answers(&[("200", Some(rows))]),
            Mount::PostgRest { .. } => self.answers(&[("200", Some(rows)), ("204", None)]),
        }
    }

    /// Answers by status.
    fn answers(&self, answers: &[(&str, Option<Value>)]) -> Value {
        let mut all = Map::new();
        for (status, schema) in answers {
            let answer = match schema {
                None => json!({"description": "Done"}),
                Some(schema) => json!({
                    "description": "Rows",
                    "content": {"application/json": {"schema": schema}},
                }),
            };
            all.insert((*status).to_owned(), answer);
        }
        all.insert("default".into(), names::response("refused"));
        all.into()
    }
}

/// A body that must be there.
fn body(schema: Value) -> Value {
    json!({"required": true, "content": {"application/json": {"schema": schema}}})
}
