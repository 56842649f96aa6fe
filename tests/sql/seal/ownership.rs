//! Owning something that later runs with other rights.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("function_given_to_service_role", "make a definer function, give it away, call it")
            .refused(
                "create function pg_temp.f() returns text language sql security definer as 'select secret from public.vault'; \
                 alter function pg_temp.f() owner to service_role; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Super, "create function pg_temp.f() returns text language sql security definer as 'select secret from public.vault'; alter function pg_temp.f() owner to service_role; select pg_temp.f()", "treasure"),
        case("function_given_to_the_owner", "the same to the owner of the keys")
            .refused(
                "create function pg_temp.f() returns bytea language sql security definer as 'select private_key from auth.signing_keys'; \
                 alter function pg_temp.f() owner to fluxbase_admin; select pg_temp.f()",
                REFUSED,
            )
            .twin(As::Super, "select count(*) from auth.signing_keys", "1"),
        case("function_given_to_the_login", "the same to the login below")
            .refused("create function pg_temp.f() returns int language sql as 'select 1'; alter function pg_temp.f() owner to fluxbase_app", REFUSED)
            .twin(As::Ann, "create function pg_temp.f() returns int language sql as 'select 1'; alter function pg_temp.f() owner to authenticated; select pg_temp.f()", "1"),
        case("view_given_away", "a view reads with its owner's rights")
            .refused("create temp view v as select 1 as a; alter view v owner to service_role", REFUSED)
            .twin(As::Super, "create view public.v as select secret from public.vault; alter view public.v owner to service_role; select secret from public.v", "treasure"),
        case("table_given_away", "a table with a trigger")
            .refused("create temp table t(a int); alter table t owner to service_role", REFUSED)
            .twin(As::Ann, "create temp table t(a int); alter table t owner to authenticated; select count(*) from t", "0"),
        case("schema_for_another", "a schema that belongs to service_role")
            .refused("create schema mine authorization service_role", REFUSED)
            .twin(As::Super, "create schema mine authorization service_role; select nspowner::regrole from pg_namespace where nspname = 'mine'", "service_role"),
        case("schema_of_ones_own", "any lasting schema")
            .refused("create schema mine", REFUSED)
            .twin(As::Ann, "create temp table mine(); select count(*) from mine", "0"),
        case("table_in_public", "a lasting table in the shared schema")
            .refused("create table public.mine()", REFUSED)
            .twin(As::Ann, "create temp table mine(); select count(*) from mine", "0"),
        case("function_in_auth", "something of one's own in the schema auth")
            .refused("create function auth.f() returns int language sql as 'select 1'", REFUSED)
            .twin(As::Ann, "create function pg_temp.f() returns int language sql as 'select 1'; select pg_temp.f()", "1"),
        case("trigger_on_another_table", "run code when others write")
            .refused(
                "create function pg_temp.f() returns trigger language plpgsql as 'begin return new; end'; \
                 create trigger t before insert on public.notes for each row execute function pg_temp.f()",
                REFUSED,
            )
            .twin(As::Ann, "create temp table t(a int); create function pg_temp.f() returns trigger language plpgsql as 'begin new.a := 7; return new; end'; create trigger t before insert on t for each row execute function pg_temp.f(); insert into t values (1) returning a", "7"),
        case("policy_of_ones_own", "a policy that lets everything through")
            .refused("create policy mine on public.notes using (true)", REFUSED)
            .twin(As::Super, "create policy mine on public.notes using (false); select count(*) from pg_policies where policyname = 'mine'", "1"),
        case("row_security_disabled", "switch the table's policies off")
            .refused("alter table public.notes disable row level security", REFUSED)
            .twin(As::Super, "select relforcerowsecurity from pg_class where oid = 'public.notes'::regclass", "t"),
        case("disable_rls_helper", "the helper of the extension, with the caller's rights")
            .refused("select auth.disable_rls('notes')", REFUSED)
            .twin(As::Super, "select auth.disable_rls('notes'); select relrowsecurity from pg_class where oid = 'public.notes'::regclass", "f"),
        case("rule_on_another_table", "rewrite what others ask")
            .refused("create rule r as on insert to public.notes do instead nothing", REFUSED)
            .twin(As::Ann, "create temp table t(a int); create rule r as on insert to t do instead nothing; insert into t values (1); select count(*) from t", "0"),
        case("event_trigger", "run code at every DDL")
            .refused("create event trigger mine on ddl_command_end execute function auth.notify_ddl()", Refused("42501"))
            .twin(As::Super, "select count(*) from pg_event_trigger where evtname like 'fluxbase%'", "2"),
        case("cast", "a cast between others' types")
            .refused("create cast (text as uuid) with inout as implicit", Refused("42501"))
            .twin(As::Super, "select count(*) from pg_cast where castsource = 'text'::regtype and casttarget = 'uuid'::regtype", "0"),
        case("operator_in_front", "an equality of one's own for uuid, in front of everything")
            .no_effect(
                "create function pg_temp.always(uuid, uuid) returns boolean language sql as 'select true'; \
                 create operator pg_temp.= (leftarg = uuid, rightarg = uuid, function = pg_temp.always); \
                 set local search_path = pg_temp, pg_catalog; select * from public.notes",
            )
            .twin(As::Ann, "select count(*) from notes where owner = auth.uid()", "1"),
        case("temporary_table_in_front", "a temporary table of the name of a private one")
            .no_effect("create temp table users(id uuid, email text); create temp table sessions(id uuid); create temp table signing_keys(kid text)")
            .twin(As::Ann, "create temp table users(id uuid); select auth.get_user()->>'email'", "ann@example.com"),
        case("grant_on_another_table", "give oneself a privilege")
            .refused("grant select on public.vault to authenticated", REFUSED)
            .twin(As::Super, "grant select on public.vault to plain; select has_table_privilege('plain', 'public.vault', 'select')", "t"),
        case("drop_extension", "take the guards away")
            .refused("drop extension fluxbase cascade", REFUSED)
            .twin(As::Super, "create extension citext; drop extension citext; select count(*) from pg_extension where extname = 'citext'", "0"),
        case("alter_extension", "take a guard out of the extension")
            .refused("alter extension fluxbase drop function auth.uid()", REFUSED)
            .twin(As::Super, "select count(*) from pg_extension where extname = 'fluxbase'", "1"),
        case("truncate_another_table", "TRUNCATE looks at no policy")
            .refused("truncate public.notes", REFUSED)
            .twin(As::Ann, "create temp table t(); truncate t; select count(*) from t", "0"),
        case("lock_a_private_table", "hold up every sign-in")
            .refused("lock table auth.users", REFUSED)
            .twin(As::Ann, "lock table public.notes in row exclusive mode; select current_user", "authenticated"),
        case("extension_of_choice", "install an extension that opens doors")
            .refused("create extension file_fdw", REFUSED)
            .twin(As::Super, "create extension file_fdw; drop extension file_fdw; select 1", "1"),
        case("subscription", "let a worker of the server connect elsewhere")
            .refused("create subscription s connection 'host=127.0.0.1' publication p with (connect = false)", REFUSED)
            .twin(As::Super, "select count(*) from pg_subscription", "0"),
    ]
}
