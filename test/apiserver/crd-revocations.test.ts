import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import { buildTimeout } from '../chart/helm.ts'
import { projectDirectory } from '../../tools/cluster/paths.ts'
import type { Kubectl } from './kubectl.ts'
import { dryRun, revocation, startWithCrd } from './with-crd.ts'

const keyID = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs'
const tokenID = 'Gm2vQpRk1c3nLw0s8yXzTA'
const issuedBefore = '2026-01-31T12:00:00Z'

let kubectl: Kubectl
let stop: () => Promise<void>

beforeAll(async () => {
  ;({ kubectl, stop } = await startWithCrd())
}, buildTimeout)

afterAll(() => stop())

describe('the API server accepts the revocation of', () => {
  it.each<[string, object]>([
    ['a key', { identity: 'orders', keyID }],
    ['a token', { identity: 'orders', tokenID }],
    ['a token whose expiry is known', { identity: 'orders', tokenID, tokenExpiresAt: issuedBefore }],
    ['everything before a time', { identity: 'orders', issuedBefore }],
    [
      'everything before a time with an offset and a fraction',
      { identity: 'o', issuedBefore: '2026-01-31T14:00:00.5+02:00' },
    ],
    ['something, with a reason', { identity: 'orders', keyID, reason: 'laptop stolen; ticket 4711' }],
    ['a key of an identity with a long name', { identity: 'a'.repeat(177), keyID }],
    ['a key of an identity with dots', { identity: 'orders.v2.shop-1', keyID }],
  ])('%s', async (_, spec) => {
    const stored = await kubectl.json<TokenRevocation>(dryRun, { input: revocation(spec) })
    expect(stored.spec).toEqual(spec)
  })

  it('what the documentation shows', async () => {
    const page = await readFile(join(projectDirectory, 'docs/operate/revocation.md'), 'utf8')
    const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(
      ([, text]) => load(text ?? '') as TokenRevocation,
    )
    expect(examples.map(({ spec }) => Object.keys(spec).filter((name) => /ID$|Before$/.test(name)))).toEqual([
      ['keyID'],
      ['tokenID'],
      ['issuedBefore'],
    ])
    await kubectl.run(['create', 'namespace', 'shop'])
    for (const input of examples) {
      const stored = await kubectl.json<TokenRevocation>(dryRun, { input })
      expect(stored.spec).toEqual(input.spec)
    }
  })
})

const key = { identity: 'orders', keyID }
const refusals: { title: string; spec: unknown; says: string[] }[] = [
  { title: 'no spec', spec: undefined, says: ['spec: Required value'] },
  { title: 'no identity', spec: { keyID }, says: ['spec.identity: Required value'] },
  {
    title: 'nothing that is revoked',
    spec: { identity: 'orders', reason: 'x' },
    says: ['spec', 'none of keyID, tokenID and issuedBefore is set; set the one that is to be revoked'],
  },
  ...[
    { keyID, tokenID },
    { keyID, issuedBefore },
    { tokenID, issuedBefore },
    { keyID, tokenID, issuedBefore },
  ].map((things) => ({
    title: `${Object.keys(things).join(' and ')} at once`,
    spec: { identity: 'orders', ...things },
    says: [
      'more than one of keyID, tokenID and issuedBefore is set; create a TokenRevocation for each thing to revoke',
    ],
  })),
  ...['Orders', 'or_ders', '-a', 'a-', 'a..b', '.a', 'shop/orders', 'a b'].map((identity) => ({
    title: `an identity named ${identity}`,
    spec: { ...key, identity },
    says: [
      'spec.identity',
      `identity "${identity}" is not the name of a ServiceIdentity; use lower case letters, digits, dashes and dots`,
    ],
  })),
  { title: 'an empty identity', spec: { ...key, identity: '' }, says: ['spec.identity', 'at least 1 chars long'] },
  {
    title: 'an identity whose name no ServiceIdentity can have',
    spec: { ...key, identity: 'a'.repeat(178) },
    says: ['spec.identity: Too long: may not be more than 177 bytes'],
  },
  ...['k1', keyID.slice(1), `${keyID}x`, `${keyID.slice(1)}.`, `${keyID.slice(1)}=`].map((value) => ({
    title: `the keyID ${value}`,
    spec: { identity: 'orders', keyID: value },
    says: [
      'spec.keyID',
      `keyID "${value}" is not the kid of a key; copy its 43 characters from status.keys of the ServiceIdentity`,
    ],
  })),
  {
    title: 'a keyID of more than 64 characters',
    spec: { identity: 'orders', keyID: 'a'.repeat(65) },
    says: ['spec.keyID: Too long: may not be more than 64 bytes'],
  },
  ...['a.b', 'a b', 'a/b', 'jti='].map((value) => ({
    title: `the tokenID ${value}`,
    spec: { identity: 'orders', tokenID: value },
    says: [
      'spec.tokenID',
      'tokenID is not the jti of a token, which has only letters, digits, dashes and underscores; copy it from ' +
        'status.tokens of the ServiceIdentity, and never write a token here',
    ],
  })),
  {
    title: 'an empty tokenID',
    spec: { identity: 'orders', tokenID: '' },
    says: ['spec.tokenID', 'at least 1 chars long'],
  },
  {
    title: 'a tokenID of more than 64 characters, such as a whole token',
    spec: { identity: 'orders', tokenID: `eyJ${'a'.repeat(80)}` },
    says: ['spec.tokenID: Too long: may not be more than 64 bytes'],
  },
  ...['now', '2026-01-31', '1767225600', '2026-13-01T00:00:00Z', '12:00', ''].map((value) => ({
    title: `the issuedBefore ${JSON.stringify(value)}`,
    spec: { identity: 'orders', issuedBefore: value },
    says: ['spec.issuedBefore', 'date-time'],
  })),
  ...[{ keyID }, { issuedBefore }].map((thing) => ({
    title: `an expiry of a token with a ${Object.keys(thing).join('')}`,
    spec: { identity: 'orders', ...thing, tokenExpiresAt: issuedBefore },
    says: ['tokenExpiresAt is set without tokenID; it is the expiry of that one token, so set both or neither'],
  })),
  {
    title: 'an expiry that is no time',
    spec: { identity: 'orders', tokenID, tokenExpiresAt: 'soon' },
    says: ['spec.tokenExpiresAt', 'date-time'],
  },
  {
    title: 'a reason of more than 1024 characters',
    spec: { ...key, reason: 'x'.repeat(1025) },
    says: ['spec.reason: Too long: may not be more than 1024 bytes'],
  },
  { title: 'an unknown field', spec: { ...key, namespace: 'shop' }, says: ['unknown field "spec.namespace"'] },
]

describe('the API server refuses', () => {
  it.each(refusals)('$title', async ({ spec, says }) => {
    const error = await kubectl.refused(dryRun, { input: revocation(spec) })
    for (const text of says) expect(error).toContain(text)
    // A rule that cannot be evaluated would show itself so.
    expect(error).not.toMatch(/evaluating rule|evaluation|budget|no such key/)
  })
})

describe('a stored revocation', () => {
  beforeAll(async () => {
    const status = { expiresAt: '2020-01-01T00:00:00Z' }
    await kubectl.run(['create', '-f', '-'], { input: { ...revocation(key), status } })
  })

  it('has no status that its creator wrote', async () => {
    expect((await kubectl.json<TokenRevocation>(['get', 'trv', 'leak'])).status).toBeUndefined()
  })

  it.each<[string, object]>([
    ['another key', { keyID: `x${keyID.slice(1)}` }],
    ['another identity', { identity: 'payments' }],
    ['another kind of thing', { keyID: null, issuedBefore }],
    ['a reason', { reason: 'later' }],
  ])('cannot be changed to name %s', async (_, spec) => {
    const patch = JSON.stringify({ spec })
    const error = await kubectl.refused(['patch', 'trv', 'leak', '--type=merge', '-p', patch])
    expect(error).toContain('spec cannot be changed; create another TokenRevocation instead')
    expect((await kubectl.json<TokenRevocation>(['get', 'trv', 'leak'])).spec).toEqual(key)
  })

  it('may be labelled', async () => {
    await kubectl.run(['label', 'trv', 'leak', 'ticket=4711'])
  })

  it('shows what matters in its columns, by short name and category', async () => {
    const condition = {
      type: 'Applied',
      status: 'True',
      reason: 'Revoked',
      message: 'Key has left the JWK Set',
      lastTransitionTime: '2026-01-02T03:04:05Z',
      observedGeneration: 1,
    }
    const status = { observedGeneration: 1, conditions: [condition], expiresAt: '2026-01-02T04:04:05Z' }
    const { apiVersion, kind, metadata } = revocation(key)
    const flags = ['apply', '--server-side', '--subresource=status', '--validate=strict', '--field-manager=signet']
    await kubectl.run([...flags, '-f', '-'], { input: { apiVersion, kind, metadata, status } })
    expect((await kubectl.json<TokenRevocation>(['get', 'trv', 'leak'])).status).toEqual(status)
    for (const name of ['trv', 'signet', 'tokenrevocations']) {
      const [header, row] = (await kubectl.run(['get', name])).trim().split('\n')
      expect(header?.split(/\s+/)).toEqual([
        'NAME',
        'IDENTITY',
        'KEY',
        'TOKEN',
        'ISSUED-BEFORE',
        'APPLIED',
        'EXPIRES',
        'AGE',
      ])
      expect(row?.split(/\s+/).slice(1, -1)).toEqual(['orders', keyID, 'True', status.expiresAt])
    }
    expect(await kubectl.run(['get', 'trv', '-o', 'wide'])).toMatch(/REASON\n.*Revoked\s*$/)
  })
})
