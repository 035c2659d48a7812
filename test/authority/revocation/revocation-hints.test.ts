import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { RevocationHints } from '../../../src/authority/revocation/revocation-hints.ts'
import { type Clock, systemClock } from '../../../src/time/clock.ts'
import type { RecordName } from '../../../src/tokens/revocation-store.ts'
import { silentLogger } from '../../../src/logger.ts'
import { settled } from '../../builders/identity-controller.ts'
import { HeldClock } from '../../fakes/held-clock.ts'
import { FakeSharedCache } from '../../fakes/shared-cache.ts'

const record = (index = 0) => ({ namespace: 'shop', name: `token-${index.toString(16).padStart(40, '0')}` })
const text = ({ namespace, name }: RecordName) => `${namespace}/${name}`

let cache: FakeSharedCache
beforeEach(() => {
  cache = new FakeSharedCache()
})

function replica(
  look: (record: RecordName) => Promise<boolean> = () => Promise.resolve(true),
  clock: Clock = systemClock,
) {
  const looked: RecordName[] = []
  const hints = new RevocationHints({
    cache,
    store: {
      look: (one) => {
        looked.push(one)
        return look(one)
      },
    },
    logger: silentLogger,
    clock,
  })
  onTestFinished(() => hints.close())
  return { hints, looked }
}

describe('hints about revocations', () => {
  it('make other replicas read the record that they name, and not the one that gave it', async () => {
    const [one, other] = [replica(), replica()]
    one.hints.send(record())
    await settled()
    expect(cache.published).toEqual([text(record())])
    expect(other.looked).toEqual([record()])
    expect(one.looked).toEqual([])
  })

  it('are followed once', async () => {
    const { looked } = replica()
    for (let count = 0; count < 5; count++) cache.shout(text(record()))
    await settled()
    expect(looked).toHaveLength(1)
  })

  it('are followed again where the record could not be read', async () => {
    let away = true
    const { looked } = replica(() => (away ? Promise.reject(new Error('away')) : Promise.resolve(true)))
    cache.shout(text(record()))
    await settled()
    away = false
    cache.shout(text(record()))
    await settled()
    expect(looked).toHaveLength(2)
  })

  it('that come before their record are followed again when it is there', async () => {
    let there = false
    const { looked } = replica(() => Promise.resolve(there))
    cache.shout(text(record()))
    await settled()
    there = true
    for (let count = 0; count < 3; count++) {
      cache.shout(text(record()))
      await settled()
    }
    expect(looked).toHaveLength(2)
  })

  it.each([
    '',
    'shop',
    'shop/',
    'shop/token-1',
    'shop/orders-key-leaked',
    `../../secrets/${record().name}`,
    `shop/x/${record().name}`,
    `shop/${record().name}?x`,
    `Shop/${record().name}`,
    `shop/${record().name}\n`,
    JSON.stringify(record()),
    'x'.repeat(1_000_000),
  ])('of any other form are not followed', async (message) => {
    const { looked } = replica()
    cache.shout(message)
    await settled()
    expect(looked).toEqual([])
  })

  it('in a flood cost a few reads at a time', async () => {
    let open = 0
    let most = 0
    const release: (() => void)[] = []
    replica(() => {
      most = Math.max(most, ++open)
      return new Promise((resolve) =>
        release.push(() => {
          open -= 1
          resolve(true)
        }),
      )
    })
    for (let index = 0; index < 10_000; index++) cache.shout(text(record(index)))
    await settled()
    expect(most).toBe(8)
    for (const end of release) end()
  })

  it('in a flood that goes on cost so many reads a second, however soon each is over', async () => {
    const clock = new HeldClock()
    const { looked } = replica(() => Promise.resolve(false), clock)
    const flood = async () => {
      for (let round = 0; round < 50; round++) {
        for (let index = 0; index < 8; index++) cache.shout(text(record(8 * round + index)))
        await settled()
      }
      return looked.length
    }
    expect(await flood()).toBe(200)
    expect(await flood()).toBe(200)
    clock.advance(1000)
    expect(await flood()).toBe(300)
  })

  it('are not heard any more when it is over', async () => {
    const { hints, looked } = replica()
    hints.close()
    cache.shout(text(record()))
    await settled()
    expect(looked).toEqual([])
  })
})
