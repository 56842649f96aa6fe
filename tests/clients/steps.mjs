// What the scripts beside it are made of.
import assert from 'node:assert/strict'

let failed = 0

/** One line for what holds or does not. */
export async function step(name, body) {
  try {
    await body()
    console.log(`ok ${name}`)
  } catch (error) {
    failed += 1
    console.log(`not ok ${name}: ${String(error.message ?? error).replaceAll('\n', ' | ')}`)
  }
}

/** The rows of a request that must succeed. */
export async function rows(request) {
  const { data, error } = await request
  assert.equal(error, null, JSON.stringify(error))
  return data
}

/** The end of a script: 1 when a step did not hold. */
export function leave() {
  process.exit(failed ? 1 : 0)
}
