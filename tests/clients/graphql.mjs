// What people already have for GraphQL, each against the server: the audits of the specification of GraphQL over HTTP,
// the reference implementation's reading of the schema, the generator of types, and three clients with a query, a
// mutation and an error. Prints one line for each step and exits with 1 when one of them did not hold.
//   node graphql.mjs URL ANON_KEY ACCESS_TOKEN
import apollo from '@apollo/client/core/core.cjs'
import persisted from '@apollo/client/link/persisted-queries/persisted-queries.cjs'
import { Client, fetchExchange, gql as urqlGql } from '@urql/core'
import { codegen } from '@graphql-codegen/core'
import * as typescript from '@graphql-codegen/typescript'
import * as operations from '@graphql-codegen/typescript-operations'
import { buildClientSchema, getIntrospectionQuery, parse, printSchema, validate, validateSchema } from 'graphql'
import { serverAudits } from 'graphql-http'
import { ClientError, GraphQLClient } from 'graphql-request'
import { createHash } from 'node:crypto'
import assert from 'node:assert/strict'
import { leave, step } from './steps.mjs'

const [url, anonKey, token] = process.argv.slice(2)
const endpoints = [`${url}/api/v1/graphql`, `${url}/graphql/v1`]
const headers = { Authorization: `Bearer ${token}` }

// The audits, of which none is left out.
for (const endpoint of endpoints) {
  for (const audit of serverAudits({ url: endpoint })) {
    await step(`audit ${audit.id} ${audit.name}`, async () => {
      const result = await audit.fn()
      assert.equal(result.status, 'ok', result.reason)
    })
  }
}

// The schema, as every role sees it.
const FILM = 'query Film($id: Int!) { film(id: $id) { title year rating director { lastName films(limit: 2, orderBy: {year: ASC}) { title } } } }'
const ADD = 'mutation Add($data: FilmsInput!) { insertFilms(data: $data) { id title director { lastName } } }'
const REMOVE = 'mutation Remove($id: Int!) { deleteFilms(id: $id) { title } }'
const WRONG = '{ films(limit: 1) { titel } }'
async function introspect(bearer) {
  const response = await fetch(endpoints[0], {
    method: 'POST',
    headers: { 'content-type': 'application/json', Authorization: `Bearer ${bearer}` },
    body: JSON.stringify({
      query: getIntrospectionQuery({ descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, schemaDescription: true, inputValueDeprecation: true }),
    }),
  })
  return buildClientSchema((await response.json()).data)
}
const schema = await introspect(token)
await step('buildClientSchema accepts the schema of a user', () => assert.deepEqual(validateSchema(schema), []))
await step('buildClientSchema accepts the schema of a visitor', async () => {
  const visitors = await introspect(anonKey)
  assert.deepEqual(validateSchema(visitors), [])
  assert.ok(visitors.getQueryType().getFields().films)
  // Who may only read has no mutations; what nobody was granted is not there.
  assert.equal(visitors.getMutationType()?.getFields().insertFilms, undefined)
  assert.ok(schema.getMutationType().getFields().insertFilms)
  assert.equal(schema.getMutationType().getFields().insertActors, undefined)
})
await step('the schema survives being printed', () => assert.ok(printSchema(schema).includes('type Films')))
await step('the schema is what documents are valid by', () => {
  for (const document of [FILM, ADD, REMOVE]) assert.deepEqual(validate(schema, parse(document)), [])
  assert.equal(validate(schema, parse(WRONG)).length, 1)
})
await step('graphql-codegen builds types', async () => {
  const types = await codegen({
    filename: 'types.ts',
    schema: parse(printSchema(schema)),
    documents: [FILM, ADD, REMOVE].map((document) => ({ document: parse(document) })),
    config: {},
    plugins: [{ typescript: {} }, { operations: {} }],
    pluginMap: { typescript, operations },
  })
  for (const part of ['export type FilmsInput = {', 'export type FilmQuery = {', 'lastName: string', 'export type AddMutationVariables'])
    assert.ok(types.includes(part), part)
})

// Clients.
const CLEO = { title: 'Cléo from 5 to 7', year: 1962, rating: 7.8, director: { lastName: 'Varda', films: [{ title: 'Cléo from 5 to 7' }, { title: 'The Gleaners and I' }] } }
const WORDS = 'Cannot query field "titel" on type "Films". Did you mean "title"?'
/** Without what Apollo adds to every object. */
const plain = (value) => JSON.parse(JSON.stringify(value, (key, one) => (key === '__typename' ? undefined : one)))
const data = (title) => ({ title, year: 2026, directorId: 3, tags: ['new', 'quo"te'] })

for (const endpoint of endpoints) {
  const { ApolloClient, HttpLink, InMemoryCache, gql } = apollo
  const client = (link) => new ApolloClient({ link, cache: new InMemoryCache(), devtools: { enabled: false } })
  const user = client(new HttpLink({ uri: endpoint, headers, fetch }))
  await step(`apollo query ${endpoint}`, async () => {
    const answer = await user.query({ query: gql(FILM), variables: { id: 1 } })
    assert.deepEqual(plain(answer.data.film), CLEO)
  })
  await step(`apollo mutation ${endpoint}`, async () => {
    const added = await user.mutate({ mutation: gql(ADD), variables: { data: data('Apollo') } })
    const { id, ...film } = plain(added.data.insertFilms)
    assert.deepEqual(film, { title: 'Apollo', director: { lastName: 'Campion' } })
    const removed = await user.mutate({ mutation: gql(REMOVE), variables: { id } })
    assert.deepEqual(plain(removed.data.deleteFilms), { title: 'Apollo' })
  })
  await step(`apollo error ${endpoint}`, async () => {
    const error = await user.query({ query: gql(WRONG) }).then(assert.fail, (error) => error)
    const [first] = error.networkError?.result?.errors ?? error.graphQLErrors
    assert.equal(first.message, WORDS)
    assert.equal(first.extensions.code, 'GRAPHQL_VALIDATION_FAILED')
  })
  await step(`apollo persisted query that the server does not have ${endpoint}`, async () => {
    const link = persisted.createPersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex') })
    const bodies = []
    const watched = (uri, options) => {
      bodies.push(JSON.parse(options.body))
      return fetch(uri, options)
    }
    const answer = await client(link.concat(new HttpLink({ uri: endpoint, headers, fetch: watched }))).query({ query: gql(FILM), variables: { id: 1 } })
    assert.deepEqual(plain(answer.data.film), CLEO)
    assert.deepEqual(bodies.map((body) => 'query' in body), [false, true])
  })

  const urql = new Client({ url: endpoint, exchanges: [fetchExchange], fetchOptions: { headers }, preferGetMethod: true })
  await step(`urql query ${endpoint}`, async () => {
    const answer = await urql.query(urqlGql(FILM), { id: 1 }).toPromise()
    assert.equal(answer.error, undefined)
    assert.deepEqual(plain(answer.data.film), CLEO)
  })
  await step(`urql mutation ${endpoint}`, async () => {
    const added = await urql.mutation(urqlGql(ADD), { data: data('Urql') }).toPromise()
    assert.equal(added.error, undefined)
    assert.equal(added.data.insertFilms.title, 'Urql')
    const removed = await urql.mutation(urqlGql(REMOVE), { id: added.data.insertFilms.id }).toPromise()
    assert.deepEqual(plain(removed.data.deleteFilms), { title: 'Urql' })
  })
  await step(`urql error ${endpoint}`, async () => {
    const { error } = await urql.query(urqlGql(WRONG), {}).toPromise()
    assert.deepEqual(error.graphQLErrors.map((one) => [one.message, one.extensions.code]), [[WORDS, 'GRAPHQL_VALIDATION_FAILED']])
  })

  const request = new GraphQLClient(endpoint, { headers })
  await step(`graphql-request query ${endpoint}`, async () => {
    assert.deepEqual(await request.request(FILM, { id: 1 }), { film: CLEO })
  })
  await step(`graphql-request mutation ${endpoint}`, async () => {
    const { insertFilms } = await request.request(ADD, { data: data('Request') })
    assert.equal(insertFilms.title, 'Request')
    assert.deepEqual(await request.request(REMOVE, { id: insertFilms.id }), { deleteFilms: { title: 'Request' } })
  })
  await step(`graphql-request error ${endpoint}`, async () => {
    const error = await request.request(WRONG).then(assert.fail, (error) => error)
    assert.ok(error instanceof ClientError)
    assert.equal(error.response.errors[0].message, WORDS)
    assert.equal(error.response.errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED')
  })
}

leave()
