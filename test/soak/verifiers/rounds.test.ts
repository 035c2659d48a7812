import { beforeAll, describe, expect, it } from 'vitest'
import { MINUTE } from '../../../src/time/duration.ts'
import { generateSigningKey, type SigningKey } from '../../../src/keys/signing-key.ts'
import { verifyTokenSync } from '../../../src/tokens/verify.ts'
import { anotherKeySample, audience, hostileSamples } from './exhibits.ts'
import { deletedSample, Rounds, validSamples } from './rounds.ts'
import type { Exhibit } from './verdicts.ts'

const issuer = 'https://127.0.0.1:1'
const now = Date.UTC(2026, 0, 2, 3, 4, 5)
const hostile = [...hostileSamples, anotherKeySample]
let made: readonly SigningKey[]

beforeAll(async () => {
  const subjectOf = (name: string) => `spiffe://cluster.local/ns/soak/sa/${name}`
  const names = ['a', 'b', 'thief', 'a', 'nobody']
  made = await Promise.all(names.map((name) => generateSigningKey('ES256', subjectOf(name))))
})

/** Rings of a, b and thief, and the rounds that are made of them. */
function start() {
  const [a, b, thief, next, unpublished] = made as [SigningKey, SigningKey, SigningKey, SigningKey, SigningKey]
  const active = new Map([
    ['a', a],
    ['b', b],
    ['thief', thief],
  ])
  const retired = new Set<string>()
  const keys = {
    active: (identity: string) => active.get(identity),
    isRetired: (_identity: string, keyID: string) => retired.has(keyID),
    mounted: () => undefined,
  }
  const rounds = new Rounds({ issuer, namespace: 'soak', identities: ['a', 'b'], keys, unpublished })
  const rotate = () => {
    retired.add(a.keyID)
    active.set('a', next)
  }
  return { rounds, rotate, next, withdraw: () => active.delete('thief') }
}
const samples = (round: readonly Exhibit[]) => round.map(({ sample }) => sample)
const subjects = (round: readonly Exhibit[]) => round.flatMap(({ subject }) => subject ?? [])

describe('what is shown', () => {
  it('takes the identities in turn, each with a valid token and all hostile ones', async () => {
    const { rounds } = start()
    const shown = [await rounds.next(now), await rounds.next(now), await rounds.next(now)]
    for (const round of shown) expect(samples(round)).toEqual([validSamples.fresh, ...hostile])
    expect(shown.flatMap(subjects).map((subject) => subject.at(-1))).toEqual(['a', 'b', 'a'])
  })

  it('shows a token again when its key has retired, until it is about to expire', async () => {
    const { rounds, rotate } = start()
    const [fresh] = await rounds.next(now)
    rotate()
    const again = (await rounds.next(now + MINUTE)).find(({ sample }) => sample === validSamples.retired)
    expect(again).toEqual({ ...fresh, sample: validSamples.retired })
    expect(samples(await rounds.next(now + 4.8 * MINUTE))).not.toContain(validSamples.retired)
  })

  it('shows the first token of a fresh key, valid for the identity', async () => {
    const { rounds, next } = start()
    const slot = { ...next, algorithm: 'ES256', state: 'Active', longestUse: 0 } as const
    const [first] = await rounds.first('a', slot, now)
    expect(first).toMatchObject({ sample: validSamples.first, keyID: next.keyID })
    const options = { keys: () => next.publicJwk, issuer, audience, now, skewMs: 0, profile: 'JWT-SVID' } as const
    expect(verifyTokenSync(first?.token ?? '', options).claims.sub).toBe(first?.subject)
  })

  it('shows tokens of a stolen key once no copy has it any more, to be refused', async () => {
    const { rounds, withdraw } = start()
    rounds.steal('thief')
    withdraw()
    expect(samples(await rounds.next(now))).not.toContain(deletedSample)
    rounds.showStolen()
    const shown = (await rounds.next(now)).at(-1)
    expect([shown?.sample, shown?.keyID, shown?.subject]).toEqual([deletedSample, made[2]?.keyID, undefined])
  })
})
