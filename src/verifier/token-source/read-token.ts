import { open } from 'node:fs/promises'
import { maxTokenLength } from '../../tokens/compact.ts'
import { decodeToken } from '../../tokens/decode.ts'
import { TokenSourceError } from './token-source-error.ts'

/**
 * Reads a token from a file, at most as many bytes as a token may have. Checks the syntax only; the receiver verifies
 * the token. Rejects with a TokenSourceError that contains nothing of the file.
 */
export async function readToken(file: string): Promise<string> {
  const text = await readStart(file).catch((cause: unknown) => {
    throw new TokenSourceError('ERR_TOKEN_SOURCE_FILE', `cannot read ${file}`, { cause })
  })
  const token = text.trim()
  try {
    decodeToken(token)
  } catch {
    // Without the cause, which might quote a file that holds another secret.
    throw new TokenSourceError('ERR_TOKEN_SOURCE_FILE', `no token in ${file}`)
  }
  return token
}

async function readStart(file: string): Promise<string> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxTokenLength + 64))
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await handle.close()
  }
}
