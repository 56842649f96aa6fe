// The documented methods of postgrest-js, each against the server. Prints one line for each step and exits with 1 when
// one of them did not hold.
//   node tour.mjs URL ANON_KEY ACCESS_TOKEN
import { PostgrestClient } from '@supabase/postgrest-js'
import assert from 'node:assert/strict'
import { leave, rows, step } from './steps.mjs'

const [url, anonKey, token] = process.argv.slice(2)
const client = (bearer) => new PostgrestClient(`${url}/rest/v1`, { headers: { apikey: anonKey, Authorization: `Bearer ${bearer}` } })
const anon = client(anonKey)
const user = client(token)

const titles = async (request) => (await rows(request)).map((film) => film.title)
/** The error of a request that must be refused. */
async function refused(request) {
  const { data, error, status } = await request
  assert.equal(data, null, JSON.stringify(data))
  return { ...error, status }
}
const films = () => anon.from('films')

// Reading
await step('select all columns', async () => assert.equal((await rows(films().select())).length, 6))
await step('select columns', async () =>
  assert.deepEqual(await rows(films().select('id, title').eq('id', 4)), [{ id: 4, title: 'Ran' }]))
await step('select renamed and cast', async () =>
  assert.deepEqual(await rows(films().select('name:title, year::text').eq('id', 4)), [{ name: 'Ran', year: '1985' }]))
await step('select inside json', async () =>
  assert.deepEqual(await rows(films().select('details->length->minutes, hue:details->>colour').eq('id', 4)), [{ minutes: 162, hue: 'true' }]))
await step('count exact', async () => {
  const { data, count, status } = await films().select('id', { count: 'exact' }).range(0, 1)
  assert.deepEqual([data.length, count, status], [2, 6, 206])
})
await step('count planned', async () => assert.equal(typeof (await films().select('*', { count: 'planned' })).count, 'number'))
await step('count estimated', async () => assert.equal((await films().select('*', { count: 'estimated' })).count, 6))
await step('head', async () => {
  const { data, count, error } = await films().select('*', { count: 'exact', head: true })
  assert.deepEqual([data, count, error], [null, 6, null])
})

// Filters
const filters = {
  eq: [(q) => q.eq('year', 1985), [4]],
  neq: [(q) => q.neq('year', 1985), [1, 2, 3, 5, 6]],
  gt: [(q) => q.gt('year', 1993), [2, 6]],
  gte: [(q) => q.gte('year', 1993), [2, 5, 6]],
  lt: [(q) => q.lt('year', 1962), [3]],
  lte: [(q) => q.lte('year', 1962), [1, 3]],
  like: [(q) => q.like('title', 'The %'), [2, 5]],
  likeAllOf: [(q) => q.likeAllOf('title', ['%The%', '%Piano%']), [5]],
  likeAnyOf: [(q) => q.likeAnyOf('title', ['Ran', '%Piano%']), [4, 5]],
  ilike: [(q) => q.ilike('title', 'the %'), [2, 5]],
  ilikeAllOf: [(q) => q.ilikeAllOf('title', ['%the%', '%piano%']), [5]],
  ilikeAnyOf: [(q) => q.ilikeAnyOf('title', ['ran', '%piano%']), [4, 5]],
  'is null': [(q) => q.is('director_id', null), [6]],
  'is not null': [(q) => q.not('showing', 'is', null), [1, 2, 3, 5]],
  in: [(q) => q.in('title', ['Ran', 'The Piano', 'none, (such)']), [4, 5]],
  'not in': [(q) => q.not('id', 'in', '(1,2,3)'), [4, 5, 6]],
  'contains array': [(q) => q.contains('tags', ['drama', 'music']), [1, 5]],
  'contains json': [(q) => q.contains('details', { colour: true }), [2, 4, 5]],
  containedBy: [(q) => q.containedBy('tags', ['drama', 'music']), [1, 5, 6]],
  'overlaps array': [(q) => q.overlaps('tags', ['war', 'documentary']), [2, 4]],
  'overlaps range': [(q) => q.overlaps('showing', '[2026-01-01 11:00,2026-01-02 11:00)'), [1, 2]],
  'contains range': [(q) => q.contains('showing', '[2026-01-03 11:00,2026-01-03 12:00)'), [3]],
  rangeGt: [(q) => q.rangeGt('showing', '[2026-01-02 00:00,2026-01-02 23:00)'), [3, 5]],
  rangeGte: [(q) => q.rangeGte('showing', '[2026-01-02 00:00,2026-01-02 23:00)'), [2, 3, 5]],
  rangeLt: [(q) => q.rangeLt('showing', '[2026-01-02 00:00,2026-01-02 23:00)'), [1]],
  rangeLte: [(q) => q.rangeLte('showing', '[2026-01-02 00:00,2026-01-02 23:00)'), [1, 2]],
  rangeAdjacent: [(q) => q.rangeAdjacent('showing', '[2026-01-01 12:00,2026-01-01 13:00)'), [1]],
  'textSearch tsvector': [(q) => q.textSearch('words', 'samurai & seven'), [3]],
  'textSearch plain': [(q) => q.textSearch('title', 'gleaners i', { type: 'plain', config: 'english' }), [2]],
  'textSearch phrase': [(q) => q.textSearch('title', 'seven samurai', { type: 'phrase' }), [3]],
  'textSearch websearch': [(q) => q.textSearch('title', 'piano or ran', { type: 'websearch' }), [4, 5]],
  match: [(q) => q.match({ year: 1985, title: 'Ran' }), [4]],
  not: [(q) => q.not('year', 'lt', 1990), [2, 5, 6]],
  or: [(q) => q.or('id.eq.1,and(year.gt.1990,rating.gt.7.6)'), [1, 2]],
  'or with quotes': [(q) => q.or('title.eq."Cléo from 5 to 7",title.in.("Ran","x,y")'), [1, 4]],
  filter: [(q) => q.filter('rating', 'not.gte', 8), [1, 2, 5]],
  'filter inside json': [(q) => q.gt('details->length->minutes', 150), [3, 4]],
}
for (const [name, [refine, ids]] of Object.entries(filters)) {
  await step(name, async () => {
    const found = await rows(refine(films().select('id')).order('id'))
    assert.deepEqual(found.map((film) => film.id), ids)
  })
}

// Modifiers
await step('order', async () =>
  assert.deepEqual(await titles(films().select('title').order('year', { ascending: false }).limit(2)), ['A film without a director', 'The Gleaners and I']))
await step('order nulls first', async () =>
  assert.deepEqual(await titles(films().select('title').order('rating', { nullsFirst: true }).limit(1)), ['A film without a director']))
await step('range', async () => assert.equal((await rows(films().select('id').order('id').range(1, 3))).length, 3))
await step('single', async () => assert.deepEqual(await rows(films().select('id').eq('id', 1).single()), { id: 1 }))
await step('single refuses several rows', async () => {
  const error = await refused(films().select('id').single())
  assert.deepEqual([error.code, error.status], ['PGRST116', 406])
})
await step('maybeSingle', async () => assert.equal(await rows(films().select('id').eq('id', 99).maybeSingle()), null))
await step('csv', async () =>
  assert.equal(await rows(films().select('id,title').lt('id', 3).order('id').csv()), 'id,title\n1,Cléo from 5 to 7\n2,The Gleaners and I'))
await step('explain', async () => {
  const plan = await rows(films().select().eq('id', 1).explain({ format: 'json' }))
  assert.ok(JSON.stringify(plan).includes('Plan'))
})
await step('explain as text', async () => assert.match(await rows(films().select().explain({ verbose: true })), /^Aggregate/))
await step('schema', async () => assert.deepEqual(await rows(anon.schema('other').from('shelf').select()), [{ id: 1, label: 'top' }]))
await step('schema that is not served', async () => assert.equal((await refused(anon.schema('auth').from('users').select())).code, 'PGRST106'))

// Relationships
await step('many-to-one', async () =>
  assert.deepEqual(await rows(films().select('title, directors(last_name)').eq('id', 4)), [{ title: 'Ran', directors: { last_name: 'Kurosawa' } }]))
await step('one-to-many', async () =>
  assert.deepEqual(await rows(anon.from('directors').select('last_name, films(title)').eq('id', 3)), [{ last_name: 'Campion', films: [{ title: 'The Piano' }] }]))
await step('one-to-one', async () =>
  assert.deepEqual(await rows(films().select('title, technical_specifications(camera)').eq('id', 1)), [
    { title: 'Cléo from 5 to 7', technical_specifications: { camera: 'Eclair' } },
  ]))
await step('many-to-many', async () => {
  const found = await rows(anon.from('actors').select('last_name, films(title)').eq('id', 3).order('title', { referencedTable: 'films' }))
  assert.deepEqual(found, [{ last_name: 'Nakadai', films: [{ title: 'Ran' }, { title: 'Seven Samurai' }] }])
})
await step('nested', async () => {
  const found = await rows(anon.from('roles').select('character, films(title, directors(last_name))').eq('actor_id', 4))
  assert.deepEqual(found, [{ character: 'Ada', films: { title: 'The Piano', directors: { last_name: 'Campion' } } }])
})
await step('renamed', async () =>
  assert.deepEqual(await rows(films().select('title, by:directors(name:last_name)').eq('id', 4)), [{ title: 'Ran', by: { name: 'Kurosawa' } }]))
await step('hint by constraint', async () =>
  assert.deepEqual(await rows(anon.from('messages').select('body, from:actors!messages_sender(last_name), to:actors!messages_receiver(last_name)').eq('id', 1)), [
    { body: 'Hello', from: { last_name: 'Marchand' }, to: { last_name: 'Mifune' } },
  ]))
await step('hint by column', async () =>
  assert.deepEqual(await rows(anon.from('messages').select('from:sender(last_name)').eq('id', 1)), [{ from: { last_name: 'Marchand' } }]))
await step('ambiguous relationship', async () => {
  const error = await refused(anon.from('messages').select('actors(last_name)'))
  assert.deepEqual([error.code, error.status, error.details.length], ['PGRST201', 300, 2])
})
await step('no relationship', async () => assert.equal((await refused(films().select('nothing(id)'))).code, 'PGRST200'))
await step('recursive', async () => {
  const found = await rows(anon.from('employees').select('name, above:boss(name), below:employees!boss(name)').eq('id', 1))
  assert.deepEqual(found, [{ name: 'Ann', above: null, below: [{ name: 'Bob' }, { name: 'Cid' }] }])
})
await step('inner join', async () =>
  assert.deepEqual(await titles(films().select('title, directors!inner(last_name)').eq('directors.last_name', 'Varda').order('id')), ['Cléo from 5 to 7', 'The Gleaners and I']))
await step('filter on related rows', async () =>
  assert.deepEqual(await rows(anon.from('directors').select('last_name, films(title)').eq('id', 1).gt('films.year', 1990)), [
    { last_name: 'Varda', films: [{ title: 'The Gleaners and I' }] },
  ]))
await step('or on related rows', async () => {
  const found = await rows(anon.from('directors').select('films(id)').eq('id', 2).or('year.eq.1985,id.eq.1', { referencedTable: 'films' }))
  assert.deepEqual(found, [{ films: [{ id: 4 }] }])
})
await step('limit on related rows', async () => {
  const found = await rows(anon.from('directors').select('films(title)').eq('id', 2).order('year', { referencedTable: 'films' }).limit(1, { referencedTable: 'films' }))
  assert.deepEqual(found, [{ films: [{ title: 'Seven Samurai' }] }])
})
await step('order by a related row', async () =>
  assert.deepEqual(await titles(films().select('title, directors(last_name)').order('directors(last_name)').order('year').limit(2)), ['The Piano', 'Seven Samurai']))
await step('without related rows', async () =>
  assert.deepEqual(await rows(anon.from('directors').select('last_name, films()').is('films', null)), [{ last_name: 'Yet' }]))
await step('spread', async () =>
  assert.deepEqual(await rows(films().select('title, ...directors(director:last_name)').eq('id', 4)), [{ title: 'Ran', director: 'Kurosawa' }]))
await step('computed column', async () =>
  assert.deepEqual(await rows(anon.from('directors').select('full_name').eq('id', 1)), [{ full_name: 'Agnès Varda' }]))
await step('computed relationship', async () =>
  assert.deepEqual(await rows(anon.from('directors').select('debut(title)').eq('id', 2)), [{ debut: { title: 'Seven Samurai' } }]))
await step('a view has the relationships of its tables', async () =>
  assert.deepEqual(await rows(anon.from('recent_films').select('title, directors(last_name)').eq('id', 5)), [{ title: 'The Piano', directors: { last_name: 'Campion' } }]))

// Writing
await step('anonymous visitors do not write', async () => {
  const error = await refused(anon.from('directors').insert({ id: 9, first_name: 'A', last_name: 'B' }))
  assert.deepEqual([error.code, error.status], ['42501', 401])
})
await step('insert', async () => {
  const { data, error, status } = await user.from('directors').insert({ id: 10, first_name: 'Céline', last_name: 'Sciamma' })
  assert.deepEqual([data, error, status], [null, null, 201])
})
await step('insert and select', async () =>
  assert.deepEqual(await rows(user.from('films').insert({ title: 'Petite Maman', year: 2021, director_id: 10 }).select('title, directors(last_name)')), [
    { title: 'Petite Maman', directors: { last_name: 'Sciamma' } },
  ]))
await step('insert many with defaults', async () => {
  const many = [{ id: 11, first_name: 'A', last_name: 'A', born: '2000-01-01' }, { id: 12, first_name: 'B', last_name: 'B' }]
  assert.deepEqual(await rows(user.from('directors').insert(many, { defaultToNull: false }).select('id, born')), [{ id: 11, born: '2000-01-01' }, { id: 12, born: null }])
})
await step('insert with a count', async () => {
  const { count } = await user.from('employees').insert([{ id: 10, name: 'Dan' }, { id: 11, name: 'Eve' }], { count: 'exact' })
  assert.equal(count, 2)
})
await step('a taken key is a conflict', async () => {
  const error = await refused(user.from('directors').insert({ id: 1, first_name: 'A', last_name: 'B' }))
  assert.deepEqual([error.code, error.status], ['23505', 409])
})
await step('upsert', async () =>
  assert.deepEqual(await rows(user.from('directors').upsert({ id: 11, first_name: 'Ann', last_name: 'Hui' }).select('id, last_name')), [{ id: 11, last_name: 'Hui' }]))
await step('upsert on another key', async () =>
  assert.deepEqual(await rows(user.from('films').upsert({ title: 'Ran', year: 1986 }, { onConflict: 'title' }).select('id, year')), [{ id: 4, year: 1986 }]))
await step('upsert that ignores', async () =>
  assert.deepEqual(await rows(user.from('directors').upsert({ id: 11, first_name: 'X', last_name: 'X' }, { ignoreDuplicates: true }).select()), []))
await step('update', async () => {
  const { data, error, status } = await user.from('films').update({ year: 1985 }).eq('id', 4)
  assert.deepEqual([data, error, status], [null, null, 204])
})
await step('update and select', async () =>
  assert.deepEqual(await rows(user.from('films').update({ details: { colour: true } }).eq('title', 'Petite Maman').select('details')), [{ details: { colour: true } }]))
await step('update without a filter is refused', async () => {
  const error = await refused(user.from('films').update({ year: 1 }))
  assert.equal(error.code, '21000')
})
await step('maxAffected', async () => {
  const error = await refused(user.from('employees').update({ name: 'X' }).gt('id', 9).maxAffected(1))
  assert.equal(error.code, 'PGRST124')
  assert.equal((await rows(anon.from('employees').select('id').eq('name', 'X'))).length, 0)
})
await step('rollback', async () => {
  await rows(user.from('employees').delete().eq('id', 10).rollback().select())
  assert.equal((await rows(anon.from('employees').select('id').eq('id', 10))).length, 1)
})
await step('delete and select', async () =>
  assert.deepEqual(await rows(user.from('employees').delete().in('id', [10, 11]).select('id')), [{ id: 10 }, { id: 11 }]))
await step('delete', async () => {
  const { status, error } = await user.from('films').delete().eq('title', 'Petite Maman')
  assert.deepEqual([status, error], [204, null])
})

// Functions
await step('rpc', async () => assert.equal(await rows(anon.rpc('add_them', { a: 1, b: 2 })), 3))
await step('rpc by get', async () => assert.equal(await rows(anon.rpc('add_them', { a: 1, b: 2 }, { get: true })), 3))
await step('rpc with arrays', async () => assert.deepEqual(await rows(anon.rpc('plus_one', { numbers: [1, 2] })), [2, 3]))
await step('rpc with arrays by get', async () => assert.deepEqual(await rows(anon.rpc('plus_one', { numbers: [1, 2] }, { get: true })), [2, 3]))
await step('rpc of rows, filtered', async () =>
  assert.deepEqual(await rows(anon.rpc('films_of', { year: 1993 }).select('title, directors(last_name)').gt('id', 1)), [{ title: 'The Piano', directors: { last_name: 'Campion' } }]))
await step('rpc of one row', async () => assert.equal((await rows(anon.rpc('latest'))).title, 'A film without a director'))
await step('rpc with a count', async () => assert.equal((await anon.rpc('films_of', { year: 1993 }, { count: 'exact' })).count, 1))
await step('rpc by head', async () => assert.equal((await anon.rpc('films_of', { year: 1993 }, { head: true, count: 'exact' })).count, 1))
await step('rpc without a result', async () => {
  const { status, error } = await user.rpc('rename', { old: 'Ran', new: 'Ran' })
  assert.deepEqual([status, error], [204, null])
})
await step('an unknown function', async () => assert.deepEqual([(await refused(anon.rpc('no_such'))).code, (await anon.rpc('no_such')).status], ['PGRST202', 404]))

// Errors
await step('an unknown column', async () => assert.equal((await refused(films().select('nme'))).code, '42703'))
await step('an unknown table', async () => assert.deepEqual([(await refused(anon.from('filmz').select())).code, (await anon.from('filmz').select()).status], ['PGRST205', 404]))
await step('a value that is none of its type', async () => assert.deepEqual((await refused(films().select().eq('year', 'soon'))).code, '22P02'))
await step('a hint names the nearest table', async () => assert.match((await refused(anon.from('filmz').select())).hint, /films/))
await step('throwOnError', async () => assert.rejects(async () => { await anon.from('filmz').select().throwOnError() }))
await step('abortSignal', async () => {
  const { error } = await films().select().abortSignal(AbortSignal.abort())
  assert.ok(error)
})

leave()
