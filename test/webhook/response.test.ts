import { describe, expect, it } from 'vitest'
import { admissionResponse, type AdmissionVerdict } from '../../src/webhook/response.ts'
import type { ReviewAnswer } from '../builders/admission-review.ts'

const answer = (verdict: AdmissionVerdict, uid = 'u') => JSON.parse(admissionResponse(uid, verdict)) as ReviewAnswer

describe('admissionResponse', () => {
  it('names neither patch nor patch type where nothing changes', () => {
    const plain = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: 'u', allowed: true } }
    expect(answer({ allowed: true })).toEqual(plain)
    expect(answer({ allowed: true, patch: [], warnings: [] })).toEqual(plain)
  })

  it('carries the patch as base64 of its JSON, in UTF-8', () => {
    const patch = [{ op: 'add', path: '/a', value: { name: 'ä火', text: '"\\' } }] as const
    const { response } = answer({ allowed: true, patch, warnings: ['one', 'two "quoted"'] })
    expect(response).toMatchObject({ patchType: 'JSONPatch', warnings: ['one', 'two "quoted"'] })
    expect(JSON.parse(Buffer.from(response.patch ?? '', 'base64').toString())).toEqual(patch)
  })

  it('denies with 422, the message, and the fields that are wrong', () => {
    const causes = [{ field: 'spec.tokens[0].lifetime', message: '5m is under 15m' }]
    const of = { group: 'signet.dev', kind: 'ServiceIdentity', name: 'orders' }
    expect(answer({ allowed: false, message: 'no', causes, of }).response).toEqual({
      uid: 'u',
      allowed: false,
      status: {
        code: 422,
        reason: 'Invalid',
        message: 'no',
        details: { ...of, causes: [{ reason: 'FieldValueInvalid', ...causes[0] }] },
      },
    })
    expect(answer({ allowed: false, message: 'no' }).response.status).not.toHaveProperty('details')
  })

  it('answers with the very uid that was asked with', () => {
    for (const uid of ['705ab4f5', '"}', '\u2028', 'ä']) expect(answer({ allowed: true }, uid).response.uid).toBe(uid)
  })
})
