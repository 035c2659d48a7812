import { beforeAll, describe, expect, it } from 'vitest'
import { descendants } from '../../../src/keys/key-ring/endorsement.ts'
import { sealKeyRing } from '../../../src/keys/key-ring/seal.ts'
import type { KeySlot, SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import { decodeKeyRing, encodeKeyRing } from '../../../src/keys/key-ring/codec.ts'
import { keyRing, keySlot } from '../../builders/keys.ts'

let first: KeySlot
let second: KeySlot
let third: KeySlot
/** The first key has endorsed the second, the second the third, and the first has left since. */
let later: SealedKeyRing

beforeAll(async () => {
  first = await keySlot({ state: 'Active' })
  second = await keySlot()
  third = await keySlot()
  let ring = await sealKeyRing(keyRing([first]), undefined)
  ring = await sealKeyRing(keyRing([...ring.slots, second]), ring)
  const rotated = ring.slots.map((slot): KeySlot =>
    slot.keyID === first.keyID ? { ...slot, state: 'Retired' } : { ...slot, state: 'Active' },
  )
  ring = await sealKeyRing(keyRing(rotated), ring)
  ring = await sealKeyRing(keyRing([...ring.slots, third]), ring)
  later = await sealKeyRing(keyRing(ring.slots.slice(1)), ring)
})

describe('the endorsement of a key', () => {
  it('is made once, by the key that sealed the write that brought it, and is kept unchanged', () => {
    expect(first.endorsedBy).toBeUndefined()
    const { slots } = decodeKeyRing(encodeKeyRing(later))
    expect(slots.map(({ endorsedBy }) => endorsedBy?.keyID)).toEqual([first.keyID, second.keyID])
  })

  it('tells who has seen the first key that the others descend from it', () => {
    expect([...descendants(later.slots, [first.publicJwk])]).toEqual([first.keyID, second.keyID, third.keyID])
    expect([...descendants(later.slots, [second.publicJwk])]).toEqual([second.keyID, third.keyID])
    expect([...descendants(later.slots, [])]).toEqual([])
  })

  it('I4: proves nothing where it was made by another key, or for another one', async () => {
    const { privateJwk: _unread, ...heir } = later.slots[0]!
    const theirs = await keySlot({ state: 'Active' })
    const foreign = await keySlot()
    const { slots } = await sealKeyRing(keyRing([heir, theirs, foreign]), { ...later, slots: [heir, theirs] })
    const claiming = (signature: string | undefined) =>
      slots.map((slot) =>
        slot.keyID === foreign.keyID
          ? { ...slot, endorsedBy: { keyID: first.keyID, signature: signature ?? '' } }
          : slot,
      )
    const own = slots[2]?.endorsedBy
    expect(own?.keyID).toBe(theirs.keyID)
    for (const forged of [slots, claiming(own?.signature), claiming(heir.endorsedBy?.signature), claiming('')]) {
      expect([...descendants(forged, [first.publicJwk])]).toEqual([first.keyID, heir.keyID])
    }
  })

  it('ends with a key that is not there any more', () => {
    expect([...descendants(later.slots.slice(1), [first.publicJwk])]).toEqual([first.keyID])
  })
})
