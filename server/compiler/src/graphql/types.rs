//! Types as GraphQL has them.

/// A type by its name. Those of a table are told by the table's place in the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Named {
    Scalar(Scalar),
    /// An enum of the database.
    Enum(usize),
    /// The rows of a table.
    Row(usize),
    Filter(usize),
    OrderBy(usize),
    Direction(usize),
    Input(usize),
    /// The names of its columns.
    Column(usize),
    OnConflict(usize),
    ConflictAction,
    Connection(usize),
    Edge(usize),
    PageInfo,
    Aggregate(usize),
    /// Of its numbers: what they amount to.
    Numbers(usize),
    /// Of what has an order: the least and the largest.
    Bounds(usize),
    Query,
    Mutation,
    Meta(Meta),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scalar {
    Int,
    Float,
    String,
    Boolean,
    BigInt,
    Uuid,
    DateTime,
    Json,
}

/// Types of introspection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Meta {
    Schema,
    Type,
    Field,
    InputValue,
    EnumValue,
    Directive,
    TypeKind,
    DirectiveLocation,
}

impl Scalar {
    pub(super) const ALL: [Scalar; 8] = [
        Scalar::Int,
        Scalar::Float,
        Scalar::String,
        Scalar::Boolean,
        Scalar::BigInt,
        Scalar::Uuid,
        Scalar::DateTime,
        Scalar::Json,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Scalar::Int => "Int",
            Scalar::Float => "Float",
            Scalar::String => "String",
            Scalar::Boolean => "Boolean",
            Scalar::BigInt => "BigInt",
            Scalar::Uuid => "UUID",
            Scalar::DateTime => "DateTime",
            Scalar::Json => "JSON",
        }
    }

    pub(super) fn description(self) -> Option<&'static str> {
        match self {
            Scalar::BigInt => Some("A whole number of 64 bits, as a string of digits."),
            Scalar::Uuid => Some("A UUID, as a string."),
            Scalar::DateTime => Some("A date, a time or both, as a string as ISO 8601 has it."),
            Scalar::Json => Some("Any JSON."),
            _ => None,
        }
    }
}

impl Meta {
    pub(super) const ALL: [Meta; 8] = [
        Meta::Schema,
        Meta::Type,
        Meta::Field,
        Meta::InputValue,
        Meta::EnumValue,
        Meta::Directive,
        Meta::TypeKind,
        Meta::DirectiveLocation,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Meta::Schema => "__Schema",
            Meta::Type => "__Type",
            Meta::Field => "__Field",
            Meta::InputValue => "__InputValue",
            Meta::EnumValue => "__EnumValue",
            Meta::Directive => "__Directive",
            Meta::TypeKind => "__TypeKind",
            Meta::DirectiveLocation => "__DirectiveLocation",
        }
    }
}

/// The kinds introspection tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TypeKind {
    Scalar,
    Object,
    Enum,
    Input,
}

impl Named {
    /// The place of the table it belongs to.
    pub(super) fn table(self) -> Option<usize> {
        match self {
            Named::Row(place)
            | Named::Filter(place)
            | Named::OrderBy(place)
            | Named::Direction(place)
            | Named::Input(place)
            | Named::Column(place)
            | Named::OnConflict(place)
            | Named::Connection(place)
            | Named::Edge(place)
            | Named::Aggregate(place)
            | Named::Numbers(place)
            | Named::Bounds(place) => Some(place),
            Named::Scalar(_)
            | Named::Enum(_)
            | Named::ConflictAction
            | Named::PageInfo
            | Named::Query
            | Named::Mutation
            | Named::Meta(_) => None,
        }
    }

    pub(super) fn kind(self) -> TypeKind {
        match self {
            Named::Scalar(_) => TypeKind::Scalar,
            Named::Enum(_)
            | Named::Direction(_)
            | Named::Column(_)
            | Named::ConflictAction
            | Named::Meta(Meta::TypeKind | Meta::DirectiveLocation) => TypeKind::Enum,
            Named::Filter(_) | Named::OrderBy(_) | Named::Input(_) | Named::OnConflict(_) => {
                TypeKind::Input
            }
            Named::Connection(_)
            | Named::Edge(_)
            | Named::PageInfo
            | Named::Aggregate(_)
            | Named::Numbers(_)
            | Named::Bounds(_)
            | Named::Row(_)
            | Named::Query
            | Named::Mutation
            | Named::Meta(_) => TypeKind::Object,
        }
    }

    /// Whether a field of it has fields.
    pub(super) fn is_object(self) -> bool {
        self.kind() == TypeKind::Object
    }

    /// Whether a variable can be of it.
    pub(super) fn is_input(self) -> bool {
        !self.is_object()
    }

    pub(super) fn one(self) -> TypeRef {
        TypeRef {
            named: self,
            lists: 0,
            non_null: 0,
        }
    }
}

/// A type with the lists around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeRef {
    pub(super) named: Named,
    /// How many lists.
    pub(super) lists: u8,
    /// Bit 0 is the outermost list, the bit behind the innermost list the named type.
    pub(super) non_null: u32,
}

impl TypeRef {
    pub(super) fn required(self) -> Self {
        TypeRef {
            non_null: self.non_null | 1,
            ..self
        }
    }

    pub(super) fn nullable(self) -> Self {
        TypeRef {
            non_null: self.non_null & !1,
            ..self
        }
    }

    pub(super) fn list(self) -> Self {
        TypeRef {
            lists: self.lists + 1,
            non_null: self.non_null << 1,
            ..self
        }
    }

    pub(super) fn is_required(self) -> bool {
        self.non_null & 1 == 1
    }

    /// What the outermost list holds.
    pub(super) fn item(self) -> Option<Self> {
        Some(TypeRef {
            lists: self.lists.checked_sub(1)?,
            non_null: self.non_null >> 1,
            ..self
        })
    }

    /// Whether what is of this type may stand where that one is wanted.
    pub(super) fn fits(self, wanted: TypeRef) -> bool {
        let mask = (1_u32 << (u32::from(wanted.lists) + 1)) - 1;
        self.named == wanted.named
            && self.lists == wanted.lists
            && wanted.non_null & mask & !self.non_null == 0
    }

    /// `[Posts!]!`
    pub(super) fn written(self, name: &str) -> String {
        let mut text = String::new();
        for _ in 0..self.lists {
            text.push('[');
        }
        text.push_str(name);
        for level in (0..=u32::from(self.lists)).rev() {
            if self.non_null >> level & 1 == 1 {
                text.push('!');
            }
            if level > 0 {
                text.push(']');
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_written_as_they_are_read() {
        let int = Named::Scalar(Scalar::Int).one();
        assert_eq!(int.written("Int"), "Int");
        assert_eq!(int.required().list().written("Int"), "[Int!]");
        assert_eq!(int.list().required().written("Int"), "[Int]!");
        let both = int.required().list().required();
        assert_eq!(both.written("Int"), "[Int!]!");
        assert_eq!(
            both.item().map(|item| item.written("Int")).as_deref(),
            Some("Int!")
        );
    }

    #[test]
    fn only_the_stricter_type_fits() {
        let int = Named::Scalar(Scalar::Int).one();
        assert!(int.required().fits(int) && !int.fits(int.required()));
        assert!(int.required().list().fits(int.list()) && !int.list().fits(int.required().list()));
        assert!(!int.fits(int.list()) && !int.list().fits(int));
    }
}
