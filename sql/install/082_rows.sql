-- What must hold of the number of rows a request wrote. The server writes these around that number in the statement
-- itself, so that a number that does not hold undoes the write before anybody has seen it.
-- The detail of both errors is the number and nothing else: the server repeats it.
create function auth.at_most(rows bigint, most bigint) returns bigint
  language plpgsql stable strict parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  if rows > most then
    raise exception using
      errcode = 'FX012',
      message = 'more rows than the request allows',
      detail = rows::pg_catalog.text;
  end if;
  return rows;
end
$$;
comment on function auth.at_most(bigint, bigint) is
  'Gives the first number back, and raises FX012 when it is larger than the second';

create function auth.exactly_one(rows bigint) returns bigint
  language plpgsql stable strict parallel safe set search_path = pg_catalog, pg_temp
as $$
begin
  if rows <> 1 then
    raise exception using
      errcode = 'FX013',
      message = 'not exactly one row',
      detail = rows::pg_catalog.text;
  end if;
  return rows;
end
$$;
comment on function auth.exactly_one(bigint) is
  'Gives the number back, and raises FX013 when it is not 1';
