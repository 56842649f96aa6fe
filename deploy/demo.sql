-- Two tables to try things on. Loaded once; what is done to them afterwards is left alone.
select to_regclass('public.notes') is null as fresh \gset
\if :fresh
begin;

create table public.notes (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid(),
  title text not null check (length(title) between 1 and 200),
  body text,
  is_public boolean not null default false,
  created_at timestamptz not null default now()
);
create index on public.notes (user_id, created_at desc);

create table public.comments (
  id bigint generated always as identity primary key,
  note_id bigint not null references public.notes on delete cascade,
  user_id uuid not null default auth.uid(),
  body text not null check (length(body) between 1 and 2000),
  created_at timestamptz not null default now()
);
create index on public.comments (note_id);

do $$ begin perform auth.enable_rls('notes'), auth.enable_rls('comments'); end $$;

create policy notes_read on public.notes for select using (user_id = auth.uid() or is_public);
create policy notes_insert on public.notes for insert with check (user_id = auth.uid());
create policy notes_update on public.notes for update using (user_id = auth.uid());
create policy notes_delete on public.notes for delete using (user_id = auth.uid());

-- Comments are seen by whoever sees the note: the subquery is itself under the policies of notes.
create policy comments_read on public.comments for select
  using (exists (select from public.notes n where n.id = note_id));
create policy comments_insert on public.comments for insert
  with check (user_id = auth.uid() and exists (select from public.notes n where n.id = note_id));
create policy comments_update on public.comments for update using (user_id = auth.uid());
create policy comments_delete on public.comments for delete using (user_id = auth.uid());

grant select on public.notes, public.comments to anon;
grant select, insert, update, delete on public.notes, public.comments to authenticated, service_role;

-- Something an anonymous visitor sees. Its owner is nobody: the superuser passes by the policies.
insert into public.notes (user_id, title, body, is_public)
values ('00000000-0000-4000-8000-000000000000', 'Welcome', 'Everybody can read this note.', true);

commit;
\endif
