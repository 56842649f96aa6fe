-- Passwords known from breaches, as the operator loads them (the README says how); empty, nothing is looked up. SHA-1,
-- because that is how such lists come. Not marked for dump: the list is public and may be a hundred times the rest.
create table auth.breached_passwords (
  sha1 bytea primary key check (pg_catalog.octet_length(sha1) = 20)
);
comment on table auth.breached_passwords is 'SHA-1 of passwords that no user may choose; filled with COPY from a public list';
