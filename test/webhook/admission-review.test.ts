import { describe, expect, it } from 'vitest'
import { AdmissionReviewError, parseAdmissionReview } from '../../src/webhook/admission-review.ts'
import { podOf, reviewOf } from '../builders/admission-review.ts'

const parse = (value: unknown) => parseAdmissionReview(Buffer.from(JSON.stringify(value)))

describe('parseAdmissionReview', () => {
  it('reads what is decided by', () => {
    expect(parse(reviewOf({ subResource: 'status', operation: 'UPDATE' }))).toEqual({
      uid: '705ab4f5-6393-11e8-b7cc-42010a800002',
      operation: 'UPDATE',
      subResource: 'status',
      kind: { group: '', version: 'v1', kind: 'Pod' },
      namespace: 'shop',
      object: podOf(),
    })
  })

  it('takes what is absent as empty', () => {
    expect(parse(reviewOf({ kind: null, namespace: undefined, operation: 7, object: undefined }))).toMatchObject({
      operation: '',
      subResource: '',
      namespace: '',
      kind: { group: '', version: '', kind: '' },
      object: undefined,
    })
  })

  it('keeps text outside ASCII unchanged', () => {
    const { object } = parse(reviewOf({ object: { metadata: { annotations: { note: 'größer 火 🜂' } } } }))
    expect(object).toEqual({ metadata: { annotations: { note: 'größer 火 🜂' } } })
  })

  const json = JSON.stringify(reviewOf())
  const wrong: readonly [string, Buffer | string, string][] = [
    ['an empty body', '', 'not JSON'],
    ['null', 'null', 'not an AdmissionReview'],
    ['a list', '[]', 'not an AdmissionReview'],
    ['a text', '"AdmissionReview"', 'not an AdmissionReview'],
    ['a body cut short', json.slice(0, -1), 'not JSON'],
    ['a body with more behind it', `${json}{}`, 'not JSON'],
    ['a byte order mark', `\uFEFF${json}`, 'not JSON'],
    ['invalid UTF-8', Buffer.from(json.replace('orders-', 'orders\u00ff'), 'latin1'), 'not UTF-8'],
    ['UTF-16', Buffer.from(json, 'utf16le'), 'not JSON'],
    ['v1beta1', JSON.stringify(reviewOf({}, { apiVersion: 'admission.k8s.io/v1beta1' })), 'not an AdmissionReview'],
    ['v2', JSON.stringify(reviewOf({}, { apiVersion: 'admission.k8s.io/v2' })), 'not an AdmissionReview'],
    ['another kind', JSON.stringify(reviewOf({}, { kind: 'ConversionReview' })), 'not an AdmissionReview'],
    ['no request', JSON.stringify(reviewOf({}, { request: undefined })), 'no request'],
    ['a list as request', JSON.stringify(reviewOf({}, { request: [] })), 'no request'],
    ['no uid', JSON.stringify(reviewOf({ uid: undefined })), 'no uid'],
    ['an empty uid', JSON.stringify(reviewOf({ uid: '' })), 'no uid'],
    ['a number as uid', JSON.stringify(reviewOf({ uid: 7 })), 'no uid'],
    ['members of a prototype', '{"__proto__":{"kind":"AdmissionReview"}}', 'not an AdmissionReview'],
    ['100,000 nested lists', '['.repeat(100_000) + ']'.repeat(100_000), 'nested too deep'],
    ['100,000 nested objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, 'nested too deep'],
    ['40,000 nested lists, below the size from which depth is checked', '['.repeat(40_000), 'not JSON'],
  ]
  for (const [name, body, message] of wrong) {
    it(`refuses ${name} without quoting it`, () => {
      let thrown: unknown
      try {
        parseAdmissionReview(Buffer.from(body))
      } catch (error) {
        thrown = error
      }
      expect(thrown).toBeInstanceOf(AdmissionReviewError)
      expect(thrown).toMatchObject({ code: 'ERR_ADMISSION_REVIEW' })
      expect(String(thrown)).toContain(message)
      expect(String(thrown)).not.toContain('705ab4f5')
    })
  }

  it('does not take brackets within strings for nesting', () => {
    const text = `${'[{"'.repeat(50_000)}\\`
    expect(parse(reviewOf({ object: { text } })).object).toEqual({ text })
  })
})
