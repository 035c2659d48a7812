import { describe, expect, it } from 'vitest'
import { prepareArguments } from '../../../src/cli/kubectl/arguments.ts'
import { UsageError } from '../../../src/cli/kubectl/terminal/failures.ts'
import { makeToken } from '../../builders/token.ts'

const dashed = `-n${'k'.repeat(41)}`

describe('prepareArguments', () => {
  it.each([
    ['leaves flags and names as they are', ['show', 'orders', '-n', 'shop'], ['show', 'orders', '-n', 'shop']],
    [
      'moves a key ID that begins with a dash behind the flags',
      ['revoke-key', 'orders', dashed, '--yes'],
      ['revoke-key', 'orders', '--yes', '--', dashed],
    ],
    ['keeps what is behind -- there', ['revoke-key', '--', 'orders', dashed], ['revoke-key', '--', 'orders', dashed]],
    ['takes a long flag for a flag', [`--${'k'.repeat(41)}`], [`--${'k'.repeat(41)}`]],
  ])('%s', (_, given, expected) => {
    expect(prepareArguments(given)).toEqual(expected)
  })

  it.each(['%s', '--token-id=%s', 'Bearer %s'])('refuses a token given as %s, without repeating it', async (form) => {
    const token = await makeToken()
    let refusal: unknown
    try {
      prepareArguments(['decode', form.replace('%s', token)])
    } catch (error) {
      refusal = error
    }
    expect(refusal).toBeInstanceOf(UsageError)
    for (const part of token.split('.')) expect(String(refusal)).not.toContain(part)
  })
})
