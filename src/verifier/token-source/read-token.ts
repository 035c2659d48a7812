import { open } from 'node:fs/promises'
import { maxTokenLength } from '../../tokens/compact.ts'
import { decodeToken } from '../../tokens/decode.ts'
import { TokenSourceError } from './token-source-error.ts'

/**
 * The token in a file, of which no more is read than a token can have. Only its form is checked: who is sent it judges
 * it. Rejects with a TokenSourceError that shows nothing of the content.
 */
export async function readToken(file: string): Promise<string> {
  const text = await readStart(file).catch((cause: unknown) => {
    throw new TokenSourceError('ERR_TOKEN_SOURCE_FILE', `cannot read ${file}`, { cause })
  })
  const token = text.trim()
  try {
    decodeToken(token)
  } catch {
    // Without the cause: what a file holds by mistake is not for a log.
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
