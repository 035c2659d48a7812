import { readFile } from 'node:fs/promises'
import { messageOf } from '../../errors.ts'
import { type KeyEncryptionKeys, parseKeyEncryptionKeys } from '../../keys/key-ring/encryption.ts'
import { ConfigError } from '../settings/setting.ts'
import { keyEncryptionKeyFile } from '../settings/shared.ts'

/** The keys of the file, read once, at the start; undefined where there is no file. Throws ConfigError. */
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
