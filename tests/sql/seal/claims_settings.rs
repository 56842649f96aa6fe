//! The settings that tell who is asking, in every form that changes a setting.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("set_claims", "claims by SET")
            .refused(r#"set request.jwt.claims = '{"sub":"{BOB_ID}","role":"authenticated"}'"#, REFUSED)
            .twin(As::Trusted, r#"set request.jwt.claims = '{"sub":"{BOB_ID}","role":"authenticated"}'; select auth.uid()"#, "{BOB_ID}"),
        case("set_local_claims", "claims by SET LOCAL")
            .refused(r#"set local request.jwt.claims = '{"role":"service_role"}'"#, REFUSED)
            .twin(As::Trusted, r#"begin; set local request.jwt.claims = '{"role":"service_role"}'; select auth.role()"#, "service_role"),
        case("set_claims_to_what_they_are", "even the same value")
            .refused("select set_config('request.jwt.claims', current_setting('request.jwt.claims'), true)", REFUSED)
            .twin(As::Ann, "select current_setting('request.jwt.claims')::jsonb->>'sub'", "{ANN_ID}"),
        case("set_config_claims", "claims by set_config")
            .refused(r#"select set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true)"#, REFUSED)
            .twin(As::Trusted, r#"begin; select set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true); select auth.uid()"#, "{BOB_ID}"),
        case("set_config_claims_for_the_session", "for the next user of the connection")
            .refused(r#"select set_config('request.jwt.claims', '{"role":"service_role"}', false)"#, REFUSED)
            .twin(As::Trusted, r#"select set_config('request.jwt.claims', '{"role":"admin","sub":"{BOB_ID}"}', false); select auth.is_admin()"#, "t"),
        case("set_config_claims_empty", "the empty text: nobody")
            .refused("select set_config('request.jwt.claims', '', true)", REFUSED)
            .twin(As::Trusted, "select set_config('request.jwt.claims', '', false); select auth.uid()", ""),
        case("set_config_claims_null", "NULL passes no check hook")
            .refused("select set_config('request.jwt.claims', null, true)", REFUSED)
            .twin(As::Trusted, "select set_config('request.jwt.claims', null, false); select auth.role()", "anon"),
        case("reset_claims", "RESET passes no check hook either")
            .refused("reset request.jwt.claims", REFUSED)
            .twin(As::Trusted, r#"set request.jwt.claims = '{"role":"x","sub":"{BOB_ID}"}'; reset request.jwt.claims; select auth.uid()"#, ""),
        case("set_claims_to_default", "DEFAULT")
            .refused("set request.jwt.claims to default", REFUSED)
            .twin(As::Trusted, "set request.jwt.claims to default; select auth.uid()", ""),
        case("claims_in_capitals", "the setting's name in capitals")
            .refused(r#"select set_config('REQUEST.JWT.CLAIMS', '{"role":"service_role"}', true)"#, REFUSED)
            .twin(As::Ann, "select current_setting('REQUEST.JWT.CLAIMS')::jsonb->>'sub'", "{ANN_ID}"),
        case("claims_quoted", "the setting's name in quotes")
            .refused(r#"set "request.jwt.claims" = '{"role":"service_role"}'"#, REFUSED)
            .twin(As::Ann, r#"set local "my.setting" = 'x'; show "my.setting""#, "x"),
        case("claims_beside_the_table", "claims changed in the middle of reading rows")
            .refused(
                r#"select set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true), n.* from notes n"#,
                REFUSED,
            )
            .twin(As::Ann, "select body from notes where not is_public", "ann private"),
        case("claim_sub", "the single claim of older PostgREST")
            .refused("set local request.jwt.claim.sub = '{BOB_ID}'", REFUSED)
            .twin(As::Ann, "show request.jwt.claim.sub", "{ANN_ID}"),
        case("claim_sub_reset", "by RESET")
            .refused("reset request.jwt.claim.sub", REFUSED)
            .twin(As::App, "reset request.jwt.claim.sub; show request.jwt.claim.sub", ""),
        case("claim_role", "the role among the single claims")
            .refused("select set_config('request.jwt.claim.role', 'service_role', true)", REFUSED)
            .twin(As::Ann, "show request.jwt.claim.role", "authenticated"),
        case("claim_email", "the address among the single claims")
            .refused("select set_config('request.jwt.claim.email', 'bob@example.com', true)", REFUSED)
            .twin(As::Ann, "show request.jwt.claim.email", "ann@example.com"),
        case("app_user_id", "the mirror that hand-written policies read")
            .refused("set local app.user_id = '{BOB_ID}'", REFUSED)
            .twin(As::Plain, "set app.user_id = '7'; show app.user_id", "7"),
        case("app_user_id_for_the_session", "for the next user of the connection")
            .refused("set session app.user_id = '{BOB_ID}'", REFUSED)
            .twin(As::Ann, "show app.user_id", "{ANN_ID}"),
        case("app_user_id_null", "NULL passes no check hook")
            .refused("select set_config('app.user_id', null, true)", REFUSED)
            .twin(As::Plain, "select set_config('app.user_id', null, false) is not null", "t"),
        case("app_user_id_reset", "RESET passes no check hook")
            .refused("reset app.user_id", REFUSED)
            .twin(As::Plain, "set app.user_id = '7'; reset app.user_id; show app.user_id", ""),
        case("app_role", "the role's mirror")
            .refused("set local app.role = 'admin'", REFUSED)
            .twin(As::Ann, "show app.role", "authenticated"),
        case("app_user_email", "the address's mirror")
            .refused("set local app.user_email = 'bob@example.com'", REFUSED)
            .twin(As::Ann, "show app.user_email", "ann@example.com"),
        case("a_setting_below_the_claims", "a new name that begins like the claims")
            .no_effect("select set_config('request.jwt.claim.user_id', '{BOB_ID}', true)")
            .twin(As::Ann, "select set_config('request.path', '/x', true)", "/x"),
        case("show_all_and_pg_settings", "read other sessions' claims in the views")
            .no_effect("select * from pg_settings where name like 'request.%'; show all")
            .twin(As::Ann, "select current_setting('app.role')", "authenticated"),
        case("alter_system", "for the whole cluster")
            .refused("alter system set request.jwt.claims = ''", Refused("25001"))
            .twin(As::Super, "select count(*) from pg_settings where name = 'fsync'", "1"),
        case("function_set_clause", "a function's SET clause, made inside")
            .refused(
                r#"create function pg_temp.f() returns uuid language sql set request.jwt.claims = '{"sub":"{BOB_ID}","role":"authenticated"}' as 'select auth.uid()'; select pg_temp.f()"#,
                REFUSED,
            )
            .twin(
                As::Trusted,
                r#"create function pg_temp.f() returns uuid language sql set request.jwt.claims = '{"sub":"{BOB_ID}","role":"authenticated"}' as 'select auth.uid()'; select pg_temp.f()"#,
                "{BOB_ID}",
            ),
        case("function_set_clause_made_before", "the schema's author set it")
            .before(
                r#"create function public.f() returns uuid language sql set request.jwt.claims = '{"sub":"{BOB_ID}","role":"authenticated"}' as 'select auth.uid()'"#,
            )
            .refused("select public.f()", REFUSED)
            .twin(As::Super, "select public.f()", "{BOB_ID}"),
        case("security_definer_of_the_superuser", "not even the superuser's function")
            .before(
                r#"create function public.f() returns uuid language plpgsql security definer as $$ begin perform set_config('request.jwt.claims', '{"sub":"{BOB_ID}","role":"authenticated"}', true); return auth.uid(); end $$"#,
            )
            .refused("select public.f()", REFUSED)
            .twin(As::Super, "select public.f()", "{BOB_ID}"),
        case("in_do", "in an anonymous block")
            .refused(r#"do $$ begin perform set_config('request.jwt.claims', '{"role":"service_role"}', true); end $$"#, REFUSED)
            .twin(As::Trusted, r#"do $$ begin perform set_config('request.jwt.claims', '{"role":"service_role"}', false); end $$; select auth.role()"#, "service_role"),
    ]
}
