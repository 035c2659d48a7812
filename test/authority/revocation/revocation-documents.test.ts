import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Document } from '../../../src/authority/documents/document.ts'
import { RevocationDocuments } from '../../../src/authority/revocation/revocation-documents.ts'
import { SECOND } from '../../../src/time/duration.ts'
import type { Revocation } from '../../../src/tokens/revocation.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { FakeRevocations } from '../../fakes/revocations.ts'

const issuer = 'https://signet.example'
const sub = (namespace: string, name: string) => `spiffe://cluster.local/ns/${namespace}/sa/${name}`

let clock: HeldClock
let revocations: FakeRevocations
let documents: RevocationDocuments
beforeEach(() => {
  clock = new HeldClock()
  revocations = new FakeRevocations()
  documents = new RevocationDocuments({ issuer, revocations, clock, maxEntries: 3000 })
})
const soon = (seconds: number) => clock.now() / SECOND + seconds
const text = (document: Document | undefined) => document?.plain.body.toString() ?? ''
const read = async (scope = '') =>
  JSON.parse(text(await documents.document(scope))) as { issuer: string; revocations: Revocation[] }

describe('the document of revocations', () => {
  it('is an empty list where nothing is revoked', async () => {
    expect(text(await documents.document(''))).toBe(`{"issuer":"${issuer}","revocations":[]}`)
  })

  it('has every revocation, for the cluster, its namespace and its identity, under the issuer of each', async () => {
    const all = [
      { sub: sub('shop', 'orders'), jti: 't', exp: soon(60) },
      { sub: sub('shop', 'carts'), kid: 'k', exp: soon(60) },
      { sub: sub('billing', 'orders'), issued_before: soon(0), exp: soon(60) },
    ]
    revocations.set(...all)
    expect(await read()).toEqual({ issuer, revocations: all })
    expect(await read('/ns/shop')).toEqual({ issuer: `${issuer}/ns/shop`, revocations: all.slice(0, 2) })
    expect(await read('/ns/shop/sa/carts')).toEqual({
      issuer: `${issuer}/ns/shop/sa/carts`,
      revocations: all.slice(1, 2),
    })
    expect(await read('/ns/shop/sa/none')).toEqual({ issuer: `${issuer}/ns/shop/sa/none`, revocations: [] })
  })

  it('is as the documentation shows', async () => {
    const page = readFileSync(new URL('../../../docs/operate/revocation.md', import.meta.url), 'utf8')
    const shown = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '') as Awaited<ReturnType<typeof read>>
    clock = new HeldClock(Date.parse('2026-01-31T12:00:00Z'))
    documents = new RevocationDocuments({ issuer: shown.issuer, revocations, clock })
    revocations.set(...shown.revocations)
    expect(await read()).toEqual(shown)
  })

  it('is not there before the revocations have been read', async () => {
    revocations.setReady(false)
    expect(await documents.document('')).toBeUndefined()
    revocations.setReady(true)
    expect(await documents.document('')).toBeDefined()
  })

  it('is not there, rather than cut short, where it would be too long; that of a scope still is', async () => {
    const many = Array.from({ length: 3001 }, (_, index) => ({
      sub: sub('shop', 'o'),
      jti: `t${index}`,
      exp: soon(60),
    }))
    revocations.set(...many, { sub: sub('billing', 'orders'), jti: 't', exp: soon(60) })
    expect(await documents.document('')).toBeUndefined()
    // Which is not found out anew by everybody who asks.
    expect(documents.document('')).toBeUndefined()
    expect((await read('/ns/billing')).revocations).toHaveLength(1)
  })

  it('is the same, under the same validator, while nothing changes', async () => {
    revocations.set({ sub: sub('shop', 'orders'), jti: 't', exp: soon(60) })
    const first = await documents.document('')
    clock.advance(10 * SECOND)
    expect(documents.document('')).toBe(first)
  })

  it('follows a change within half a second, and not sooner, and is rendered once for all who ask', async () => {
    const first = await documents.document('')
    revocations.set({ sub: sub('shop', 'orders'), jti: 't', exp: soon(60) })
    expect(documents.document('')).toBe(first)
    clock.advance(500)
    const [one, other] = [documents.document(''), documents.document('')]
    expect(one).toBe(other)
    expect(text(await one)).toContain('"jti":"t"')
    expect((await one)?.plain.etag).not.toBe(first?.plain.etag)
  })

  it.each(['', '/ns/shop', '/ns/shop/sa/orders'])('leaves out what has ended, at %s', async (scope) => {
    revocations.set(
      { sub: sub('shop', 'orders'), jti: 'a', exp: soon(5) },
      { sub: sub('shop', 'orders'), jti: 'b', exp: soon(60) },
    )
    expect((await read(scope)).revocations).toHaveLength(2)
    clock.advance(5 * SECOND)
    expect((await read(scope)).revocations.map(({ jti }) => jti)).toEqual(['b'])
  })

  it.each(['/ns/shop', '/ns/shop/sa/orders'])('follows changes at %s too', async (scope) => {
    await read(scope)
    revocations.set({ sub: sub('shop', 'orders'), jti: 'a', exp: soon(60) })
    clock.advance(500)
    expect((await read(scope)).revocations).toHaveLength(1)
  })

  it('is compressed where it is long', async () => {
    revocations.set(
      ...Array.from({ length: 2500 }, (_, index) => ({ sub: sub('shop', 'o'), jti: `t${index}`, exp: soon(60) })),
    )
    const document = await documents.document('')
    expect(document?.gzip?.body.length).toBeLessThan((document?.plain.body.length ?? 0) / 5)
    expect(gunzipSync(document?.gzip?.body ?? '').toString()).toBe(text(document))
  })

  it('keeps no more documents than it must, whatever is asked for', async () => {
    const whole = await documents.document('')
    for (let index = 0; index < 1000; index++) await documents.document(`/ns/n${index}`)
    const before = await documents.document('/ns/n999')
    expect(documents.document('/ns/n999')).toBe(before)
    expect(documents.document('/ns/n0')).toBeInstanceOf(Promise)
    // The dearest one least of all: anybody may ask for namespaces that there are not.
    expect(documents.document('')).toBe(whole)
  })

  it('is ten seconds old at most, however long the process was held up while it was rendered', async () => {
    const list = revocations.list.bind(revocations)
    revocations.list = () => {
      clock.advance(30 * SECOND)
      return list()
    }
    const first = await documents.document('')
    revocations.set({ sub: sub('shop', 'orders'), jti: 't', exp: soon(60) })
    expect(documents.document('')).toBe(first)
    clock.advance(10 * SECOND)
    expect(text(await documents.document(''))).toContain('"jti":"t"')
  })
})
