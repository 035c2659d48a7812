import { describe, expect, it } from 'vitest'
import { targetOf } from '../../src/webhook/request-target.ts'

describe('targetOf', () => {
  const targets: readonly [string, string, number][] = [
    ['/mutate-pods?timeout=5s', '/mutate-pods', 4000],
    ['/mutate-pods?timeout=1m0s', '/mutate-pods', 24_000],
    ['/validate?a=b&timeout=2s&c', '/validate', 1600],
    ['/validate', '/validate', 8000],
    ['/validate?timeout=', '/validate', 8000],
    ['/validate?timeout=0s', '/validate', 8000],
    ['/validate?timeout=-1s', '/validate', 8000],
    ['/validate?timeout=1e9s', '/validate', 8000],
    ['/validate?timeout=99999h', '/validate', 24_000],
    ['/validate?xtimeout=1s', '/validate', 8000],
    ['', '', 8000],
    ['?timeout=1s', '', 800],
  ]
  for (const [url, pathname, budget] of targets) {
    it(`gives ${url || 'nothing'} ${budget} ms`, () => expect(targetOf(url)).toEqual({ pathname, budget }))
  }

  it('says the same after thousands of other URLs', () => {
    for (let index = 0; index < 5000; index += 1) targetOf(`/${index}`)
    expect(targetOf('/mutate-pods?timeout=5s')).toEqual({ pathname: '/mutate-pods', budget: 4000 })
  })
})
