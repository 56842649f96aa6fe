-- Views of all shapes. The *.json beside this file are the answers of sql/catalog/*.sql for the schemas {public,shown} of
-- this database, recorded by ../record: relations and foreign keys from PostgreSQL 15, views from each version named.
create table public.people (gone text, id integer primary key, mail text unique);
alter table public.people drop column gone;
create table public.texts (id integer primary key, writer integer not null references public.people (id));
create table public.replies (id integer primary key, text integer not null references public.texts (id));
create table public.profiles (person integer primary key references public.people (id));
create table public.orders (region text, number integer, note varchar(9) unique, primary key (region, number));
create table public.lines (
  region text,
  number integer,
  line integer,
  primary key (region, number, line),
  foreign key (region, number) references public.orders (region, number)
);
create table public.letters (
  id integer primary key,
  sender integer references public.people (id),
  recipient integer references public.people (id)
);
create table public.branches (id integer primary key, parent integer references public.branches (id));
create table public.parents (id integer primary key);
create table public.children () inherits (public.parents);
create table public.tags (id integer primary key);
create table public.text_tags (
  text integer references public.texts (id),
  tag integer references public.tags (id),
  primary key (text, tag)
);

-- Tables that only views show.
create schema hidden;
create table hidden.accounts (id integer primary key, owner integer references public.people (id));
create table hidden.memberships (
  account integer references hidden.accounts (id),
  person integer references public.people (id),
  primary key (account, person)
);
create view hidden.all_accounts as select id, owner from hidden.accounts;

create schema shown;
create view shown.accounts as select id as number, owner from hidden.all_accounts;
create view shown.memberships as select person, account from hidden.memberships where account > 5;
create view shown.tags as select id from public.tags;
create view shown.text_tags as select tag, text from public.text_tags;
create view shown.branches as select id, parent from public.branches;
create view shown.letters as
  select l.id, s.id as sender, r.id as recipient from public.letters l
  join public.people s on s.id = l.sender left join public.people r on r.id = l.recipient;

-- No row of texts (lines, people …) comes out twice.
create view shown.once_plain (number, author) as select id, writer from public.texts where id > 5 order by writer limit 10;
create view shown.once_nested as select author, number from shown.once_plain;
create view shown.once_inner as
  select t.id, t.writer, p.mail from public.texts t join public.people p on p.id = t.writer;
create view shown.once_left as
  select l.region, l.number, l.line, o.note from public.lines l
  left join public.orders o on o.region = l.region and o.number = l.number;
create view shown.once_right as select t.id, p.mail from public.people p right join public.texts t on p.id = t.writer;
create view shown.once_where as
  select r.id, r.text from public.replies r, public.texts t, public.people p where t.id = r.text and p.id = t.writer;
create view shown.once_grouped as
  select t.id, count(r.id) as replies from public.texts t left join public.replies r on r.text = t.id group by t.id;
create view shown.once_distinct as select distinct p.id, p.mail from public.people p join public.texts t on t.writer = p.id;
create view shown.once_distinct_on as
  select distinct on (p.id) p.id, t.id as text from public.people p join public.texts t on t.writer = p.id;
create view shown.once_lateral as
  select t.id, n.replies from public.texts t
  cross join lateral (select count(*) as replies from public.replies r where r.text = t.id) n;
create view shown.once_using as
  select person, mail from public.profiles join (select id as person, mail from public.people) p using (person);
create view shown.once_with as with mine as (select id, writer from public.texts) select m.id, m.writer from mine m;
create view shown.once_noted as
  select l.region, l.number, l.line, o.note from public.orders o, public.lines l where o.note = 'x' and l.line > 1;
create view shown.once_both as select p.id, f.person from public.people p join public.profiles f on f.person = p.id;
create view shown.once_row as select (t).id, (t).writer from public.texts t;
create materialized view shown.once_stored as select id, writer from public.texts;

-- A row may come out twice.
create view shown.many_joined as select t.id, r.id as reply from public.texts t join public.replies r on r.text = t.id;
create view shown.many_only as select t.id, r.text from public.texts t join public.replies r on r.text = t.id;
create view shown.many_cross as select t.id from public.texts t, public.people p;
create view shown.many_full as select t.id from public.texts t full join public.people p on p.id = t.writer;
create view shown.many_left as select p.id from public.texts t left join public.people p on p.id = t.writer;
create view shown.many_circular as
  select t.id from public.texts t, public.letters l, public.letters m where l.id = m.sender and m.id = l.sender;
create view shown.many_half as select l.region, l.number, l.line from public.lines l join public.orders o on o.region = l.region;
create view shown.many_or as select t.id from public.texts t join public.people p on p.id = t.writer or p.id = 1;
create view shown.many_rows as select id, generate_series(1, 2) as n from public.texts;
create view shown.many_values as select t.id, n.n from public.texts t cross join (values (1), (2)) n (n);
create view shown.many_grouped as select writer, id % 2 as odd from public.texts group by writer, id % 2;
create view shown.many_sets as select id, writer from public.texts group by rollup (id, writer);
create view shown.many_children as select id from public.parents;
create view shown.many_collations as
  select o.region, o.number from public.orders o join public.people p on p.mail = o.region collate "C";

-- Nothing comes straight from a table.
create view shown.nothing_computed as select id + 0 as id, writer::text as writer from public.texts;
create view shown.nothing_union as select id from public.texts union all select id from public.replies;
create view shown.nothing_recursive as
  with recursive up (id, parent) as (
    select id, parent from public.branches
    union all
    select b.id, b.parent from public.branches b join up on up.parent = b.id
  ) select id, parent from up;
create view shown.nothing_row as select t as whole, t.ctid as id from public.texts t;
create view shown.nothing_forged as select 1 as ":resorigtbl", id + 1 as "id :resorigtbl 5} {(", 2 as "\ " from public.texts;
