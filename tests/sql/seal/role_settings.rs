//! Roles, databases and the cluster itself changed from inside a request.

use super::case::Outcome::Refused;
use super::{As, Case, REFUSED, case};

pub fn cases() -> Vec<Case> {
    vec![
        case("alter_own_role_set_claims", "plant claims for the next login; PostgreSQL allows it on oneself")
            .refused(r#"alter role authenticated set request.jwt.claims = '{"role":"service_role"}'"#, REFUSED)
            .twin(As::Plain, "alter role plain set work_mem = '1MB'; alter role plain reset all; select 1", "1"),
        case("alter_own_role_set_role", "plant a role for the next login")
            .refused("alter role current_user set role = 'service_role'", REFUSED)
            .twin(As::Plain, "alter role current_user set work_mem = '1MB'; alter role plain reset all; select 1", "1"),
        case("alter_own_role_set_anything", "any planted setting is somebody else's surprise")
            .refused("alter role authenticated set search_path = 'pg_temp'", REFUSED)
            .twin(As::Ann, "set local search_path = pg_temp; select current_user", "authenticated"),
        case("alter_own_role_reset", "remove what an administrator set")
            .before("alter role authenticated set work_mem = '5MB'")
            .refused("alter role authenticated reset all", REFUSED)
            .twin(As::Super, "alter role authenticated reset all; select 1", "1"),
        case("alter_own_password", "give the shared role a password")
            .refused("alter role authenticated password 'mine'", REFUSED)
            .twin(As::Plain, "alter role plain password 'mine'; alter role plain password null; select 1", "1"),
        case("alter_user_spelling", "the other spelling")
            .refused("alter user authenticated password 'mine'", REFUSED)
            .twin(As::Plain, "alter user plain password null; select 1", "1"),
        case("alter_the_login", "lock the server out")
            .refused("alter role fluxbase_app password 'mine'", REFUSED)
            .twin(As::Super, "alter role fluxbase_app password null; select 1", "1"),
        case("alter_role_in_database", "planted in this database only")
            .refused("alter role fluxbase_app in database template1 set role = 'service_role'", REFUSED)
            .twin(As::Super, "alter role plain in database template1 set work_mem = '1MB'; alter role plain in database template1 reset all; select 1", "1"),
        case("alter_role_all", "planted in everybody")
            .refused("alter role all set row_security = off", REFUSED)
            .twin(As::Super, "select count(*) from pg_db_role_setting where setrole = 0 and setdatabase = 0", "0"),
        case("alter_role_superuser", "ask for everything")
            .refused("alter role authenticated superuser", REFUSED)
            .twin(As::Super, "alter role plain createdb; alter role plain nocreatedb; select 1", "1"),
        case("alter_role_bypassrls", "ask for what service_role has")
            .refused("alter role authenticated bypassrls", REFUSED)
            .twin(As::Super, "select rolbypassrls from pg_roles where rolname = 'service_role'", "t"),
        case("rename_role", "swap two roles' names")
            .refused("alter role service_role rename to other", REFUSED)
            .twin(As::Super, "create role short_lived; alter role short_lived rename to shorter; drop role shorter; select 1", "1"),
        case("create_role", "make an own login")
            .refused("create role mallory login superuser", REFUSED)
            .twin(As::Super, "create role made_by_super; drop role made_by_super; select 1", "1"),
        case("drop_role", "take a role away")
            .refused("drop role trusty", REFUSED)
            .twin(As::Super, "create role made_to_drop; drop role made_to_drop; select 1", "1"),
        case("grant_service_role", "give oneself the membership")
            .refused("grant service_role to authenticated", REFUSED)
            .twin(As::Super, "create role member_for_a_while; grant anon to member_for_a_while; drop role member_for_a_while; select 1", "1"),
        case("grant_trust", "become trusted to claim")
            .refused("grant fluxbase_trusted to fluxbase_app", REFUSED)
            .twin(As::Super, "create role claimant; grant fluxbase_trusted to claimant; drop role claimant; select 1", "1"),
        case("grant_superuser", "borrow the superuser")
            .refused("grant postgres to authenticated", REFUSED)
            .twin(As::Super, "select count(*) from pg_auth_members m where m.member = 'authenticated'::regrole", "0"),
        case("revoke_from_the_login", "break the others")
            .refused("revoke fluxbase_trusted from trusty", REFUSED)
            .twin(As::Super, "select pg_has_role('trusty', 'fluxbase_trusted', 'member')", "t"),
        case("alter_database_set", "plant claims for the database")
            .refused("do $$ begin execute format('alter database %I set request.jwt.claims = %L', current_database(), '{}'); end $$", REFUSED)
            .twin(As::Super, "do $$ begin execute format('alter database %I set work_mem = %L', current_database(), '4MB'); end $$; select 1", "1"),
        case("alter_system_role", "for the whole cluster")
            .refused("alter system set row_security = off", Refused("25001"))
            .twin(As::Super, "select current_setting('row_security')", "on"),
        case("reassign_owned", "take what service_role owns")
            .refused("reassign owned by service_role to authenticated", REFUSED)
            .twin(As::Super, "create role owner_a; reassign owned by owner_a to postgres; drop role owner_a; select 1", "1"),
        case("drop_owned", "drop what service_role owns")
            .refused("drop owned by service_role", REFUSED)
            .twin(As::Super, "create role owner_b; drop owned by owner_b; drop role owner_b; select 1", "1"),
        case("default_privileges_of_another", "be granted what service_role makes later")
            .refused("alter default privileges for role service_role grant all on tables to authenticated", REFUSED)
            .twin(As::Super, "begin; alter default privileges for role service_role grant select on tables to plain; rollback; select 1", "1"),
        case("comment_on_role", "write on a role")
            .refused("comment on role service_role is 'mine'", REFUSED)
            .twin(As::Super, "comment on role plain is 'x'; comment on role plain is null; select 1", "1"),
        case("read_password_hashes", "the table behind the roles")
            .refused("select * from pg_authid", REFUSED)
            .twin(As::Ann, "select count(*) from pg_roles where rolname = 'anon'", "1"),
        case("set_role_by_grant_option", "SET ROLE after a grant that failed")
            .refused("set role trusty", Refused("42501"))
            .twin(As::Super, "set role trusty; select current_user", "trusty"),
    ]
}
