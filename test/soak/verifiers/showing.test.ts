import { expect, it } from 'vitest'
import { anotherKeySample } from './exhibits.ts'
import { Showing } from './showing.ts'
import type { Verifier } from './verifier.ts'
import { type Exhibit, type Verdict, Verdicts } from './verdicts.ts'

const verifier = (verdict: Verdict, fields: Partial<Verifier> = {}): Verifier => ({
  name: 'a verifier',
  knowsSubjectOfKey: true,
  judge: async () => verdict,
  stop: async () => undefined,
  ...fields,
})
const party = (fields: Partial<Verifier> = {}) => ({
  name: 'a verifier',
  forValid: verifier({ kind: 'accepted', subject: 'a' }, fields),
  forHostile: verifier({ kind: 'refused', reason: 'no' }, fields),
  verdicts: new Verdicts(),
  copyAgeMs: 0,
})
const exhibit = (sample: string, subject?: string): Exhibit => ({
  token: 'x',
  sample,
  tokenID: 't',
  keyID: 'k',
  ...(subject === undefined ? {} : { subject }),
})

it('shows valid tokens to one instance and hostile ones to the other', async () => {
  const one = party()
  const showing = new Showing([one])
  showing.show(Promise.resolve([exhibit('fresh', 'a'), exhibit('expired')]))
  await showing.settled()
  expect(Object.fromEntries(one.verdicts.right)).toEqual({ fresh: 1, expired: 1 })
  expect(showing).toMatchObject({ shown: 2, problems: [] })
})

it('asks about the key of another identity only who can know whose key it is', async () => {
  const parties = [party(), party({ knowsSubjectOfKey: false })]
  const showing = new Showing(parties)
  showing.show(Promise.resolve([exhibit(anotherKeySample)]))
  await showing.settled()
  expect(parties.map(({ verdicts }) => verdicts.rightOn())).toEqual([1, 0])
})

it('keeps a round that could not be made for the report', async () => {
  const showing = new Showing([party()])
  showing.show(Promise.reject(new Error('no active key')))
  await showing.settled()
  expect(showing.problems).toEqual(['no active key'])
})
