// react-admin's data provider for PostgREST, through everything a data provider is asked. Prints one line for each step
// and exits with 1 when one of them did not hold.
//   node admin.mjs URL ANON_KEY ACCESS_TOKEN
import provided from '@raphiniert/ra-data-postgrest'
import { fetchUtils } from 'ra-core'
import assert from 'node:assert/strict'
import { leave, step } from './steps.mjs'

const [url, anonKey, token] = process.argv.slice(2)
const httpClient = (address, options = {}) => {
  options.headers.set('apikey', anonKey)
  options.headers.set('Authorization', `Bearer ${token}`)
  return fetchUtils.fetchJson(address, options)
}
const provider = provided.default({
  apiUrl: `${url}/rest/v1`,
  httpClient,
  defaultListOp: 'eq',
  primaryKeys: new Map([['roles', ['film_id', 'actor_id']]]),
  schema: () => '',
})

const list = (changes = {}) => ({ pagination: { page: 1, perPage: 2 }, sort: { field: 'id', order: 'ASC' }, filter: {}, ...changes })
const ids = ({ data }) => data.map((row) => row.id)

await step('getList', async () => {
  const found = await provider.getList('films', list({ pagination: { page: 2, perPage: 2 } }))
  assert.deepEqual([ids(found), found.total], [[3, 4], 6])
})
await step('getList sorted and filtered', async () => {
  const found = await provider.getList('films', list({ sort: { field: 'year', order: 'DESC' }, filter: { 'year@gte': 1985, 'title@ilike': 'a' } }))
  assert.ok(found.total >= 1 && found.data.every((film) => film.year >= 1985), JSON.stringify(found))
})
await step('getList with an embedded resource', async () => {
  const found = await provider.getList('films', list({ filter: { id: 4 }, meta: { columns: ['id', 'directors(last_name)'] } }))
  assert.deepEqual(found.data, [{ id: 4, directors: { last_name: 'Kurosawa' } }])
})
await step('getOne', async () => assert.equal((await provider.getOne('films', { id: 4 })).data.title, 'Ran'))
await step('getOne of two columns', async () => {
  const [first] = (await provider.getList('roles', list({ sort: { field: 'film_id', order: 'ASC' } }))).data
  const one = await provider.getOne('roles', { id: first.id })
  assert.deepEqual(one.data, first)
})
await step('getOne of nothing', async () => assert.rejects(provider.getOne('films', { id: 999 }), (error) => error.status === 406))
await step('getMany', async () => assert.deepEqual(ids(await provider.getMany('films', { ids: [1, 4] })).sort(), [1, 4]))
await step('getManyReference', async () => {
  const found = await provider.getManyReference('films', { ...list(), target: 'director_id', id: 2 })
  assert.ok(found.total >= 1 && found.data.every((film) => film.director_id === 2))
})
await step('create', async () => {
  const made = await provider.create('directors', { data: { id: 50, first_name: 'Jane', last_name: 'Doe' } })
  assert.equal(made.data.id, 50)
})
await step('update', async () => {
  const previousData = { id: 50, first_name: 'Jane', last_name: 'Doe' }
  const changed = await provider.update('directors', { id: 50, data: { ...previousData, last_name: 'Roe' }, previousData })
  assert.equal(changed.data.last_name, 'Roe')
})
await step('updateMany', async () => {
  await provider.create('directors', { data: { id: 51, first_name: 'Max', last_name: 'Doe' } })
  await provider.updateMany('directors', { ids: [50, 51], data: { last_name: 'Poe' } })
  assert.deepEqual((await provider.getMany('directors', { ids: [50, 51] })).data.map((row) => row.last_name), ['Poe', 'Poe'])
})
await step('delete', async () => assert.equal((await provider.delete('directors', { id: 50 })).data.id, 50))
await step('deleteMany', async () => {
  await provider.deleteMany('directors', { ids: [51] })
  assert.deepEqual(await provider.getMany('directors', { ids: [50, 51] }), { data: [] , meta: undefined })
})

leave()
