//! Questions by chance, each written as GraphQL and as SQL at the same time.

use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::noise::Chance;
use serde_json::json;
use std::fmt::Write as _;

/// What a column can be compared with.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    Price,
    Text,
    Flag,
    Uuid,
}

struct Column {
    field: &'static str,
    name: &'static str,
    kind: Kind,
    nullable: bool,
}

const fn column(field: &'static str, name: &'static str, kind: Kind) -> Column {
    Column {
        field,
        name,
        kind,
        nullable: false,
    }
}

/// A way to another table: the field, the table, and how the two are joined (`{0}` is this one, `{1}` the other).
struct Way {
    field: &'static str,
    to: usize,
    many: bool,
    on: &'static str,
}

struct Table {
    name: &'static str,
    columns: &'static [Column],
    ways: &'static [Way],
}

const USERS: usize = 0;
const POSTS: usize = 1;
const COMMENTS: usize = 2;

static TABLES: [Table; 3] = [
    Table {
        name: "users",
        columns: &[
            column("id", "id", Kind::Uuid),
            column("name", "name", Kind::Text),
        ],
        ways: &[
            Way {
                field: "posts",
                to: POSTS,
                many: true,
                on: "{1}.author_id = {0}.id",
            },
            Way {
                field: "comments",
                to: COMMENTS,
                many: true,
                on: "{1}.author_id = {0}.id",
            },
        ],
    },
    Table {
        name: "posts",
        columns: &[
            column("id", "id", Kind::Number),
            column("authorId", "author_id", Kind::Uuid),
            column("title", "title", Kind::Text),
            Column {
                nullable: true,
                ..column("price", "price", Kind::Price)
            },
            column("isPublic", "is_public", Kind::Flag),
        ],
        ways: &[
            Way {
                field: "author",
                to: USERS,
                many: false,
                on: "{1}.id = {0}.author_id",
            },
            Way {
                field: "comments",
                to: COMMENTS,
                many: true,
                on: "{1}.post_id = {0}.id",
            },
        ],
    },
    Table {
        name: "comments",
        columns: &[
            column("id", "id", Kind::Number),
            column("postId", "post_id", Kind::Number),
            column("body", "body", Kind::Text),
        ],
        ways: &[
            Way {
                field: "author",
                to: USERS,
                many: false,
                on: "{1}.id = {0}.author_id",
            },
            Way {
                field: "post",
                to: POSTS,
                many: false,
                on: "{1}.id = {0}.post_id",
            },
        ],
    },
];

/// What draws them.
pub struct Draw<'f> {
    chance: Chance,
    fixture: &'f Fixture,
    aliases: usize,
}

/// Something of GraphQL, and of SQL what it means.
pub type Both = (String, String);

impl<'f> Draw<'f> {
    /// The same beginning, the same questions.
    pub fn new(beginning: u64, fixture: &'f Fixture) -> Self {
        Self {
            chance: Chance::new(beginning),
            fixture,
            aliases: 0,
        }
    }

    fn one_in(&mut self, of: usize) -> bool {
        self.chance.below(of) == 0
    }

    fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        let place = self.chance.below(all.len());
        &all[place]
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn table(&self, place: usize) -> &'static Table {
        &TABLES[place]
    }

    /// A value of a column.
    fn value(&mut self, kind: Kind) -> Both {
        let text = match kind {
            Kind::Number => self.chance.below(60).to_string(),
            Kind::Price => format!("{}.5", self.chance.below(6)),
            Kind::Flag => self.one_in(2).to_string(),
            Kind::Uuid => {
                let ids = [&self.fixture.ann.id, &self.fixture.bob.id];
                self.of(&ids).to_string()
            }
            Kind::Text => {
                let texts = [
                    "ann private",
                    "bob public",
                    "a16",
                    "quo\"te10",
                    "per%cent11",
                    "back\\slash13",
                    "comment 3",
                    "Ann",
                    "",
                    "' or true --",
                ];
                (*self.of(&texts)).to_owned()
            }
        };
        match kind {
            Kind::Number | Kind::Price | Kind::Flag => (text.clone(), text),
            Kind::Uuid | Kind::Text => (json!(text).to_string(), literal(&text)),
        }
    }

    /// One condition on a table that goes by this alias.
    fn condition(&mut self, place: usize, alias: &str, depth: usize) -> Both {
        let table = self.table(place);
        if depth > 0 {
            match self.chance.below(8) {
                0 => return self.joined("_and", " and ", place, alias, depth),
                1 => return self.joined("_or", " or ", place, alias, depth),
                2 => {
                    let (ours, theirs) = self.filter(place, alias, depth - 1);
                    return (format!("_not: {ours}"), format!("not ({theirs})"));
                }
                3 => return self.related(place, alias, depth),
                _ => {}
            }
        }
        let column = self.of(table.columns);
        let (field, name) = (column.field, format!("{alias}.{}", column.name));
        if column.nullable && self.one_in(3) || self.one_in(12) {
            let null = self.one_in(2);
            let word = if null { "null" } else { "not null" };
            return (
                format!("{field}_is_null: {null}"),
                format!("{name} is {word}"),
            );
        }
        let compared: &[(&str, &str)] = match column.kind {
            Kind::Flag => &[("eq", "="), ("neq", "<>")],
            Kind::Uuid => &[("eq", "="), ("neq", "<>"), ("in", "in")],
            Kind::Number | Kind::Price => &[
                ("eq", "="),
                ("neq", "<>"),
                ("gt", ">"),
                ("gte", ">="),
                ("lt", "<"),
                ("lte", "<="),
                ("in", "in"),
            ],
            Kind::Text => &[
                ("eq", "="),
                ("neq", "<>"),
                ("gt", ">"),
                ("lte", "<="),
                ("in", "in"),
                ("like", "like"),
                ("ilike", "ilike"),
            ],
        };
        let (word, operator) = *self.of(compared);
        match word {
            "in" => {
                let count = 1 + self.chance.below(3);
                let values: Vec<Both> = (0..count).map(|_| self.value(column.kind)).collect();
                let list = |side: fn(&Both) -> &str| {
                    values.iter().map(side).collect::<Vec<_>>().join(", ")
                };
                (
                    format!("{field}_in: [{}]", list(|both| &both.0)),
                    format!("{name} in ({})", list(|both| &both.1)),
                )
            }
            "like" | "ilike" => {
                let pattern = *self.of(&[
                    "%a%", "B%", "%1_", "%\\\\%", "quo\"%", "%\\%%", "_nn%", "%MMENT%",
                ]);
                (
                    format!("{field}_{word}: {}", json!(pattern)),
                    format!("{name} {operator} {}", literal(pattern)),
                )
            }
            _ => {
                let (ours, theirs) = self.value(column.kind);
                (
                    format!("{field}_{word}: {ours}"),
                    format!("{name} {operator} {theirs}"),
                )
            }
        }
    }

    fn joined(&mut self, word: &str, with: &str, place: usize, alias: &str, depth: usize) -> Both {
        let count = 1 + self.chance.below(3);
        let all: Vec<Both> = (0..count)
            .map(|_| self.filter(place, alias, depth - 1))
            .collect();
        let (ours, theirs): (Vec<String>, Vec<String>) = all.into_iter().unzip();
        let theirs: Vec<String> = theirs.into_iter().map(|one| format!("({one})")).collect();
        (format!("{word}: [{}]", ours.join(", ")), theirs.join(with))
    }

    fn related(&mut self, place: usize, alias: &str, depth: usize) -> Both {
        let way = self.of(self.table(place).ways);
        let other = self.alias();
        let (ours, theirs) = self.filter(way.to, &other, depth - 1);
        let rows = |condition: String| {
            let on = way.on.replace("{0}", alias).replace("{1}", &other);
            format!(
                "exists (select from public.{} {other} where {on} and {condition})",
                TABLES[way.to].name
            )
        };
        if !way.many {
            return (
                format!("{}: {ours}", way.field),
                rows(format!("({theirs})")),
            );
        }
        match self.chance.below(3) {
            0 => (
                format!("{}_some: {ours}", way.field),
                rows(format!("({theirs})")),
            ),
            1 => (
                format!("{}_none: {ours}", way.field),
                format!("not {}", rows(format!("({theirs})"))),
            ),
            _ => (
                format!("{}_every: {ours}", way.field),
                format!("not {}", rows(format!("({theirs}) is not true"))),
            ),
        }
    }

    /// All conditions of one object; no field twice.
    fn filter(&mut self, place: usize, alias: &str, depth: usize) -> Both {
        let count = 1 + self.chance.below(2);
        let mut all: Vec<Both> = Vec::new();
        for _ in 0..count {
            let one = self.condition(place, alias, depth);
            let name = |both: &Both| both.0.split(':').next().unwrap_or_default().to_owned();
            if all.iter().all(|other| name(other) != name(&one)) {
                all.push(one);
            }
        }
        let (ours, theirs): (Vec<String>, Vec<String>) = all.into_iter().unzip();
        let theirs: Vec<String> = theirs.into_iter().map(|one| format!("({one})")).collect();
        (format!("{{{}}}", ours.join(", ")), theirs.join(" and "))
    }

    /// What is ordered by; the key comes last, so that there is one order.
    fn order(&mut self, place: usize, alias: &str) -> Both {
        const DIRECTIONS: [(&str, &str); 6] = [
            ("ASC", "asc"),
            ("DESC", "desc"),
            ("ASC_NULLS_FIRST", "asc nulls first"),
            ("ASC_NULLS_LAST", "asc nulls last"),
            ("DESC_NULLS_FIRST", "desc nulls first"),
            ("DESC_NULLS_LAST", "desc nulls last"),
        ];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..self.chance.below(3) {
            let (direction, sql) = *self.of(&DIRECTIONS);
            let ways = self
                .table(place)
                .ways
                .iter()
                .filter(|way| !way.many)
                .collect::<Vec<_>>();
            if !ways.is_empty() && self.one_in(3) {
                let way = *self.of(&ways);
                let other = self.alias();
                let column = self.of(TABLES[way.to].columns);
                let on = way.on.replace("{0}", alias).replace("{1}", &other);
                ours.push(format!(
                    "{{{}: {{{}: {direction}}}}}",
                    way.field, column.field
                ));
                theirs.push(format!(
                    "(select {other}.{} from public.{} {other} where {on}) {sql}",
                    column.name, TABLES[way.to].name
                ));
            } else {
                let column = self.of(self.table(place).columns);
                ours.push(format!("{{{}: {direction}}}", column.field));
                theirs.push(format!("{alias}.{} {sql}", column.name));
            }
        }
        ours.push("{id: ASC}".to_owned());
        theirs.push(format!("{alias}.id"));
        (format!("[{}]", ours.join(", ")), theirs.join(", "))
    }

    /// What is selected of a row: the set of fields, and the object.
    fn selection(&mut self, place: usize, alias: &str, depth: usize) -> Both {
        let table = self.table(place);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..1 + self.chance.below(4) {
            let column = self.of(table.columns);
            let key = format!("c{number}");
            ours.push(format!("{key}: {}", column.field));
            theirs.push(format!("'{key}', {alias}.{}", column.name));
        }
        if depth > 0 {
            for number in 0..self.chance.below(3) {
                let way = self.of(table.ways);
                let other = self.alias();
                let key = format!("w{number}");
                let on = way.on.replace("{0}", alias).replace("{1}", &other);
                if way.many {
                    let (arguments, rows) = self.list(way.to, &other, &on, depth - 1);
                    ours.push(format!("{key}: {}{arguments}", way.field));
                    theirs.push(format!("'{key}', {rows}"));
                } else {
                    let (fields, object) = self.selection(way.to, &other, depth - 1);
                    ours.push(format!("{key}: {} {fields}", way.field));
                    theirs.push(format!(
                        "'{key}', (select {object} from public.{} {other} where {on})",
                        TABLES[way.to].name
                    ));
                }
            }
        }
        (
            format!("{{ {} }}", ours.join(" ")),
            format!("json_build_object({})", theirs.join(", ")),
        )
    }

    /// A list with its arguments: what stands behind its name, and the array.
    fn list(&mut self, place: usize, alias: &str, on: &str, depth: usize) -> Both {
        let (order, by) = self.order(place, alias);
        let mut arguments = format!("orderBy: {order}");
        let mut rows = format!("from public.{} {alias} where {on}", TABLES[place].name);
        if !self.one_in(3) {
            let (ours, theirs) = self.filter(place, alias, 2);
            let _ = write!(arguments, ", filter: {ours}");
            let _ = write!(rows, " and ({theirs})");
        }
        let _ = write!(rows, " order by {by}");
        if !self.one_in(4) {
            let limit = self.chance.below(8);
            let _ = write!(arguments, ", limit: {limit}");
            let _ = write!(rows, " limit {limit}");
        }
        if self.one_in(4) {
            let offset = self.chance.below(4);
            let _ = write!(arguments, ", offset: {offset}");
            let _ = write!(rows, " offset {offset}");
        }
        let (fields, object) = self.selection(place, alias, depth);
        (
            format!("({arguments}) {fields}"),
            format!("(select coalesce(json_agg(x.j), '[]') from (select {object} as j {rows}) x)"),
        )
    }

    /// A whole query, and the statement that answers it.
    pub fn question(&mut self) -> Both {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for number in 0..1 + self.chance.below(2) {
            let (place, alias) = (self.chance.below(TABLES.len()), self.alias());
            let key = format!("r{number}");
            if self.one_in(5) {
                let (filter, condition) = self.filter(place, &alias, 2);
                let table = TABLES[place].name;
                ours.push(format!("{key}: {table}Connection(filter: {filter}) {{ totalCount aggregate {{ count }} }}"));
                let count =
                    format!("(select count(*) from public.{table} {alias} where {condition})");
                theirs.push(format!("'{key}', json_build_object('totalCount', {count}, 'aggregate', json_build_object('count', {count}))"));
            } else {
                let (list, rows) = self.list(place, &alias, "true", 3);
                ours.push(format!("{key}: {}{list}", TABLES[place].name));
                theirs.push(format!("'{key}', {rows}"));
            }
        }
        (
            format!("{{ {} }}", ours.join(" ")),
            format!("select json_build_object({})", theirs.join(", ")),
        )
    }
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
