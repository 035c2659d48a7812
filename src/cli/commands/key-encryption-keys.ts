import { readFile } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import { type KeyEncryptionKeys, parseKeyEncryptionKeys } from '../../keys/key-ring/encryption.ts'
import { ConfigError } from '../settings/setting.ts'
import { keyEncryptionKeyFile } from '../settings/shared.ts'

/** Reads the file of key-encryption keys at the start. Returns undefined without a file, and throws ConfigError. */
export async function readKeyEncryptionKeys(
  file: string | undefined,
  { flag }: { readonly flag: string } = keyEncryptionKeyFile,
): Promise<KeyEncryptionKeys | undefined> {
  if (file === undefined) return undefined
  try {
    return parseKeyEncryptionKeys(await readFile(file, 'utf8'))
  } catch (error) {
    throw new ConfigError(`--${flag}: cannot use "${file}": ${messageOf(error)}`)
  }
}
