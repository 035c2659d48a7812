import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { withLock } from '../../tools/cluster/lock.ts'
import { identify } from '../../tools/cluster/process-identity.ts'

const directory = mkdtempSync(join(tmpdir(), 'lock-'))
const file = join(directory, 'lock')
const options = { what: 'test', limitMs: 500 }
afterAll(() => rmSync(directory, { recursive: true, force: true }))

it('runs the task and leaves no file', async () => {
  expect(await withLock(file, options, () => Promise.resolve(existsSync(file)))).toBe(true)
  expect(existsSync(file)).toBe(false)
})

it('takes over a lock whose holder is gone', async () => {
  writeFileSync(file, JSON.stringify({ pid: process.pid, startTime: 1, what: 'gone' }))
  expect(await withLock(file, options, () => Promise.resolve('ran'))).toBe('ran')
})

it('waits no longer than its limit and says for whom', async () => {
  writeFileSync(file, JSON.stringify({ ...identify(process.pid), what: 'a long build' }))
  await expect(withLock(file, options, () => Promise.resolve())).rejects.toThrow(/held by a long build \(process \d+\)/)
  rmSync(file)
})

it('serves callers of one process one after the other', async () => {
  let [inside, most] = [0, 0]
  const task = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside--
  }
  await Promise.all(Array.from({ length: 3 }, () => withLock(file, { ...options, limitMs: 50_000 }, task)))
  expect(most).toBe(1)
})
