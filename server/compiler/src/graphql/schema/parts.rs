//! The types of a connection: a page of rows that goes by cursors, and what is known of all rows.

use super::{EntityField, Field, Source, What, World, operators};
use crate::graphql::types::{Named, Scalar, TypeRef};

const STRING: TypeRef = TypeRef {
    named: Named::Scalar(Scalar::String),
    lists: 0,
    non_null: 0,
};

fn part(name: &'static str, ty: TypeRef) -> Field<'static> {
    Field {
        name,
        ty,
        what: What::Part,
    }
}

impl<'s> World<'s> {
    /// The fields of a type that belongs to a connection.
    pub(in crate::graphql) fn parts(self, of: Named) -> Vec<Field<'s>> {
        let boolean = Named::Scalar(Scalar::Boolean).one().required();
        let int = Named::Scalar(Scalar::Int).one().required();
        match of {
            Named::Connection(place) => vec![
                part(
                    "edges",
                    Named::Edge(place).one().required().list().required(),
                ),
                part("pageInfo", Named::PageInfo.one().required()),
                part("totalCount", int),
                part("aggregate", Named::Aggregate(place).one().required()),
            ],
            Named::Edge(place) => vec![
                part("cursor", STRING.required()),
                part("node", Named::Row(place).one().required()),
            ],
            Named::PageInfo => vec![
                part("hasNextPage", boolean),
                part("hasPreviousPage", boolean),
                part("startCursor", STRING),
                part("endCursor", STRING),
            ],
            Named::Aggregate(place) => {
                let mut all = vec![part("count", int)];
                for (names, named) in [
                    (["sum", "avg"], Named::Numbers(place)),
                    (["min", "max"], Named::Bounds(place)),
                ] {
                    if !self.parts(named).is_empty() {
                        all.extend(names.map(|name| part(name, named.one().required())));
                    }
                }
                all
            }
            Named::Numbers(place) => {
                self.members(place, is_number, |_| Named::Scalar(Scalar::Float).one())
            }
            Named::Bounds(place) => self.members(place, is_bounded, |field| field.ty.nullable()),
            _ => Vec::new(),
        }
    }

    /// Whether its rows have cursors: only a key tells two of them apart for certain.
    pub(in crate::graphql) fn has_pages(self, place: usize) -> bool {
        self.entity(place)
            .is_some_and(|entity| !entity.key.is_empty())
    }

    fn members(
        self,
        place: usize,
        which: fn(&EntityField) -> bool,
        ty: fn(&EntityField) -> TypeRef,
    ) -> Vec<Field<'s>> {
        let entity = self.entity(place);
        let fields = entity.into_iter().flat_map(|entity| entity.readable());
        fields
            .map(|(_, field)| field)
            .filter(|field| matches!(field.source, Source::Column(_)) && which(field))
            .map(|field| Field {
                name: field.name.as_str(),
                ty: ty(field),
                what: What::Member(field),
            })
            .collect()
    }
}

fn is_number(field: &EntityField) -> bool {
    let number = matches!(
        field.ty.named,
        Named::Scalar(Scalar::Int | Scalar::Float | Scalar::BigInt)
    );
    field.ty.lists == 0 && number
}

/// What `min()` and `max()` take in every version of PostgreSQL.
fn is_bounded(field: &EntityField) -> bool {
    let ordered = [operators::ORDERED, operators::TEXT].contains(&field.operators);
    field.ty.lists == 0 && ordered
}
