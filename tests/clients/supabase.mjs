// supabase-js: tables and functions through the client that applications are written with. Prints one line for each step
// and exits with 1 when one of them did not hold.
//   node supabase.mjs URL ANON_KEY ACCESS_TOKEN
import { createClient } from '@supabase/supabase-js'
import assert from 'node:assert/strict'
import { leave, rows, step } from './steps.mjs'

const [url, anonKey, token] = process.argv.slice(2)
const anon = createClient(url, anonKey)
const user = createClient(url, anonKey, { accessToken: async () => token })

await step('from().select()', async () => assert.equal((await rows(anon.from('films').select())).length, 6))
await step('from().select() with related rows', async () =>
  assert.deepEqual(await rows(anon.from('films').select('title, directors(last_name)').eq('id', 4).single()), { title: 'Ran', directors: { last_name: 'Kurosawa' } }))
await step('from().insert()', async () =>
  assert.deepEqual(await rows(user.from('directors').insert({ id: 60, first_name: 'Jane', last_name: 'Doe' }).select('id')), [{ id: 60 }]))
await step('from().update()', async () =>
  assert.deepEqual(await rows(user.from('directors').update({ last_name: 'Roe' }).eq('id', 60).select('last_name')), [{ last_name: 'Roe' }]))
await step('from().upsert()', async () =>
  assert.deepEqual(await rows(user.from('directors').upsert({ id: 60, first_name: 'Jane', last_name: 'Poe' }).select('last_name')), [{ last_name: 'Poe' }]))
await step('from().delete()', async () => assert.deepEqual(await rows(user.from('directors').delete().eq('id', 60).select('id')), [{ id: 60 }]))
await step('from() of a visitor does not write', async () => {
  const { error, status } = await anon.from('directors').insert({ id: 61, first_name: 'A', last_name: 'B' })
  assert.deepEqual([error.code, status], ['42501', 401])
})
await step('schema()', async () => assert.ok((await rows(anon.schema('other').from('shelf').select())).length > 0))
await step('rpc()', async () => assert.equal(await rows(anon.rpc('add_them', { a: 1, b: 2 })), 3))
await step('rpc() of rows', async () =>
  assert.deepEqual(await rows(anon.rpc('films_of', { year: 1993 }).select('title')), [{ title: 'The Piano' }]))
await step('rpc() of nothing', async () => assert.equal((await anon.rpc('nothing')).error.code, 'PGRST202'))

leave()
