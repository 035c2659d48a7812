import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const run = promisify(execFile)
const source = (path: string): string => JSON.stringify(new URL(`../../../../src/${path}`, import.meta.url).href)

/** A server that answers as Redis does, but for one command; and what a replica has of it, for a second. */
const program = (scheme: string, command: string, answer: string): string => `
import { createServer } from 'node:net'
import { RedisCache } from ${source('authority/shared-cache/redis/redis-cache.ts')}
import { parseRedisUrl } from ${source('authority/shared-cache/redis/redis-url.ts')}
let asked = 0
const server = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.on('data', (data) => {
    for (const [, name] of data.toString().matchAll(/\\*\\d+\\r\\n\\$\\d+\\r\\n([a-z]+)/gi)) {
      if (name.toLowerCase() === ${JSON.stringify(command)}) {
        asked += 1
        socket.write(${JSON.stringify(answer)})
      } else if (name.toLowerCase() === 'info') socket.write('$21\\r\\nredis_version:7.0.0\\r\\n\\r\\n')
      else socket.write('+OK\\r\\n')
    }
  })
})
const logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => logger }
server.listen(0, '127.0.0.1', async () => {
  const target = parseRedisUrl('${scheme}://127.0.0.1:' + server.address().port)
  const cache = new RedisCache({ target, credentials: async () => ({}), issuer: 'https://issuer.example', logger })
  cache.subscribe('revocations:1', () => undefined)
  const until = Date.now() + 60_000
  for (let count = 0; count < 20 || (asked === 0 && Date.now() < until); count += 1) {
    await cache.get('key')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  console.log(asked > 0 ? 'alive' : 'was never asked')
  process.exit(0)
})`

it.concurrent.each([
  ['an empty value (a server that is one)', 'redis', 'getrange', '$0\r\n\r\n'],
  ['an answer to nothing that was asked', 'redis', 'getrange', '$1\r\nx\r\n$-1\r\n'],
  ['no answer to a subscription', 'redis', 'subscribe', '$-1\r\n'],
  ['a number in answer to a subscription', 'redis', 'subscribe', ':1\r\n'],
  [
    'a message without a channel',
    'redis',
    'subscribe',
    '*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n*3\r\n$7\r\nmessage\r\n$-1\r\n$-1\r\n',
  ],
  ['no slots of a cluster', 'redis+cluster', 'cluster', '$-1\r\n'],
  ['a word for the slots of a cluster', 'redis+cluster', 'cluster', '+OK\r\n'],
  ['slots that are none', 'redis+cluster', 'cluster', '*1\r\n$-1\r\n'],
  ['servers that are none', 'redis+cluster', 'cluster', '*1\r\n*3\r\n:0\r\n:1\r\n$-1\r\n'],
  [
    'more slots than there are',
    'redis+cluster',
    'cluster',
    '*1\r\n*3\r\n:0\r\n:9007199254740991\r\n*2\r\n$9\r\n127.0.0.1\r\n:1\r\n',
  ],
  ['lists that say they are huge', 'redis', 'getrange', '*33000000\r\n'.repeat(40)],
  ['a list of a newer protocol', 'redis', 'getrange', '~33000000\r\n'.repeat(40)],
])('%s ends no replica', async (_, scheme, command, answer) => {
  const { stdout } = await run(
    process.execPath,
    ['--max-old-space-size=256', '--input-type=module', '-e', program(scheme, command, answer)],
    { timeout: 100_000 },
  )
  expect(stdout.trim()).toBe('alive')
})
