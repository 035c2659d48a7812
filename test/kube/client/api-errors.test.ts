import { describe, expect, it } from 'vitest'
import { errorOf, errorOfStatus, KubeError } from '../../../src/kube/client/api-errors.ts'
import { resources } from '../../../src/kube/client/resource.ts'

const about = { verb: 'get', resource: resources.configMaps, ref: { namespace: 'shop', name: 'a' } }

describe('KubeError', () => {
  it.each([
    [404, 'NotFound', 'isNotFound'],
    [409, 'Conflict', 'isConflict'],
    [409, 'AlreadyExists', 'isAlreadyExists'],
    [410, 'Expired', 'isGone'],
    [403, 'Forbidden', 'isForbidden'],
    [422, 'Invalid', 'isInvalid'],
    [429, 'TooManyRequests', 'isTooManyRequests'],
    [0, 'Unreachable', 'isUnreachable'],
  ] as const)('%i %s is %s and nothing else', (status, reason, only) => {
    const error = new KubeError({ ...about, status, reason })
    const all = [
      'isNotFound',
      'isConflict',
      'isAlreadyExists',
      'isGone',
      'isForbidden',
      'isInvalid',
      'isTooManyRequests',
      'isUnreachable',
    ] as const
    expect(all.filter((name) => error[name])).toEqual([only])
  })

  it('reads a Status: reason, message, causes and how long to wait', () => {
    const status = {
      reason: 'Timeout',
      message: 'Too large resource version: 9, current: 8',
      details: { retryAfterSeconds: 1, causes: [{ reason: 'ResourceVersionTooLarge' }, {}] },
    }
    const error = errorOf(about, 504, JSON.stringify(status))
    expect(error).toMatchObject({
      code: 'ERR_KUBE_TIMEOUT',
      retryAfterMs: 1_000,
      causes: ['ResourceVersionTooLarge'],
      isTooLargeResourceVersion: true,
    })
    expect(error.message).toBe('cannot get configmaps shop/a: 504 Timeout: Too large resource version: 9, current: 8')
    // The header is nearer to the truth.
    expect(errorOf(about, 504, JSON.stringify(status), 5_000).retryAfterMs).toBe(5_000)
  })

  it('names the reason of an answer that is no Status, and never quotes it', () => {
    for (const text of ['<html>secret</html>', '', '[]', 'null', '"text"', '{"reason":""}']) {
      expect(errorOf(about, 503, text).message).toBe('cannot get configmaps shop/a: 503 ServiceUnavailable')
    }
    expect(errorOf(about, 418, '').code).toBe('ERR_KUBE_UNKNOWN')
  })

  it('takes the code inside a Status that came through a watch', () => {
    expect(errorOfStatus(about, { code: 410, reason: 'Expired' }).isGone).toBe(true)
    expect(errorOfStatus(about, {}).status).toBe(500)
  })

  it('cuts a message that goes on and on', () => {
    expect(errorOf(about, 422, JSON.stringify({ message: 'x'.repeat(10_000) })).message.length).toBeLessThan(1_100)
  })

  it('about a Secret names fields, and what speaks of names only', () => {
    const secret = { verb: 'update', resource: resources.secrets, ref: { namespace: 'shop', name: 'a' } }
    const body = {
      reason: 'Invalid',
      message: 'data[x]: Invalid value: "hidden"',
      details: { causes: [{ field: 'data[x]', reason: 'FieldValueInvalid' }] },
    }
    expect(errorOf(secret, 422, JSON.stringify(body)).message).toBe(
      'cannot update secrets shop/a: 422 Invalid: data[x] FieldValueInvalid',
    )
    const conflict = { reason: 'Conflict', message: 'the object has been modified' }
    expect(errorOf(secret, 409, JSON.stringify(conflict)).message).toContain('the object has been modified')
  })

  describe('about a Secret that is forbidden', () => {
    const messageOf = (message: string) =>
      errorOf(
        { verb: 'update', resource: resources.secrets, ref: { namespace: 'shop', name: 'a' } },
        403,
        JSON.stringify({ reason: 'Forbidden', message }),
      ).message

    it.each([
      'secrets "a" is forbidden: User "u" cannot update resource "secrets" in API group "" in the namespace "shop"',
      'secrets is forbidden: User "u" cannot list resource "secrets" in API group "" at the cluster scope',
    ])('says who may not do what: %s', (text) => {
      expect(messageOf(text)).toBe(`cannot update secrets shop/a: 403 Forbidden: ${text}`)
      expect(messageOf(`${text}: hidden`)).toBe(messageOf(text))
    })

    it.each([
      'admission webhook "w.example" denied the request: hidden',
      'secrets "a" is forbidden: hidden',
      'secrets "a" is forbidden: hidden is forbidden: User "u" cannot update resource "secrets" in API group ""',
    ])('does not quote admission: %s', (text) => {
      expect(messageOf(text)).toBe('cannot update secrets shop/a: 403 Forbidden')
    })
  })
})
