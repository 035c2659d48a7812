import { createHash } from 'node:crypto'
import { parseCompact } from '../../../src/tokens/compact.ts'
import { tokenFingerprint } from '../../../src/tokens/fingerprint.ts'
import type { RedisServer } from '../redis-server.ts'
import type { Questions } from './questions.ts'
import { issuer } from './stage.ts'

/** What becomes of a Redis server that replicas are connected to. */
export interface Fault {
  /** Completes "Redis …". */
  readonly title: string
  readonly begin: (server: RedisServer, questions: Questions) => Promise<void>
  /** Again and again, from its beginning to its end. */
  readonly again?: (server: RedisServer, questions: Questions) => Promise<void>
  readonly end?: (server: RedisServer) => Promise<void>
  /** What replicas count of their commands then, at least. */
  readonly counted: { readonly command?: string; readonly result: string }
}

export const faults: readonly Fault[] = [
  {
    title: 'is killed',
    begin: (server) => server.kill(),
    end: (server) => server.start(),
    counted: { result: 'open' },
  },
  {
    title: 'hangs',
    begin: async (server) => server.pause(),
    end: async (server) => server.resume(),
    counted: { result: 'open' },
  },
  {
    title: 'is full',
    begin: async ({ admin }) => {
      await admin.config('SET', 'maxmemory-policy', 'noeviction')
      await admin.config('SET', 'maxmemory', '1')
    },
    end: async ({ admin }) => {
      await admin.config('SET', 'maxmemory', '0')
    },
    counted: { command: 'set', result: 'error' },
  },
  {
    title: 'is flushed',
    begin: flush,
    again: flush,
    counted: { command: 'get', result: 'miss' },
  },
  {
    title: 'is replaced by an empty one',
    begin: async (server) => {
      await server.kill()
      await server.start()
    },
    counted: { command: 'get', result: 'miss' },
  },
  {
    title: 'is replaced by one with values of another hand',
    begin: async (server, questions) => {
      questions.vouched ??= await valueOf(server, questions.known)
      await server.kill()
      await server.start()
      for (const token of questions.foreign) await server.admin.set(keyOf(token), questions.vouched)
      await plant(server, questions.stock, questions.vouched)
    },
    again: async (server, questions) => {
      await spoil(server)
      await plant(server, await questions.restock(10), questions.vouched ?? 'true')
    },
    counted: { command: 'get', result: 'hit' },
  },
]

/** The key under which replicas tell one another that a token's signature holds. */
export function keyOf(token: string): string {
  const digest = createHash('sha256').update(issuer).digest('base64url').slice(0, 16)
  return `signet:v1:${digest}:verified:1:${tokenFingerprint(parseCompact(token))}`
}

async function flush({ admin }: RedisServer): Promise<void> {
  await admin.flushall()
}

async function valueOf({ admin }: RedisServer, token: string): Promise<string> {
  const value = await admin.get(keyOf(token))
  if (value === null) throw new Error('no replica has shared a token')
  return value
}

/** Under the keys of live tokens: everything that resembles a shared entry, and everything that could prevent one. */
async function plant({ admin }: RedisServer, tokens: readonly string[], good: string): Promise<void> {
  for (const [index, token] of tokens.entries()) {
    const key = keyOf(token)
    await admin.del(key)
    if (index % 5 === 0) await admin.set(key, good)
    if (index % 5 === 1) await admin.set(key, 'true')
    if (index % 5 === 2) await admin.rpush(key, good)
    if (index % 5 === 3) await admin.set(key, Buffer.from([0xff, 0xfe, 0x00, 0xc3, 0x28]))
    if (index % 5 === 4) await admin.set(key, 'x'.repeat(64 * 1024))
  }
}

/** Over all that replicas write, and a hint of a revocation that there is not. */
async function spoil({ admin }: RedisServer): Promise<void> {
  const keys = await admin.keys('signet:v1:*:verified:*')
  for (const [index, key] of keys.entries()) await admin.set(key, index % 2 === 0 ? 'false' : 'x'.repeat(64 * 1024))
  for (const channel of (await admin.pubsub('CHANNELS')) as string[]) {
    await admin.publish(channel, `shop/token-${'0'.repeat(40)}`)
    await admin.publish(channel, 'not a hint')
  }
}
