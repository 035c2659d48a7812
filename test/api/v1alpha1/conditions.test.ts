import { describe, expect, it } from 'vitest'
import {
  type ConditionJudgement,
  ConditionType,
  findCondition,
  isConditionTrue,
  setCondition,
} from '../../../src/api/v1alpha1/conditions.ts'

const start = Date.parse('2026-01-02T03:04:05Z')
const ready: ConditionJudgement = {
  type: ConditionType.Ready,
  status: 'True',
  reason: 'Ready',
  message: 'Keys and tokens are in place',
  observedGeneration: 1,
}

describe('setCondition', () => {
  it('adds a condition that was not there, with now as its transition', () => {
    expect(setCondition(undefined, ready, start)).toEqual([{ ...ready, lastTransitionTime: '2026-01-02T03:04:05Z' }])
  })

  it('keeps the transition time while the status stays, whatever else changes', () => {
    const before = setCondition(undefined, ready, start)
    const after = setCondition(
      before,
      { ...ready, reason: 'Renewed', message: 'other', observedGeneration: 2 },
      start + 60_000,
    )
    expect(after).toEqual([
      {
        ...ready,
        reason: 'Renewed',
        message: 'other',
        observedGeneration: 2,
        lastTransitionTime: '2026-01-02T03:04:05Z',
      },
    ])
  })

  it('moves the transition time with the status', () => {
    const before = setCondition(undefined, ready, start)
    const [after] = setCondition(before, { ...ready, status: 'False', reason: 'Waiting' }, start + 60_000)
    expect(after?.lastTransitionTime).toBe('2026-01-02T03:05:05Z')
  })

  it('gives equal conditions for the same judgement at a later time', () => {
    const before = setCondition(undefined, ready, start)
    expect(setCondition(before, ready, start + 1)).toEqual(before)
  })

  it('keeps the order and leaves the others and the input as they are', () => {
    const keys = { ...ready, type: ConditionType.KeysReady }
    const before = setCondition(setCondition(undefined, ready, start), keys, start)
    const copy = structuredClone(before)
    const after = setCondition(before, { ...ready, status: 'Unknown' }, start + 1000)
    expect(after.map(({ type, status }) => [type, status])).toEqual([
      ['Ready', 'Unknown'],
      ['KeysReady', 'True'],
    ])
    expect(before).toEqual(copy)
  })
})

describe('a condition', () => {
  const conditions = setCondition(undefined, { ...ready, status: 'Unknown' }, start)

  it('is found by its type', () => {
    expect(findCondition(conditions, ConditionType.Ready)?.status).toBe('Unknown')
    expect(findCondition(conditions, ConditionType.TokensReady)).toBeUndefined()
    expect(findCondition(undefined, ConditionType.Ready)).toBeUndefined()
  })

  it('is true only where its status is True', () => {
    expect(isConditionTrue(conditions, ConditionType.Ready)).toBe(false)
    expect(isConditionTrue(setCondition(conditions, ready, start), ConditionType.Ready)).toBe(true)
    expect(isConditionTrue(undefined, ConditionType.Ready)).toBe(false)
  })
})
