import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { trustOf } from '../../../src/verifier/http/trust.ts'

const directory = await mkdtemp(join(tmpdir(), 'signet-trust-'))
const file = join(directory, 'ca.crt')
const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`

afterAll(() => rm(directory, { recursive: true }))

describe('what is trusted', () => {
  it('is the mounted bundle, read anew each time', async () => {
    await rm(file, { force: true })
    const trust = trustOf({}, file)
    await expect(trust()).rejects.toMatchObject({ code: 'ENOENT' })
    await writeFile(file, pem('one'))
    await expect(trust()).resolves.toBe(pem('one'))
    await writeFile(file, pem('two'))
    await expect(trust()).resolves.toBe(pem('two'))
  })

  it('is never all the world because a file is empty', async () => {
    await writeFile(file, '')
    await expect(trustOf({ caFile: file }, 'elsewhere')()).rejects.toThrow(`no certificate in ${file}`)
    expect(() => trustOf({ ca: '' }, file)()).toThrow('no certificate in ca')
  })

  it('is what Node trusts only where that is said', async () => {
    await expect(trustOf({ ca: 'system' }, file)()).resolves.toBeUndefined()
    await expect(trustOf({ ca: pem('x') }, file)()).resolves.toBe(pem('x'))
    expect(() => trustOf({ ca: 'system', caFile: file }, file)).toThrow(TypeError)
  })
})
