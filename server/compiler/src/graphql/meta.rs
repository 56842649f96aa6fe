//! The types of introspection, as the specification gives them.

use super::schema::{Field, What};
use super::types::{Meta, Named, Scalar, TypeRef};

const fn of(named: Named) -> TypeRef {
    TypeRef {
        named,
        lists: 0,
        non_null: 0,
    }
}

/// `T!`
const fn one(named: Named) -> TypeRef {
    TypeRef {
        non_null: 1,
        ..of(named)
    }
}

/// `[T!]!`
const fn all(named: Named) -> TypeRef {
    TypeRef {
        lists: 1,
        non_null: 0b11,
        ..of(named)
    }
}

/// `[T!]`
const fn some(named: Named) -> TypeRef {
    TypeRef {
        lists: 1,
        non_null: 0b10,
        ..of(named)
    }
}

const fn field(name: &'static str, ty: TypeRef) -> Field<'static> {
    Field {
        name,
        ty,
        what: What::Meta,
    }
}

const STRING: Named = Named::Scalar(Scalar::String);
const BOOLEAN: Named = Named::Scalar(Scalar::Boolean);
const TYPE: Named = Named::Meta(Meta::Type);

const SCHEMA: &[Field<'static>] = &[
    field("description", of(STRING)),
    field("types", all(TYPE)),
    field("queryType", one(TYPE)),
    field("mutationType", of(TYPE)),
    field("subscriptionType", of(TYPE)),
    field("directives", all(Named::Meta(Meta::Directive))),
];
const TYPES: &[Field<'static>] = &[
    field("kind", one(Named::Meta(Meta::TypeKind))),
    field("name", of(STRING)),
    field("description", of(STRING)),
    field("specifiedByURL", of(STRING)),
    field("fields", some(Named::Meta(Meta::Field))),
    field("interfaces", some(TYPE)),
    field("possibleTypes", some(TYPE)),
    field("enumValues", some(Named::Meta(Meta::EnumValue))),
    field("inputFields", some(Named::Meta(Meta::InputValue))),
    field("ofType", of(TYPE)),
];
const FIELD: &[Field<'static>] = &[
    field("name", one(STRING)),
    field("description", of(STRING)),
    field("args", all(Named::Meta(Meta::InputValue))),
    field("type", one(TYPE)),
    field("isDeprecated", one(BOOLEAN)),
    field("deprecationReason", of(STRING)),
];
const INPUT_VALUE: &[Field<'static>] = &[
    field("name", one(STRING)),
    field("description", of(STRING)),
    field("type", one(TYPE)),
    field("defaultValue", of(STRING)),
    field("isDeprecated", one(BOOLEAN)),
    field("deprecationReason", of(STRING)),
];
const ENUM_VALUE: &[Field<'static>] = &[
    field("name", one(STRING)),
    field("description", of(STRING)),
    field("isDeprecated", one(BOOLEAN)),
    field("deprecationReason", of(STRING)),
];
const DIRECTIVE: &[Field<'static>] = &[
    field("name", one(STRING)),
    field("description", of(STRING)),
    field("isRepeatable", one(BOOLEAN)),
    field("locations", all(Named::Meta(Meta::DirectiveLocation))),
    field("args", all(Named::Meta(Meta::InputValue))),
];

/// The fields of one of them.
pub(super) fn fields(meta: Meta) -> &'static [Field<'static>] {
    match meta {
        Meta::Schema => SCHEMA,
        Meta::Type => TYPES,
        Meta::Field => FIELD,
        Meta::InputValue => INPUT_VALUE,
        Meta::EnumValue => ENUM_VALUE,
        Meta::Directive => DIRECTIVE,
        Meta::TypeKind | Meta::DirectiveLocation => &[],
    }
}

/// The field of that name.
pub(super) fn field_of(meta: Meta, name: &str) -> Option<Field<'static>> {
    fields(meta)
        .iter()
        .find(|field| field.name == name)
        .copied()
}

/// The values of its enums.
pub(super) fn values(meta: Meta) -> &'static [&'static str] {
    match meta {
        Meta::TypeKind => &[
            "SCALAR",
            "OBJECT",
            "INTERFACE",
            "UNION",
            "ENUM",
            "INPUT_OBJECT",
            "LIST",
            "NON_NULL",
        ],
        Meta::DirectiveLocation => &[
            "QUERY",
            "MUTATION",
            "SUBSCRIPTION",
            "FIELD",
            "FRAGMENT_DEFINITION",
            "FRAGMENT_SPREAD",
            "INLINE_FRAGMENT",
            "VARIABLE_DEFINITION",
            "SCHEMA",
            "SCALAR",
            "OBJECT",
            "FIELD_DEFINITION",
            "ARGUMENT_DEFINITION",
            "INTERFACE",
            "UNION",
            "ENUM",
            "ENUM_VALUE",
            "INPUT_OBJECT",
            "INPUT_FIELD_DEFINITION",
        ],
        _ => &[],
    }
}
