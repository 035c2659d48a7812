import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readKeyEncryptionKeys } from '../../../src/cli/commands/key-encryption-keys.ts'
import { ConfigError } from '../../../src/cli/settings/setting.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'signet-kek-'))
})
afterEach(() => rm(directory, { recursive: true }))

describe('the file of key-encryption keys', () => {
  it('is optional', async () => {
    expect(await readKeyEncryptionKeys(undefined)).toBeUndefined()
  })

  it('is read', async () => {
    const file = join(directory, 'keys')
    await writeFile(file, `a:${Buffer.alloc(32).toString('base64')}\n`)
    expect(await readKeyEncryptionKeys(file)).toMatchObject({ current: 'a' })
  })

  it('I3: ends the command where it cannot be used, naming file and line and nothing of what is in it', async () => {
    const file = join(directory, 'keys')
    await writeFile(file, 'a:not-a-key')
    await expect(readKeyEncryptionKeys(file)).rejects.toThrow(ConfigError)
    await expect(readKeyEncryptionKeys(file)).rejects.toThrow(
      `--key-encryption-key-file: cannot use "${file}": line 1 is not an ID, a colon and 32 bytes in base64`,
    )
    await expect(readKeyEncryptionKeys(file)).rejects.not.toThrow('not-a-key')
    await expect(readKeyEncryptionKeys(join(directory, 'gone'))).rejects.toThrow('no such file')
  })
})
