import { beforeEach, describe, expect, it } from 'vitest'
import { longestUnconfirmed } from '../../../src/authority/token/decide.ts'
import { IssuingKeyRing } from '../../../src/authority/token/issuing-key-ring.ts'
import type { IssuingKeyRingSource } from '../../../src/keys/key-ring/source.ts'
import { MINUTE, SECOND } from '../../../src/time/duration.ts'
import type { KeySlot, SealedKeyRing } from '../../../src/keys/key-ring/key-ring.ts'
import { KeyRingError } from '../../../src/keys/key-ring/errors.ts'
import { verifySignature } from '../../../src/keys/verify-signature.ts'
import type { Logger } from '../../../src/logger.ts'
import { authorityRing, authoritySlot, retired } from '../../builders/authority-ring.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { FakeSource } from '../../fakes/public-key-source.ts'

/** A ring that is where it is put. */
class FakeRing implements IssuingKeyRingSource {
  readonly callbacks = new Set<() => void>()
  told: number | undefined
  private held: SealedKeyRing | KeyRingError | undefined

  ring(): SealedKeyRing | undefined {
    if (this.held instanceof KeyRingError) throw this.held
    return this.held
  }

  confirmedAt(): number | undefined {
    return this.told
  }

  onChange(callback: () => void): () => void {
    this.callbacks.add(callback)
    return () => void this.callbacks.delete(callback)
  }

  put(held: SealedKeyRing | KeyRingError | undefined): void {
    this.held = held
    for (const callback of this.callbacks) callback()
  }
}

let clock: HeldClock
let source: FakeRing
let published: FakeSource
let lines: { level: string; message: string; fields: unknown }[]
let slot: KeySlot
let ring: SealedKeyRing
let keys: IssuingKeyRing

const line = (level: string) => (message: string, fields?: unknown) => void lines.push({ level, message, fields })
const logger: Logger = {
  debug: line('debug'),
  info: line('info'),
  warn: line('warn'),
  error: line('error'),
  child: () => logger,
}
const kid = () => keys.active()?.signer.keyID
const unusable = new KeyRingError('ERR_KEY_RING_FORM', 'key ring is not JSON')

beforeEach(async () => {
  clock = new HeldClock()
  source = new FakeRing()
  published = new FakeSource()
  lines = []
  slot = await authoritySlot()
  ring = await authorityRing([slot])
  keys = new IssuingKeyRing({ source, served: published, clock, logger })
})

/** As it is once both watches have told. */
function settle(): void {
  source.told = clock.monotonic()
  source.put(ring)
  published.setIssuingKeys(slot.publicJwk)
}

async function rotated(): Promise<KeySlot> {
  const next = await authoritySlot()
  ring = await authorityRing([retired(slot), next], { previous: ring })
  return next
}

describe('active', () => {
  it('I4: is the key of the ring once it is published, and none before', async () => {
    expect(kid()).toBeUndefined()
    source.told = clock.monotonic()
    source.put(ring)
    expect(kid()).toBeUndefined()
    published.setIssuingKeys(slot.publicJwk)
    const active = keys.active()
    expect(active?.publicJwk).toEqual(slot.publicJwk)
    const signature = await active?.signer.sign('text')
    expect(verifySignature(slot.publicJwk, 'text', signature ?? Buffer.of())).toBe(true)
    expect(active?.publicJwk).not.toHaveProperty('sub')
  })

  it('is the same object for the same key, whatever else changes', async () => {
    settle()
    const before = keys.active()
    ring = await authorityRing([slot, await authoritySlot({ state: 'Published' })], { previous: ring })
    source.put(ring)
    published.setIssuingKeys({ ...slot.publicJwk })
    expect(keys.active()).toBe(before)
  })

  it('I1: follows a rotation whichever watch tells of it first', async () => {
    for (const [first, second] of [
      ['ring', 'keys'],
      ['keys', 'ring'],
    ]) {
      settle()
      const next = await rotated()
      const tell = (what: string | undefined) =>
        what === 'ring' ? source.put(ring) : published.setIssuingKeys(slot.publicJwk, next.publicJwk)
      tell(first)
      expect(kid()).toBe(slot.keyID)
      tell(second)
      expect(kid()).toBe(next.keyID)
      slot = next
    }
  })

  it.each<[string, () => SealedKeyRing | KeyRingError | undefined]>([
    ['deleted', () => undefined],
    ['damaged', () => unusable],
  ])('I1: stays while the ring is %s, for as long as its key is sure to stay published', (_, broken) => {
    settle()
    source.put(broken())
    const confirmed = () => {
      source.told = clock.monotonic()
      return kid()
    }
    clock.advance(longestUnconfirmed)
    expect(confirmed()).toBe(slot.keyID)
    clock.advance(1)
    expect(confirmed()).toBeUndefined()
    source.put(ring)
    expect(confirmed()).toBe(slot.keyID)
  })

  it('I1: does not outlast a ring that was last confirmed long before another one is heard of', async () => {
    settle()
    clock.advance(longestUnconfirmed + 1)
    const next = await rotated()
    source.put(ring)
    source.told = clock.monotonic()
    expect(kid()).toBeUndefined()
    published.setIssuingKeys(slot.publicJwk, next.publicJwk)
    expect(kid()).toBe(next.keyID)
  })

  it('I1: ends when the API server has told nothing for so long that the key may be on its way out', () => {
    settle()
    clock.advance(longestUnconfirmed)
    expect(kid()).toBe(slot.keyID)
    clock.advance(1)
    expect(kid()).toBeUndefined()
    source.told = clock.monotonic()
    expect(kid()).toBe(slot.keyID)
  })

  it('lasts through an API server that is away for 25 minutes', () => {
    settle()
    clock.advance(25 * MINUTE)
    expect(kid()).toBe(slot.keyID)
  })

  it('ends at once when its key is revoked, before the next one is known', () => {
    settle()
    published.setIssuingKeys()
    expect(kid()).toBeUndefined()
  })

  it('comes about by time alone where it was ahead of the clock', async () => {
    ring = await authorityRing([{ ...slot, activeAt: clock.now() + 2 * MINUTE }])
    settle()
    expect(kid()).toBeUndefined()
    clock.advance(MINUTE)
    expect(kid()).toBe(slot.keyID)
  })

  it('I1: follows a rotation by time alone, too, where the activation was ahead of the clock', async () => {
    settle()
    const next = await authoritySlot({ activeAt: clock.now() + 2 * MINUTE })
    ring = await authorityRing([retired(slot), next], { previous: ring })
    published.setIssuingKeys(slot.publicJwk, next.publicJwk)
    source.put(ring)
    expect(kid()).toBe(slot.keyID)
    clock.advance(longestUnconfirmed + 1)
    source.told = clock.monotonic()
    expect(kid()).toBe(next.keyID)
  })

  it('changes no more after close', async () => {
    settle()
    keys.close()
    const next = await rotated()
    source.put(ring)
    published.setIssuingKeys(next.publicJwk)
    expect(kid()).toBe(slot.keyID)
    expect([source.callbacks.size, published.listeners]).toEqual([0, 0])
  })
})

describe('notReady', () => {
  it('waits for the ring to be read and its key to be published, half a minute at most', () => {
    expect(keys.notReady()).toBe('the issuing key ring has not been read yet')
    source.told = clock.monotonic()
    source.put(ring)
    expect(keys.notReady()).toBe('the issuing key is not served yet')
    clock.advance(30 * SECOND - 1)
    expect(keys.notReady()).toBe('the issuing key is not served yet')
    clock.advance(1)
    expect(keys.notReady()).toBeUndefined()
  })

  it('keeps nobody from being served who needs public keys only', () => {
    source.told = clock.monotonic()
    for (const none of [undefined, unusable]) {
      source.put(none)
      expect(keys.notReady()).toBeUndefined()
    }
    settle()
    expect(keys.notReady()).toBeUndefined()
    published.setIssuingKeys()
    expect(keys.active()).toBeUndefined()
    expect(keys.notReady()).toBeUndefined()
  })
})

it('I3: says once what is wrong, and shows nothing of a private key', () => {
  settle()
  for (let time = 0; time < 3; time += 1) source.put(unusable)
  expect(lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
    'info: issuing tokens with another key',
    'error: cannot use the issuing key ring',
  ])
  const { d } = slot.privateJwk ?? { d: '' }
  expect(d).not.toBe('')
  expect(JSON.stringify([lines, keys.active()])).not.toContain(d)
})
