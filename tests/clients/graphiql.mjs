// What somebody does on the page at /graphiql, in a browser: waits for the schema, writes a query, reads the rows, gives a
// token and reads again. Prints one line for each step and exits with 1 when one of them did not hold.
//   node graphiql.mjs URL TOKEN COOKIE DIRECTORY
// COOKIE is the access token of somebody else who is signed in by cookie; DIRECTORY takes all that the browser writes.
import assert from 'node:assert/strict'
import { Browser } from './browser.mjs'
import { leave, step } from './steps.mjs'

const [url, token, cookie, directory] = process.argv.slice(2)
const QUERY = '{ notes(orderBy: {id: ASC}) { body } }'
const EDITOR = '[aria-label="Query Editor"] .CodeMirror'
const HEADERS = '.graphiql-editor-tool .graphiql-editor:not(.hidden) .CodeMirror'
const rows = (...bodies) => ({ data: { notes: bodies.map((body) => ({ body })) } })

const browser = await Browser.start(directory)
const page = browser.page
try {
  await step('the page shows the schema, of a visitor', async () => {
    await page.cookie(url, 'fluxbase_access_token', cookie)
    await page.open(`${url}/graphiql`)
    await page.click('[aria-label="Show Documentation Explorer"]')
    await page.until('the root types', `text('.graphiql-doc-explorer').includes('query: Query')`)
    const types = await page.text('.graphiql-doc-explorer')
    assert.ok(types.includes('NotesFilter') && !types.includes('NotesInput'), types)
  })
  await step('a query is written and run, and nobody is signed in by a cookie', async () => {
    await page.write(EDITOR, QUERY)
    assert.deepEqual(await run(), rows('bob public'))
  })
  await step('with a token in the headers the rows are those of its user', async () => {
    await page.write(HEADERS, JSON.stringify({ Authorization: `Bearer ${token}` }))
    assert.deepEqual(await run(), rows('ann private', 'bob public'))
  })
  await step('and so is the schema', async () => {
    await page.click('[aria-label="Re-fetch GraphQL schema"]')
    await page.until('type that only users write', `text('.graphiql-doc-explorer').includes('NotesInput')`)
  })
  await step('what the server refuses is shown as it is', async () => {
    await page.write(EDITOR, '{ vault { secret } }')
    const { errors } = await run()
    assert.equal(errors[0].extensions.code, 'GRAPHQL_VALIDATION_FAILED')
  })
  await step('its dialogs open', async () => {
    for (const name of ['Open settings dialog', 'Open short keys dialog']) {
      await page.click(`[aria-label="${name}"]`)
      await page.click('.graphiql-dialog-close')
      await page.until('end of the dialog', `!document.querySelector('[role="dialog"]')`)
    }
  })
  await step('the query is kept, the token is not', async () => {
    const kept = 'JSON.stringify({ ...localStorage, ...sessionStorage })'
    await page.until('kept query', `${kept}.includes('vault')`)
    assert.ok(!(await page.value(kept)).includes(token))
  })
  await step('nothing was asked of anybody else', () => {
    const { origin } = new URL(url)
    const paths = new Set()
    for (const asked of page.requests) {
      const { protocol, origin: whose, pathname } = new URL(asked)
      if (protocol === 'data:') continue
      assert.equal(whose, origin, asked)
      paths.add(pathname)
    }
    assert.deepEqual([...paths].sort(), [
      '/api/v1/graphql',
      '/graphiql',
      '/graphiql/graphiql.min.css',
      '/graphiql/graphiql.min.js',
      '/graphiql/page.css',
      '/graphiql/react-dom.production.min.js',
      '/graphiql/react.production.min.js',
      '/graphiql/start.js',
    ])
  })
  await step('the browser had nothing to complain of', () => assert.deepEqual(page.complaints, []))
} finally {
  await browser.stop()
}
leave()

/** Runs what the editor holds; the result. */
async function run() {
  const before = page.answers
  await page.click('.graphiql-execute-button')
  await page.for('an answer', () => page.answers > before)
  await page.until('a result', `!document.querySelector('.graphiql-response .graphiql-spinner')`)
  return JSON.parse(await page.text('.result-window .CodeMirror-line'))
}
