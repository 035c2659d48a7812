import { expect, it } from 'vitest'
import { verdictOf } from './verdict.ts'

it('shows how often each operation was answered with which status', () => {
  const counts = { 'GET /a GET 200': 3, 'GET /a TRACE 405': 1, 'GET /a PUT 405': 1, 'GET /ab GET 304': 2 }
  expect(verdictOf(['GET /a', 'GET /ab'], counts, true)).toEqual({
    table: [
      ['GET /a', '200 ×3, 405 ×2'],
      ['GET /ab', '304 ×2'],
    ],
    failures: [],
  })
})

it.each([
  [{}, 'GET /a was never asked'],
  [{ 'GET /a GET 503': 5, 'GET /a GET 404': 1 }, 'GET /a was never answered with success'],
  [{ 'GET /a POST 200': 5 }, 'GET /a was never answered with success'],
  [{ 'GET /ab GET 200': 5 }, 'GET /a was never asked'],
])('is not content with %j', (counts, failure) => {
  expect(verdictOf(['GET /a'], counts, true).failures).toEqual([failure])
})

it('repeats what schemathesis says', () => {
  expect(verdictOf(['GET /a'], { 'GET /a GET 200': 1 }, false).failures).toHaveLength(1)
})
