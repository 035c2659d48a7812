import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { internValues } from '../../../src/kube/secrets/intern-values.ts'
import type { Secret } from '../../../src/kube/secrets/secret-codec.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Values as a parser makes them: equal ones are different strings in memory. */
const secret = (name: string, data: Record<string, string>): Secret =>
  JSON.parse(JSON.stringify({ metadata: { name, namespace: 'shop' }, type: 'signet.dev/identity', data })) as Secret
/** Megabytes of the heap that so many Secrets take, once through the transform. */
function heapOf(count: number, transform: (secret: Secret) => Secret): number {
  const bundle = 'b'.repeat(50_000)
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  const kept = Array.from({ length: count }, (_, index) => {
    const token = String(index).padEnd(1000, 't')
    return transform(secret(String(index), { 'ca.crt': bundle, token, 'a.jwt': token }))
  })
  collectGarbage()
  const grown = process.memoryUsage().heapUsed - before
  expect(kept).toHaveLength(count)
  return grown / 2 ** 20
}

describe('Secrets that share values', () => {
  it('say what they said, whatever others say', () => {
    const share = internValues()
    const all = [
      secret('a', { issuer: 'x', 'ca.crt': 'one', token: 't1', 'a.jwt': 't1', 'b.jwt': 't2' }),
      secret('b', { issuer: 'x', 'ca.crt': 'two', token: 'x', 'a.jwt': 'x' }),
      secret('c', { issuer: 'one', 'ca.crt': 'one', token: '', 'a.jwt': '' }),
      { metadata: { name: 'd', namespace: 'shop' } },
    ]
    expect(all.map(share)).toEqual(structuredClone(all))
  })

  it('take less memory', () => {
    const apart = heapOf(200, (one) => one)
    expect(heapOf(200, internValues())).toBeLessThan(apart / 2)
  })
})
