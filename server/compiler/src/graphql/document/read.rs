//! Text → [`Document`], by apollo-parser. Its tree keeps every blank; what is taken over from it are names, numbers and
//! where they stand.

use std::borrow::Cow;

use apollo_parser::cst::{self, CstNode};
use apollo_parser::{Lexer, Parser, SyntaxNode, TokenKind};

use super::{
    Argument, Directive, Document, Field, Fragment, Inline, Kind, Name, Operation, Pos, Selection,
    Spread, Type, Value, Variable, What,
};
use crate::graphql::error::{Code, Problem};
use crate::graphql::limits::Limits;

/// Blanks, commas and comments are no tokens to the grammar, but each costs the parser the same.
const IGNORED_PER_TOKEN: usize = 4;

/// Braces, brackets and types inside each other. The parser calls itself for each.
const MAX_NESTING: usize = 200;

/// Lists around the type of a variable.
const MAX_LISTS: u8 = 30;

/// Reads a document that is short enough.
pub(in crate::graphql) fn read<'d>(
    text: &'d str,
    limits: &Limits,
) -> Result<Document<'d>, Problem> {
    count_tokens(text, limits)?;
    let tree = Parser::new(text)
        .recursion_limit(MAX_NESTING)
        .token_limit(text.len().saturating_add(2))
        .parse();
    if let Some(error) = tree.errors().next() {
        let at = Pos(error.index());
        return Err(if error.is_limit() {
            Problem::new(
                Code::ParseFailed,
                format!("the document is nested more than {MAX_NESTING} levels deep"),
                at,
            )
        } else {
            syntax(error.message(), at)
        });
    }
    Reader { text }
        .document(&tree.document())
        .ok_or_else(|| syntax("the document is not complete", Pos(text.len())))?
}

/// The first thing done to a document: it costs one look at each byte, and ends at the limit.
fn count_tokens(text: &str, limits: &Limits) -> Result<(), Problem> {
    let refuse = |at: usize| {
        Err(Problem::new(
            Code::ParseFailed,
            format!("the document has more than {} tokens", limits.max_tokens),
            Pos(at),
        ))
    };
    let (mut tokens, mut ignored) = (0, 0);
    for token in Lexer::new(text).flatten() {
        match token.kind() {
            TokenKind::Whitespace | TokenKind::Comment | TokenKind::Comma => ignored += 1,
            TokenKind::Eof => break,
            _ => tokens += 1,
        }
        if tokens > limits.max_tokens || ignored > limits.max_tokens * IGNORED_PER_TOKEN {
            return refuse(token.index());
        }
    }
    Ok(())
}

fn syntax(message: &str, at: Pos) -> Problem {
    Problem::new(Code::ParseFailed, format!("syntax error: {message}"), at)
}

/// The tree knows of each part that it may be missing. After a parse without errors none is, so `None` from any of these
/// means only that the parser is not what it was.
struct Reader<'d> {
    text: &'d str,
}

impl<'d> Reader<'d> {
    fn at(node: &SyntaxNode) -> Pos {
        // A node's own blanks come behind it; only the first of a document can begin with some.
        let first = node
            .descendants_with_tokens()
            .filter_map(apollo_parser::SyntaxElement::into_token)
            .find(|token| {
                !matches!(
                    token.kind(),
                    apollo_parser::SyntaxKind::WHITESPACE
                        | apollo_parser::SyntaxKind::COMMENT
                        | apollo_parser::SyntaxKind::COMMA
                )
            });
        let start = first.map_or_else(
            || node.text_range().start(),
            |token| token.text_range().start(),
        );
        Pos(start.into())
    }

    /// The text of a node's first token.
    fn token(&self, node: &SyntaxNode) -> Option<&'d str> {
        let range = node.first_token()?.text_range();
        self.text.get(range.start().into()..range.end().into())
    }

    fn name(&self, name: Option<cst::Name>) -> Option<Name<'d>> {
        let node = name?;
        Some(Name {
            text: self.token(node.syntax())?,
            at: Self::at(node.syntax()),
        })
    }

    fn document(&self, tree: &cst::Document) -> Option<Result<Document<'d>, Problem>> {
        let mut document = Document::default();
        for definition in tree.definitions() {
            match definition {
                cst::Definition::OperationDefinition(node) => {
                    document.operations.push(self.operation(&node)?);
                }
                cst::Definition::FragmentDefinition(node) => {
                    let fragment = self.fragment(&node)?;
                    let place = document.fragments.len();
                    document.by_name.entry(fragment.name.text).or_insert(place);
                    document.fragments.push(fragment);
                }
                other => document.not_executable.push(Self::at(other.syntax())),
            }
        }
        for operation in &document.operations {
            let too_many = operation
                .variables
                .iter()
                .find(|variable| variable.ty.lists > MAX_LISTS);
            if let Some(variable) = too_many {
                return Some(Err(syntax("too many lists", variable.ty.name.at)));
            }
        }
        Some(Ok(document))
    }

    fn operation(&self, node: &cst::OperationDefinition) -> Option<Operation<'d>> {
        let kind = match node.operation_type() {
            Some(kind) if kind.mutation_token().is_some() => Kind::Mutation,
            Some(kind) if kind.subscription_token().is_some() => Kind::Subscription,
            _ => Kind::Query,
        };
        let variables = node.variable_definitions();
        let variables = variables.iter().flat_map(|all| all.variable_definitions());
        Some(Operation {
            at: Self::at(node.syntax()),
            kind,
            name: match node.name() {
                Some(name) => Some(self.name(Some(name))?),
                None => None,
            },
            variables: variables
                .map(|variable| self.variable(&variable))
                .collect::<Option<_>>()?,
            directives: self.directives(node.directives())?,
            selections: self.selections(node.selection_set())?,
        })
    }

    fn variable(&self, node: &cst::VariableDefinition) -> Option<Variable<'d>> {
        Some(Variable {
            name: self.name(node.variable()?.name())?,
            ty: self.ty(node.ty()?)?,
            default: match node.default_value() {
                Some(default) => Some(self.value(default.value()?)?),
                None => None,
            },
            directives: self.directives(node.directives())?,
        })
    }

    fn ty(&self, node: cst::Type) -> Option<Type<'d>> {
        let (mut lists, mut non_null, mut node) = (0_u8, 0_u32, node);
        loop {
            let inner = match node {
                cst::Type::NonNullType(inner) => {
                    non_null |= 1_u32.checked_shl(u32::from(lists)).unwrap_or(0);
                    match (inner.named_type(), inner.list_type()) {
                        (Some(named), _) => cst::Type::NamedType(named),
                        (None, list) => cst::Type::ListType(list?),
                    }
                }
                other => other,
            };
            node = match inner {
                cst::Type::NamedType(named) => {
                    let name = self.name(named.name())?;
                    return Some(Type {
                        name,
                        lists,
                        non_null,
                    });
                }
                cst::Type::ListType(list) => {
                    lists = lists.saturating_add(1);
                    list.ty()?
                }
                cst::Type::NonNullType(_) => return None,
            };
        }
    }

    fn fragment(&self, node: &cst::FragmentDefinition) -> Option<Fragment<'d>> {
        Some(Fragment {
            name: self.name(node.fragment_name()?.name())?,
            on: self.name(node.type_condition()?.named_type()?.name())?,
            directives: self.directives(node.directives())?,
            selections: self.selections(node.selection_set())?,
        })
    }

    fn selections(&self, node: Option<cst::SelectionSet>) -> Option<Vec<Selection<'d>>> {
        let Some(node) = node else {
            return Some(Vec::new());
        };
        node.selections().map(|one| self.selection(one)).collect()
    }

    fn selection(&self, node: cst::Selection) -> Option<Selection<'d>> {
        Some(match node {
            cst::Selection::Field(node) => Selection::Field(Field {
                at: Self::at(node.syntax()),
                alias: match node.alias() {
                    Some(alias) => Some(self.name(alias.name())?),
                    None => None,
                },
                name: self.name(node.name())?,
                arguments: self.arguments(node.arguments())?,
                directives: self.directives(node.directives())?,
                selections: self.selections(node.selection_set())?,
            }),
            cst::Selection::FragmentSpread(node) => Selection::Spread(Spread {
                at: Self::at(node.syntax()),
                name: self.name(node.fragment_name()?.name())?,
                directives: self.directives(node.directives())?,
            }),
            cst::Selection::InlineFragment(node) => Selection::Inline(Inline {
                at: Self::at(node.syntax()),
                on: match node.type_condition() {
                    Some(condition) => Some(self.name(condition.named_type()?.name())?),
                    None => None,
                },
                directives: self.directives(node.directives())?,
                selections: self.selections(node.selection_set())?,
            }),
        })
    }

    fn directives(&self, node: Option<cst::Directives>) -> Option<Vec<Directive<'d>>> {
        let all = node.iter().flat_map(|all| all.directives());
        all.map(|node| {
            Some(Directive {
                at: Self::at(node.syntax()),
                name: self.name(node.name())?,
                arguments: self.arguments(node.arguments())?,
            })
        })
        .collect()
    }

    fn arguments(&self, node: Option<cst::Arguments>) -> Option<Vec<Argument<'d>>> {
        let all = node.iter().flat_map(|all| all.arguments());
        all.map(|node| {
            Some(Argument {
                name: self.name(node.name())?,
                value: self.value(node.value()?)?,
            })
        })
        .collect()
    }

    fn value(&self, node: cst::Value) -> Option<Value<'d>> {
        let at = Self::at(node.syntax());
        let what = match &node {
            cst::Value::Variable(variable) => What::Variable(self.name(variable.name())?.text),
            cst::Value::IntValue(number) => What::Int(self.token(number.syntax())?),
            cst::Value::FloatValue(number) => What::Float(self.token(number.syntax())?),
            cst::Value::StringValue(text) => What::String(Cow::Owned(String::from(text))),
            cst::Value::BooleanValue(value) => What::Boolean(value.true_token().is_some()),
            cst::Value::NullValue(_) => What::Null,
            cst::Value::EnumValue(value) => What::Enum(self.name(value.name())?.text),
            cst::Value::ListValue(list) => {
                let items = list.values().map(|item| self.value(item));
                What::List(items.collect::<Option<_>>()?)
            }
            cst::Value::ObjectValue(object) => {
                let fields = object.object_fields().map(|field| {
                    Some(Argument {
                        name: self.name(field.name())?,
                        value: self.value(field.value()?)?,
                    })
                });
                What::Object(fields.collect::<Option<_>>()?)
            }
        };
        Some(Value { at, what })
    }
}
