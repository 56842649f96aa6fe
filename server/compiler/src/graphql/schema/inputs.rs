//! Arguments and input types: worked out from a table's fields.

use std::borrow::Cow;

use super::operators::{NO_ORDER, OPERATORS, Operator};
use super::{Act, EntityField, Field, Source, What, World};
use crate::graphql::types::{Named, Scalar, TypeRef};

/// An argument, or a field of an input type.
#[derive(Debug, Clone)]
pub(in crate::graphql) struct Input<'s> {
    pub(in crate::graphql) name: Cow<'s, str>,
    pub(in crate::graphql) ty: TypeRef,
    pub(in crate::graphql) used: InputUse,
    /// As the document would write it.
    pub(in crate::graphql) default: Option<&'static str>,
}

/// What takes a value under a name that is known already.
#[derive(Debug, Clone, Copy)]
pub(in crate::graphql) struct Taken {
    pub(in crate::graphql) ty: TypeRef,
    pub(in crate::graphql) used: InputUse,
    /// Whether there is a value for it where none is given.
    pub(in crate::graphql) has_default: bool,
}

/// What a value is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum InputUse {
    Filter,
    OrderBy,
    Limit,
    Offset,
    First,
    After,
    Last,
    Before,
    Data,
    OnConflict,
    /// A column of the primary key.
    Key(usize),
    /// `_and`
    And,
    /// `_or`
    Or,
    /// `_not`
    Not,
    /// A place among the table's fields, with an operator.
    Compare(usize, Operator),
    /// A place among the table's fields, whose rows are judged.
    Related(usize, Quantity),
    /// A place among the table's fields, to order by.
    Order(usize),
    /// A place among the table's fields, to give a value.
    Set(usize),
    /// A place among the function's arguments.
    Argument(usize),
    ConflictColumns,
    ConflictAction,
    /// Of introspection and of directives.
    Other,
}

/// How many related rows must satisfy a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Quantity {
    /// The one there is.
    One,
    Some,
    None,
    Every,
}

const QUANTITIES: [(&str, Quantity); 4] = [
    ("_some", Quantity::Some),
    ("_none", Quantity::None),
    ("_every", Quantity::Every),
    ("", Quantity::One),
];

const INT: TypeRef = TypeRef {
    named: Named::Scalar(Scalar::Int),
    lists: 0,
    non_null: 0,
};
const BOOLEAN: TypeRef = TypeRef {
    named: Named::Scalar(Scalar::Boolean),
    ..INT
};

const STRING: TypeRef = TypeRef {
    named: Named::Scalar(Scalar::String),
    ..INT
};

pub(super) fn input(name: &'static str, ty: TypeRef, used: InputUse) -> Input<'static> {
    Input {
        name: Cow::Borrowed(name),
        ty,
        used,
        default: None,
    }
}

impl<'s> World<'s> {
    /// What a field takes.
    pub(in crate::graphql) fn arguments(self, field: &Field<'s>) -> Vec<Input<'s>> {
        match field.what {
            What::Root(root) => self.root_arguments(root.act, root.entity),
            What::Member(member) => match (member.source, member.ty) {
                (
                    Source::Way(_),
                    TypeRef {
                        named: Named::Row(to),
                        lists: 1,
                        ..
                    },
                ) => self.root_arguments(Act::Collection, to),
                _ => Vec::new(),
            },
            What::Introspection if field.name == "__type" => {
                let name = Named::Scalar(Scalar::String).one().required();
                vec![input("name", name, InputUse::Other)]
            }
            What::Meta
                if matches!(field.name, "fields" | "enumValues" | "inputFields" | "args") =>
            {
                let mut argument = input("includeDeprecated", BOOLEAN, InputUse::Other);
                argument.default = Some("false");
                vec![argument]
            }
            _ => Vec::new(),
        }
    }

    fn root_arguments(self, act: Act, entity: usize) -> Vec<Input<'s>> {
        let filter = Named::Filter(entity).one();
        let data = Named::Input(entity).one().required();
        match act {
            Act::Collection => {
                let mut all = vec![input("filter", filter, InputUse::Filter)];
                if self.is_orderable(entity) {
                    let order = Named::OrderBy(entity).one().required().list();
                    all.push(input("orderBy", order, InputUse::OrderBy));
                }
                all.push(input("limit", INT, InputUse::Limit));
                all.push(input("offset", INT, InputUse::Offset));
                all
            }
            Act::Connection => {
                let mut all = vec![
                    input("first", INT, InputUse::First),
                    input("after", STRING, InputUse::After),
                    input("last", INT, InputUse::Last),
                    input("before", STRING, InputUse::Before),
                    input("filter", filter, InputUse::Filter),
                ];
                if self.is_orderable(entity) {
                    let order = Named::OrderBy(entity).one().required().list();
                    all.push(input("orderBy", order, InputUse::OrderBy));
                }
                all
            }
            Act::ByKey | Act::Delete => self.key(entity),
            Act::Insert | Act::InsertMany => {
                let many = act == Act::InsertMany;
                let data = if many { data.list().required() } else { data };
                let mut all = vec![input("data", data, InputUse::Data)];
                if self.has_key(entity) {
                    let conflict = Named::OnConflict(entity).one();
                    all.push(input("onConflict", conflict, InputUse::OnConflict));
                }
                all
            }
            Act::Update => {
                let mut all = self.key(entity);
                all.push(input("data", data, InputUse::Data));
                all
            }
            Act::UpdateMany => vec![
                input("filter", filter.required(), InputUse::Filter),
                input("data", data, InputUse::Data),
            ],
            Act::DeleteMany => vec![input("filter", filter.required(), InputUse::Filter)],
            Act::Call(place) => self.call_arguments(place),
        }
    }

    fn call_arguments(self, place: usize) -> Vec<Input<'s>> {
        let Some(called) = self.schema.functions.get(place) else {
            return Vec::new();
        };
        let own = called.arguments.iter().enumerate();
        let own = own.map(|(place, argument)| Input {
            name: Cow::Borrowed(argument.name.as_str()),
            ty: argument.ty,
            used: InputUse::Argument(place),
            default: None,
        });
        let mut all: Vec<Input<'s>> = own.collect();
        if let (Some(entity), 1..) = (called.entity, called.ty.lists) {
            all.extend(self.root_arguments(Act::Collection, entity));
        }
        all
    }

    /// Whether its rows have anything to order them by, beside rows of others.
    pub(in crate::graphql) fn is_orderable(self, entity: usize) -> bool {
        self.entity(entity).is_some_and(|found| found.orderable)
    }

    /// Whether any of its columns takes a value.
    pub(in crate::graphql) fn is_writable(self, entity: usize) -> bool {
        self.entity(entity).is_some_and(|found| {
            (0..found.fields.len())
                .any(|at| self.plain_field(Named::Input(entity), entity, at).is_some())
        })
    }

    /// Whether a row can be there already.
    pub(in crate::graphql) fn has_key(self, entity: usize) -> bool {
        let relation = self.entity(entity).and_then(|entity| self.relation(entity));
        relation.is_some_and(|relation| !relation.unique_keys.is_empty())
    }

    fn key(self, entity: usize) -> Vec<Input<'s>> {
        let Some(entity) = self.entity(entity) else {
            return Vec::new();
        };
        let fields = entity.key.iter().filter_map(|place| {
            let field = entity.fields.get(*place)?;
            Some(Input {
                name: Cow::Borrowed(field.name.as_str()),
                ty: field.ty.required(),
                used: InputUse::Key(*place),
                default: None,
            })
        });
        fields.collect()
    }

    /// The field of that name of an input type.
    pub(in crate::graphql) fn input_field(self, of: Named, name: &str) -> Option<Taken> {
        let found = match of {
            Named::Filter(place) => return self.filter_field(place, name),
            Named::OrderBy(place) | Named::Input(place) => {
                let entity = self.entity(place)?;
                let at = *entity.by_name.get(name)?;
                self.plain_field(of, place, at)?
            }
            Named::OnConflict(place) => {
                let mut fields = conflict_fields(place).into_iter();
                fields.find(|field| field.name == name)?
            }
            _ => return None,
        };
        Some(Taken {
            ty: found.ty,
            used: found.used,
            has_default: found.default.is_some(),
        })
    }

    /// All fields of an input type.
    pub(in crate::graphql) fn input_fields(self, of: Named) -> Vec<Input<'s>> {
        let place = match of {
            Named::Filter(place) | Named::OrderBy(place) | Named::Input(place) => place,
            Named::OnConflict(place) => return conflict_fields(place),
            _ => return Vec::new(),
        };
        let Some(entity) = self.entity(place) else {
            return Vec::new();
        };
        if let Named::Filter(_) = of {
            let own = entity.readable();
            let own = own.flat_map(|(at, field)| filters_of(at, field));
            let logic = LOGIC.into_iter().filter_map(|(name, used)| {
                let ty = logic_type(place, used)?;
                Some(input(name, ty, used))
            });
            return logic.chain(own).collect();
        }
        (0..entity.fields.len())
            .filter_map(|at| self.plain_field(of, place, at))
            .collect()
    }

    /// A field of an order or of an input, which go by the names of the table's own.
    fn plain_field(self, of: Named, place: usize, at: usize) -> Option<Input<'s>> {
        let entity = self.entity(place)?;
        let field = entity.fields.get(at)?;
        let (ty, used) = match (of, field.source) {
            (Named::OrderBy(_), _) if !field.readable => return None,
            (Named::OrderBy(_), Source::Way(_)) => match field.ty {
                TypeRef {
                    named: Named::Row(to),
                    lists: 0,
                    ..
                } if self.is_orderable(to) => (Named::OrderBy(to).one(), InputUse::Order(at)),
                _ => return None,
            },
            (Named::OrderBy(_), Source::Column(_) | Source::Computed(_))
                if field.operators != NO_ORDER =>
            {
                (Named::Direction(place).one(), InputUse::Order(at))
            }
            (Named::Input(_), Source::Column(_)) if field.writable => {
                (field.ty.nullable(), InputUse::Set(at))
            }
            _ => return None,
        };
        Some(Input {
            name: Cow::Borrowed(field.name.as_str()),
            ty,
            used,
            default: None,
        })
    }

    fn filter_field(self, place: usize, name: &str) -> Option<Taken> {
        let taken = |(ty, used)| Taken {
            ty,
            used,
            has_default: false,
        };
        if let Some((_, used)) = LOGIC.iter().find(|(known, _)| *known == name) {
            return Some(taken((logic_type(place, *used)?, *used)));
        }
        let entity = self.entity(place)?;
        let filter = |(suffix, test): (&str, Test)| {
            let at = *entity.by_name.get(name.strip_suffix(suffix)?)?;
            let field = entity.fields.get(at).filter(|field| field.readable)?;
            filter_of(at, field, test)
        };
        tests().find_map(filter).map(taken)
    }
}

fn conflict_fields(place: usize) -> Vec<Input<'static>> {
    let columns = Named::Column(place).one().required().list();
    let mut action = input(
        "action",
        Named::ConflictAction.one(),
        InputUse::ConflictAction,
    );
    action.default = Some("UPDATE");
    vec![input("columns", columns, InputUse::ConflictColumns), action]
}

/// What every filter has.
const LOGIC: [(&str, InputUse); 3] = [
    ("_and", InputUse::And),
    ("_or", InputUse::Or),
    ("_not", InputUse::Not),
];

fn logic_type(place: usize, used: InputUse) -> Option<TypeRef> {
    let filter = Named::Filter(place).one();
    match used {
        InputUse::And | InputUse::Or => Some(filter.required().list()),
        InputUse::Not => Some(filter),
        _ => None,
    }
}

/// What a filter asks of a field.
#[derive(Clone, Copy)]
enum Test {
    Operator(Operator),
    Quantity(Quantity),
}

/// All there are, with what stands behind the field's name.
fn tests() -> impl Iterator<Item = (&'static str, Test)> {
    let operators = OPERATORS.iter();
    let quantities = QUANTITIES.iter();
    operators
        .map(|(suffix, operator)| (*suffix, Test::Operator(*operator)))
        .chain(quantities.map(|(suffix, quantity)| (*suffix, Test::Quantity(*quantity))))
}

/// What that takes of a field, if it can be asked of it.
fn filter_of(at: usize, field: &EntityField, test: Test) -> Option<(TypeRef, InputUse)> {
    let row = match (field.source, field.ty.named) {
        (Source::Way(_), Named::Row(to)) => Some(to),
        _ => None,
    };
    match (test, row) {
        (Test::Quantity(quantity), Some(to)) => {
            let of_one = quantity == Quantity::One;
            let filter = Named::Filter(to).one();
            (of_one == (field.ty.lists == 0)).then_some((filter, InputUse::Related(at, quantity)))
        }
        (Test::Operator(operator), None) if field.operators.contains(&operator) => {
            let own = field.ty.nullable();
            let ty = match operator {
                Operator::IsNull => BOOLEAN,
                Operator::In => own.required().list(),
                Operator::Is(_) => own,
            };
            Some((ty, InputUse::Compare(at, operator)))
        }
        _ => None,
    }
}

/// What a filter has because the table has this field.
fn filters_of(at: usize, field: &EntityField) -> impl Iterator<Item = Input<'_>> {
    tests().filter_map(move |(suffix, test)| {
        let (ty, used) = filter_of(at, field, test)?;
        Some(Input {
            name: Cow::Owned(format!("{}{suffix}", field.name.as_str())),
            ty,
            used,
            default: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Catalog, CatalogJson, Role};
    use crate::graphql::{Options, Schema};

    #[test]
    fn every_field_that_is_shown_is_found_by_its_name() {
        let json = CatalogJson {
            schemas: include_str!("../../../tests/catalog/schemas.json"),
            relations: include_str!("../../../tests/catalog/relations.json"),
            foreign_keys: include_str!("../../../tests/catalog/foreign_keys.json"),
            types: include_str!("../../../tests/catalog/types.json"),
            functions: include_str!("../../../tests/catalog/functions.json"),
            views: include_str!("../../../tests/catalog/views.json"),
            handlers: include_str!("../../../tests/catalog/handlers.json"),
        };
        let catalog = Catalog::from_json(1, &json).unwrap();
        let options = Options {
            schemas: vec!["public".to_owned(), "app".to_owned()],
            ..Options::default()
        };
        for role in [Role::ServiceRole, Role::Anon] {
            let schema = Schema::build(&catalog, &options, role);
            let world = World {
                catalog: &catalog,
                schema: &schema,
                options: &options,
            };
            let mut found = 0;
            for named in world.all_types() {
                for shown in world.input_fields(named) {
                    let taken = world.input_field(named, &shown.name).unwrap();
                    assert_eq!(
                        (taken.ty, taken.used),
                        (shown.ty, shown.used),
                        "{}",
                        shown.name
                    );
                    assert_eq!(taken.has_default, shown.default.is_some(), "{}", shown.name);
                    assert!(
                        world
                            .input_field(named, &format!("{}_", shown.name))
                            .is_none()
                    );
                    found += 1;
                }
                for value in world.values(named) {
                    assert!(world.has_value(named, value), "{value}");
                    assert!(!world.has_value(named, &format!("{value}_")), "{value}");
                }
            }
            assert!(found > 0);
        }
    }
}
