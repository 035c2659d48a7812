import { describe, expect, it } from 'vitest'
import { parseRedisUrl, RedisUrlError } from '../../../../src/authority/shared-cache/redis/redis-url.ts'

describe('a Redis URL', () => {
  it.each([
    ['redis://cache', { kind: 'single', tls: false, nodes: [{ host: 'cache', port: 6379 }], database: 0 }],
    ['rediss://cache.infra.svc:6380/2', { tls: true, nodes: [{ host: 'cache.infra.svc', port: 6380 }], database: 2 }],
    ['redis://[::1]:7000?db=3', { nodes: [{ host: '::1', port: 7000 }], database: 3 }],
    ['redis://signet%40shop@10.0.0.7', { username: 'signet@shop', nodes: [{ host: '10.0.0.7', port: 6379 }] }],
    ['rediss://10.0.0.7?servername=redis.internal', { serverName: 'redis.internal' }],
    [
      'redis+sentinel://a:1,b/mymaster/1',
      {
        kind: 'sentinel',
        master: 'mymaster',
        database: 1,
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 26379 },
        ],
      },
    ],
    ['rediss+sentinel://user@a/my-master.1?db=4', { tls: true, username: 'user', master: 'my-master.1', database: 4 }],
    [
      'redis+cluster://a,b:7001/',
      {
        kind: 'cluster',
        nodes: [
          { host: 'a', port: 6379 },
          { host: 'b', port: 7001 },
        ],
      },
    ],
  ])('is read: %s', (url, expected) => {
    expect(parseRedisUrl(url)).toMatchObject(expected)
  })

  it.each([
    ['localhost:6379', 'looks like redis://'],
    ['http://cache', 'looks like redis://'],
    ['redis+other://cache', 'looks like redis://'],
    ['redis://cache#part', 'looks like redis://'],
    ['redis://', 'each host is a name or an address'],
    ['redis://cache:0', 'each host is a name or an address'],
    ['redis://cache:70000', 'each host is a name or an address'],
    ['redis://ca che', 'each host is a name or an address'],
    ['redis://a,b', 'need redis+sentinel:// or redis+cluster://'],
    ['redis+cluster://a,', 'each host is a name or an address'],
    [`redis+cluster://${Array.from({ length: 33 }, () => 'a').join(',')}`, 'name at most 32 hosts'],
    ['redis://cache/zero', 'a database is a number'],
    ['redis://cache/0/1', 'too many parts'],
    ['redis://cache/1?db=2', 'too many parts'],
    ['redis+sentinel://a', 'the path names the master'],
    ['redis+sentinel://a/my%20master', 'the path names the master'],
    ['redis+cluster://a/1', 'only database 0'],
    ['redis://cache?password=x', 'the parameters of a Redis URL are db and servername'],
    ['redis://cache?db=1&db=2', 'give db once'],
    ['redis://cache?servername=x', 'requires rediss'],
    ['redis://%zz@cache', 'percent-encoded'],
  ])('is refused: %s', (url, message) => {
    expect(() => parseRedisUrl(url)).toThrow(RedisUrlError)
    expect(() => parseRedisUrl(url)).toThrow(message)
  })

  it.each([
    'redis://:hunter2@cache',
    'redis://user:hunter2@cache',
    'redis://user:hunter2@ca che',
    'reddis://:hunter2@x',
  ])('I3: with a password is refused without repeating it', (url) => {
    expect(() => parseRedisUrl(url)).toThrow(RedisUrlError)
    expect(() => parseRedisUrl(url)).not.toThrow('hunter2')
  })
})
