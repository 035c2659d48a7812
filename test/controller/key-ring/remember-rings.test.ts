import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Controller, KeyRingStory } from '../../builders/key-ring-story.ts'
import { settled } from '../../builders/identity-controller.ts'

let story: KeyRingStory
let leading: Controller
let standby: Controller

beforeEach(async () => {
  story = new KeyRingStory()
  leading = await story.start()
  await story.settle(leading)
  standby = await story.start()
})
afterEach(() => story.end())

describe('a replica that stands by', () => {
  it.each(['deleted', 'replaced'])(
    'I1: knows the last good ring when it comes to lead after one was %s',
    async (how) => {
      const [published, token] = [await story.publishedKeyIDs(), await story.token()]
      if (how === 'deleted') await story.deleteRing()
      else await story.putRing('{}')
      await settled()
      // It has never reconciled, and the one that led is gone.
      await leading.stop()
      await story.untilQuiet(standby)
      expect(await story.publishedKeyIDs()).toEqual(published)
      await story.verify(token)
      expect(await story.isReady()).toBe(true)
    },
  )

  it('I4: follows what the leader writes, and takes over from the latest', async () => {
    await story.settle(leading, { 'signet.dev/rotate-key': 'now' })
    const published = await story.publishedKeyIDs()
    expect(published).toHaveLength(2)
    await settled()
    await story.deleteRing()
    await settled()
    await story.untilQuiet(standby)
    expect(await story.publishedKeyIDs()).toEqual(published)
  })

  it('writes nothing by itself', async () => {
    story.client.writes.length = 0
    await story.deleteRing()
    await settled()
    expect(story.client.writes).toEqual(['delete secrets signet-system/signet-keys.shop.orders'])
  })

  it('forgets the ring of an identity that is deleted', async () => {
    await story.deleteRing()
    await settled()
    const key = await story.publishedKeyIDs()
    await story.deleteIdentity()
    await settled()
    await story.settle(standby)
    expect(await story.publishedKeyIDs()).not.toEqual(key)
    expect(standby.events.filter(({ type }) => type === 'Warning')).toEqual([])
  })
})
