//! The same question twice: through GraphQL, and as SQL written by hand here, as the same role. The answers must agree.
//!
//! Questions are drawn by chance with a known beginning: which fields, which related rows, filters of every kind,
//! orders, pages. What is drawn is written both ways at once, so that nothing of the compiler is asked how.

mod drawn;

use super::{PATHS, request};
use crate::site::Site;
use drawn::Draw;
use fluxbase_tests::fixture::Fixture;
use fluxbase_tests::trial::trial;
use libtest_mimic::Trial;
use postgres::Client;
use serde_json::{Value, json};
use std::sync::Arc;

/// Questions, each asked as four callers.
const QUESTIONS: usize = 75;

pub(super) fn trials(fixture: &Arc<Fixture>) -> Vec<Trial> {
    let name = "graphql::questions_drawn_by_chance_are_answered_as_by_sql";
    let held = Arc::clone(fixture);
    vec![trial(&fixture.cluster, name, move || {
        compare(&super::site(
            &held,
            &[("GRAPHQL_MAX_COMPLEXITY", "1000000")],
        ));
    })]
}

/// More rows, with gaps: missing values, equal ones, letters that mean something elsewhere.
const MORE: &str = r#"
    insert into public.posts (id, author_id, title, price, is_public)
        select n, case when n % 3 = 0 then '{ANN_ID}'::uuid else '{BOB_ID}' end,
               (array['a', 'B', 'quo"te', 'per%cent', 'under_score', 'back\slash', 'ünï', ''])[n % 8 + 1] || n,
               case when n % 4 > 0 then n % 5 + 0.5 end, n % 2 = 0
        from generate_series(10, 30) n;
    insert into public.comments (id, post_id, author_id, body)
        select n, 10 + n % 20, case when n % 2 = 0 then '{ANN_ID}'::uuid else '{BOB_ID}' end, 'comment ' || n % 7
        from generate_series(10, 50) n;
    analyze public.users, public.posts, public.comments;
"#;

/// What PostgreSQL answers the caller.
fn by_hand(client: &mut Client, enter: &str, sql: &str) -> Value {
    let mut transaction = client.transaction().expect("begins");
    transaction.batch_execute(enter).expect("enters");
    let row = transaction.query_one(sql, &[]);
    let row = row.unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
    let answer = row.get(0);
    transaction.rollback().expect("ends");
    answer
}

fn compare(site: &Site) {
    let fixture = &site.database.fixture;
    let mut superuser = site.database.superuser();
    superuser.batch_execute(&fixture.fill(MORE)).expect("rows");
    let mut app = site.database.app();
    let tokens = [&fixture.ann.token, &fixture.bob.token, &fixture.service_key];
    let mut callers: Vec<(String, Option<&str>)> = tokens
        .into_iter()
        .map(|token| {
            (
                format!("select auth.enter('{token}')"),
                Some(token.as_str()),
            )
        })
        .collect();
    callers.push(("select auth.enter_anonymous()".to_owned(), None));
    let mut draw = Draw::new(6, fixture);
    let (mut different, mut full) = (0, 0);
    for number in 0..QUESTIONS {
        let (query, sql) = draw.question();
        let mut answers = Vec::new();
        for (enter, token) in &callers {
            let expected = json!({"data": by_hand(&mut app, enter, &sql)});
            let answer = request(site, PATHS[0], &json!({ "query": query }), *token).expect(200);
            assert_eq!(answer, expected, "question {number}: {query}\n{sql}");
            answers.push(answer);
        }
        different += usize::from(answers.iter().any(|one| *one != answers[0]));
        full += usize::from(answers[2].to_string().contains("c0"));
    }
    // It says nothing if nobody sees anything, or all see the same.
    assert!(full * 2 > QUESTIONS, "only {full} with rows");
    assert!(
        different * 4 > QUESTIONS,
        "only {different} told callers apart"
    );
}
