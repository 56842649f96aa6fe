//! PostgreSQL's text of a stored query (`pg_node_tree`), read as far as lineage needs it.
//!
//! The format is `{LABEL :field value …}`, lists in parentheses, atoms without blanks; `<>` is null, a backslash takes the
//! next byte as it is. Fields are found by name, so those a version adds or moves do no harm.

/// Deeper trees are cut off there. PostgreSQL's own limit is its stack, which is larger than ours.
const MAX_DEPTH: usize = 500;

/// A node of the tree, without the fields nobody asks for.
#[derive(Debug)]
pub(super) enum Node<'a> {
    /// A number, a word, `<>`.
    Atom(&'a str),
    /// `( … )`.
    List(Vec<Node<'a>>),
    /// `{LABEL …}`.
    Object(&'a str, Vec<(&'a str, Node<'a>)>),
}

/// Reads the text of `pg_rewrite.ev_action`; `None` when it is cut short.
pub(super) fn read(text: &str) -> Option<Node<'_>> {
    Reader { text, at: 0 }.node(0)
}

/// The fields that are kept.
fn is_kept(field: &str) -> bool {
    matches!(
        field,
        "commandType"
            | "rtable"
            | "jointree"
            | "targetList"
            | "setOperations"
            | "groupClause"
            | "groupingSets"
            | "distinctClause"
            | "hasTargetSRFs"
            | "hasAggs"
            | "cteList"
            | "rtekind"
            | "relid"
            | "subquery"
            | "joinaliasvars"
            | "groupexprs"
            | "ctename"
            | "ctelevelsup"
            | "self_reference"
            | "ctequery"
            | "fromlist"
            | "quals"
            | "larg"
            | "rarg"
            | "jointype"
            | "rtindex"
            | "expr"
            | "resno"
            | "ressortgroupref"
            | "resorigtbl"
            | "resjunk"
            | "tleSortGroupRef"
            | "varno"
            | "varattno"
            | "vartype"
            | "varcollid"
            | "varlevelsup"
            | "opno"
            | "inputcollid"
            | "boolop"
            | "args"
            | "arg"
            | "resulttype"
    )
}

impl<'a> Node<'a> {
    /// The field of that name of an object.
    pub(super) fn field(&self, name: &str) -> Option<&Node<'a>> {
        match self {
            Node::Object(_, fields) => fields
                .iter()
                .find(|(field, _)| *field == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// What an object is.
    pub(super) fn label(&self) -> &'a str {
        match self {
            Node::Object(label, _) => label,
            _ => "",
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Node<'a>] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The items of the list in that field.
    pub(super) fn list(&self, name: &str) -> &[Node<'a>] {
        self.field(name).map_or(&[], Node::items)
    }

    /// The atom in that field.
    pub(super) fn word(&self, name: &str) -> Option<&'a str> {
        match self.field(name)? {
            Node::Atom(word) => Some(word),
            _ => None,
        }
    }

    /// The number in that field.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.word(name)?.parse().ok()
    }

    /// Whether that field holds a list with items, an object, or `true`.
    pub(super) fn has(&self, name: &str) -> bool {
        match self.field(name) {
            None => false,
            Some(Node::Atom(word)) => *word == "true",
            Some(Node::List(items)) => !items.is_empty(),
            Some(Node::Object(..)) => true,
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// A bracket, or whatever stands between blanks and brackets.
    fn token(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\n' | b'\t')) {
            self.at += 1;
        }
        let start = self.at;
        if is_bracket(*bytes.get(start)?) {
            self.at += 1;
        } else {
            while let Some(byte) = bytes.get(self.at) {
                match byte {
                    b' ' | b'\n' | b'\t' => break,
                    byte if is_bracket(*byte) => break,
                    b'\\' => self.at += 2,
                    _ => self.at += 1,
                }
            }
        }
        // A backslash may be the last byte, or stand before a longer character.
        self.at = self.at.min(bytes.len());
        while !self.text.is_char_boundary(self.at) {
            self.at += 1;
        }
        self.text.get(start..self.at)
    }

    fn node(&mut self, depth: usize) -> Option<Node<'a>> {
        let token = self.token()?;
        self.node_of(token, depth)
    }

    fn node_of(&mut self, token: &'a str, depth: usize) -> Option<Node<'a>> {
        match token {
            "(" | "{" if depth >= MAX_DEPTH => {
                self.skip()?;
                Some(Node::Atom(""))
            }
            "(" => {
                let mut items = Vec::new();
                loop {
                    match self.token()? {
                        ")" => return Some(Node::List(items)),
                        token => items.push(self.node_of(token, depth + 1)?),
                    }
                }
            }
            "{" => self.object(depth),
            ")" | "}" => None,
            atom => Some(Node::Atom(atom)),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        let label = self.token()?;
        let mut fields = Vec::new();
        loop {
            let token = self.token()?;
            match token.strip_prefix(':') {
                // The token behind a field is its value even if it looks like a field: a column may be called `:relid`.
                Some(field) if is_kept(field) => fields.push((field, self.node(depth + 1)?)),
                Some(_) => {
                    let value = self.token()?;
                    self.skip_from(value)?;
                }
                None if token == "}" => return Some(Node::Object(label, fields)),
                // A constant's bytes.
                None => self.skip_from(token)?,
            }
        }
    }

    /// Goes past what the token begins.
    fn skip_from(&mut self, token: &str) -> Option<()> {
        match token {
            "(" | "{" => self.skip(),
            ")" | "}" => None,
            _ => Some(()),
        }
    }

    /// Goes past the bracket that closes the one before.
    fn skip(&mut self) -> Option<()> {
        let mut open = 1_usize;
        while open > 0 {
            match self.token()? {
                "(" | "{" => open += 1,
                ")" | "}" => open -= 1,
                _ => {}
            }
        }
        Some(())
    }
}

fn is_bracket(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'{' | b'}')
}

#[cfg(test)]
mod tests {
    use super::{MAX_DEPTH, read};

    #[test]
    fn fields_are_found_by_name_wherever_they_stand() {
        let tree = read(
            "({QUERY :new 1 :rtable ({RTE :relid 7 :alias <>} {RTE :relid 8}) :hasAggs true})",
        )
        .unwrap();
        let [query] = tree.items() else {
            panic!("{tree:?}")
        };
        assert_eq!(query.label(), "QUERY");
        let relations: Vec<Option<u32>> = query
            .list("rtable")
            .iter()
            .map(|entry| entry.number("relid"))
            .collect();
        assert_eq!(relations, [Some(7), Some(8)]);
        assert!(query.has("hasAggs") && !query.has("setOperations"));
    }

    #[test]
    fn a_column_called_like_a_field_is_none() {
        // The attack: name a column so that it reads as the origin of another.
        let tree = read("{TARGETENTRY :resname :resorigtbl :resorigtbl 5 :resno 2}").unwrap();
        assert_eq!(tree.number("resorigtbl"), Some(5));
        let tree =
            read(r"{TARGETENTRY :resname a\ :resorigtbl\ 9\} :resorigtbl 5 :resno 2}").unwrap();
        assert_eq!(tree.number("resorigtbl"), Some(5));
        assert_eq!(tree.number("resno"), Some(2));
    }

    #[test]
    fn the_bytes_of_a_constant_are_passed_over() {
        let tree =
            read("{A :args ({CONST :constvalue 4 [ 1 0 0 0 ]} {VAR :varno 3}) :opno 96}").unwrap();
        assert_eq!(tree.number("opno"), Some(96));
        assert_eq!(tree.list("args").len(), 2);
    }

    #[test]
    fn text_cut_short_is_no_tree() {
        let whole = r"({QUERY :rtable ({RTE :relid 7 :x \( :y é\é}) :quals {OPEXPR :args (1 2)}})";
        assert!(read(whole).is_some());
        for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
            assert!(read(&whole[..end]).is_none(), "{}", &whole[..end]);
        }
        for odd in ["", ")", "}", "{A :relid }", "(}", "{A :relid )}", "\\"] {
            let _ = read(odd);
        }
        assert!(read("{A :relid }}").is_none());
    }

    #[test]
    fn what_lies_too_deep_is_cut_off() {
        let depth = MAX_DEPTH * 100;
        let deep = format!("{}7{}", "(".repeat(depth), ")".repeat(depth));
        assert!(read(&deep).is_some());
        let cut = format!("{}7", "(".repeat(depth));
        assert!(read(&cut).is_none());
    }
}
