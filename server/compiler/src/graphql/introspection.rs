//! `__schema` and `__type`, answered from the schema alone: JSON that is finished, no statement.

use super::coerce::Given;
use super::error::{Code, Problem};
use super::schema::{self, Field, Input, What, World};
use super::select::{Merged, Operation, Sets};
use super::types::{Meta, Named, Scalar, TypeKind, TypeRef};
use crate::json::write_string;

/// The answer at most. The query every tool sends takes about 40 kB for each table.
const MAX_BYTES: usize = 32 << 20;

/// What a set of fields may be asked of.
#[derive(Clone, Copy)]
enum Node<'n> {
    Schema,
    Type(TypeRef),
    Field(Field<'n>),
    Input(&'n Input<'n>),
    Value(&'n str),
    Directive(&'static str),
}

/// Answers one of the two fields.
pub(super) fn answer<'c, 'd>(
    operation: &Operation<'c, 'd>,
    merged: &Merged<'c, 'd>,
    found: &Field<'c>,
) -> Result<String, Problem> {
    let mut writer = Writer {
        operation,
        text: String::new(),
    };
    let sets = merged.sets();
    if found.name == "__schema" {
        writer.object(Node::Schema, sets)?;
        return Ok(writer.text);
    }
    let given = super::arguments::read(operation, found, merged.field)?;
    let named = given.iter().find_map(|(_, value)| match value.as_ref() {
        Given::Text(name) => operation.world.named(name),
        _ => None,
    });
    match named.filter(|named| operation.world.is_shown(*named)) {
        Some(named) => writer.object(Node::Type(named.one()), sets)?,
        None => writer.text.push_str("null"),
    }
    Ok(writer.text)
}

struct Writer<'w, 'c, 'd> {
    operation: &'w Operation<'c, 'd>,
    text: String,
}

impl<'c, 'd> Writer<'_, 'c, 'd> {
    fn object(&mut self, node: Node<'_>, sets: Sets<'_, 'c, 'd>) -> Result<(), Problem> {
        let on = match node {
            Node::Schema => Meta::Schema,
            Node::Type(_) => Meta::Type,
            Node::Field(_) => Meta::Field,
            Node::Input(_) => Meta::InputValue,
            Node::Value(_) => Meta::EnumValue,
            Node::Directive(_) => Meta::Directive,
        };
        self.text.push('{');
        for (place, merged) in self
            .operation
            .collect(sets, Named::Meta(on))?
            .iter()
            .enumerate()
        {
            self.text.push_str(if place > 0 { "," } else { "" });
            self.string(merged.key);
            self.text.push(':');
            let below = merged.sets();
            match (node, merged.field.name.text) {
                (_, "__typename") => self.string(on.name()),
                (Node::Schema, name) => self.schema(name, below)?,
                (Node::Type(ty), name) => self.ty(ty, name, below)?,
                (Node::Field(own), name) => self.field(&own, name, below)?,
                (Node::Input(input), name) => self.input(input, name, below)?,
                (Node::Value(value), "name") => self.string(value),
                (Node::Directive(own), name) => self.directive(own, name, below)?,
                (Node::Value(_), name) => self.common(name),
            }
        }
        self.text.push('}');
        if self.text.len() > MAX_BYTES {
            let message = format!("the answer to introspection is longer than {MAX_BYTES} bytes");
            let at = super::document::Pos(0);
            return Err(Problem::new(Code::ComplexityLimit, message, at).nowhere());
        }
        Ok(())
    }

    /// Nothing is deprecated, and what has no description has none.
    fn common(&mut self, name: &str) {
        self.text.push_str(if name == "isDeprecated" {
            "false"
        } else {
            "null"
        });
    }

    fn schema(&mut self, name: &str, sets: Sets<'_, 'c, 'd>) -> Result<(), Problem> {
        let world = self.operation.world;
        match name {
            "types" => {
                let all = world.all_types();
                self.list(all.into_iter().map(|named| Node::Type(named.one())), sets)
            }
            "queryType" => self.object(Node::Type(Named::Query.one()), sets),
            "mutationType" if world.has_mutations() => {
                self.object(Node::Type(Named::Mutation.one()), sets)
            }
            "directives" => self.list(schema::DIRECTIVES.into_iter().map(Node::Directive), sets),
            other => {
                self.common(other);
                Ok(())
            }
        }
    }

    fn ty(&mut self, ty: TypeRef, name: &str, sets: Sets<'_, 'c, 'd>) -> Result<(), Problem> {
        let world = self.operation.world;
        let inner = match (ty.is_required(), ty.item()) {
            (true, _) => Some(("NON_NULL", ty.nullable())),
            (false, Some(item)) => Some(("LIST", item)),
            (false, None) => None,
        };
        if let Some((kind, inner)) = inner {
            match name {
                "kind" => self.string(kind),
                "ofType" => self.object(Node::Type(inner), sets)?,
                other => self.common(other),
            }
            return Ok(());
        }
        let kind = ty.named.kind();
        match name {
            "kind" => self.string(match kind {
                TypeKind::Scalar => "SCALAR",
                TypeKind::Object => "OBJECT",
                TypeKind::Enum => "ENUM",
                TypeKind::Input => "INPUT_OBJECT",
            }),
            "name" => self.string(&world.name_of(ty.named)),
            "description" => match described(world, ty.named) {
                Some(text) => self.string(text),
                None => self.common(name),
            },
            "fields" if kind == TypeKind::Object => {
                let fields = world.fields(ty.named);
                self.list(fields.into_iter().map(Node::Field), sets)?;
            }
            "interfaces" if kind == TypeKind::Object => self.text.push_str("[]"),
            "inputFields" if kind == TypeKind::Input => {
                let inputs = world.input_fields(ty.named);
                self.list(inputs.iter().map(Node::Input), sets)?;
            }
            "enumValues" if kind == TypeKind::Enum => {
                self.list(world.values(ty.named).into_iter().map(Node::Value), sets)?;
            }
            other => self.common(other),
        }
        Ok(())
    }

    fn field(
        &mut self,
        field: &Field<'_>,
        name: &str,
        sets: Sets<'_, 'c, 'd>,
    ) -> Result<(), Problem> {
        let world = self.operation.world;
        match name {
            "name" => self.string(field.name),
            "description" => {
                let text = match field.what {
                    What::Member(member) => member.description.as_deref(),
                    What::Root(root) if matches!(root.act, schema::Act::Call(_)) => world
                        .called(root)
                        .and_then(|called| called.description.as_deref()),
                    What::Root(root) => world
                        .entity(root.entity)
                        .and_then(|entity| entity.description.as_deref()),
                    _ => None,
                };
                match text {
                    Some(text) => self.string(text),
                    None => self.common(name),
                }
            }
            "args" => {
                let inputs = world.arguments(field);
                self.list(inputs.iter().map(Node::Input), sets)?;
            }
            "type" => self.object(Node::Type(field.ty), sets)?,
            other => self.common(other),
        }
        Ok(())
    }

    fn input(
        &mut self,
        input: &Input<'_>,
        name: &str,
        sets: Sets<'_, 'c, 'd>,
    ) -> Result<(), Problem> {
        match (name, input.default) {
            ("name", _) => self.string(&input.name),
            ("type", _) => self.object(Node::Type(input.ty), sets)?,
            ("defaultValue", Some(default)) => self.string(default),
            (other, _) => self.common(other),
        }
        Ok(())
    }

    fn directive(&mut self, own: &str, name: &str, sets: Sets<'_, 'c, 'd>) -> Result<(), Problem> {
        let Some((locations, inputs)) = schema::directive(own) else {
            self.common(name);
            return Ok(());
        };
        match name {
            "name" => self.string(own),
            "isRepeatable" => self.text.push_str("false"),
            "locations" => {
                self.text.push('[');
                for (place, location) in locations.iter().enumerate() {
                    self.text.push_str(if place > 0 { "," } else { "" });
                    self.string(location);
                }
                self.text.push(']');
            }
            "args" => self.list(inputs.iter().map(Node::Input), sets)?,
            other => self.common(other),
        }
        Ok(())
    }

    fn list<'n>(
        &mut self,
        nodes: impl Iterator<Item = Node<'n>>,
        sets: Sets<'_, 'c, 'd>,
    ) -> Result<(), Problem> {
        self.text.push('[');
        for (place, node) in nodes.enumerate() {
            self.text.push_str(if place > 0 { "," } else { "" });
            self.object(node, sets)?;
        }
        self.text.push(']');
        Ok(())
    }

    fn string(&mut self, text: &str) {
        write_string(&mut self.text, text);
    }
}

fn described<'n>(world: World<'n>, named: Named) -> Option<&'n str> {
    match named {
        Named::Row(place) => world.entity(place)?.description.as_deref(),
        Named::Scalar(scalar) => Scalar::description(scalar),
        _ => None,
    }
}
