import { expect, it } from 'vitest'
import { startLineVerifier } from './line-verifier.ts'

const start = (script: string) =>
  startLineVerifier({ name: 'a verifier', command: process.execPath, parameters: ['-e', script] })
const answering = (answer: string) =>
  `require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
    const { id, token } = JSON.parse(line)
    console.log(JSON.stringify({ id, ...(${answer}) }))
  })`

it('gives each token the verdict of its own line', async () => {
  const verifier = start(answering('token === "good" ? { subject: "a", copyAgeMs: 7 } : { refused: "bad" }'))
  const verdicts = await Promise.all(['good', 'bad', 'good'].map((token) => verifier.judge(token)))
  const good = { kind: 'accepted', subject: 'a', copyAgeMs: 7 }
  expect(verdicts).toEqual([good, { kind: 'refused', reason: 'bad' }, good])
  await verifier.stop()
})

it('takes neither a failure, nor an unknown answer, nor the end of the program for a refusal', async () => {
  const failing = start(answering('token === "x" ? { failed: "not reached" } : {}'))
  expect(await failing.judge('x')).toEqual({ kind: 'failed', reason: 'not reached' })
  expect(await failing.judge('y')).toEqual({ kind: 'failed', reason: 'its answer has an unknown form' })
  await failing.stop()
  const ending = start('console.error("no such key"); process.exitCode = 3')
  const ended = { kind: 'failed', reason: 'a verifier ended with 3: no such key' }
  expect([await ending.judge('x'), await ending.judge('x')]).toEqual([ended, ended])
  await ending.stop()
})
