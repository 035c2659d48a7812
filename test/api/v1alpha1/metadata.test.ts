import { describe, expect, it } from 'vitest'
import { workloadSecretLabels } from '../../../src/api/v1alpha1/metadata.ts'
import { files, tokenFile } from '../../../src/identity/workload.ts'

describe('the labels of a workload Secret', () => {
  it('name the identity where a label can hold the name', () => {
    const name = 'x'.repeat(63)
    expect(workloadSecretLabels(name)).toEqual({
      'app.kubernetes.io/managed-by': 'signet',
      'signet.dev/component': 'identity',
      'signet.dev/identity': name,
    })
  })

  it('leave out a name that is longer than a label', () => {
    expect(Object.keys(workloadSecretLabels('x'.repeat(64)))).not.toContain('signet.dev/identity')
  })
})

describe("a token's file", () => {
  it('never takes the name of another file, whatever the token is called', () => {
    const others = [...Object.values(files), 'access.json']
    for (const name of [...others.map((file) => file.split('.')[0] ?? ''), 'token', 'issuer', 'tls', 'ca']) {
      expect(others).not.toContain(tokenFile(name))
    }
    for (const file of others) expect(file.endsWith('.jwt')).toBe(false)
  })
})
