import { type DecodedToken, decodeToken } from '../../../tokens/decode.ts'
import { messageOf } from '../../../errors.ts'
import { files, tokenFile, workloadSecretName } from '../../../identity/workload.ts'
import { resources } from '../../../kube/client/resource.ts'
import { type Secret, secretText } from '../../../kube/secrets/secret-codec.ts'
import type { Session } from './context.ts'
import { CommandError, UsageError } from '../terminal/failures.ts'
import { findIdentity } from './identities.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** Decodes the token in a file, or on standard input for `-`. Verifies nothing. */
export async function readToken(terminal: Terminal, file: string): Promise<DecodedToken> {
  if (file === '-' && terminal.interactive) terminal.err('Paste the token, then press Enter and Ctrl-D.\n')
  const text = (await terminal.read(file)).trim()
  const source = file === '-' ? 'standard input' : file
  if (text === '') throw new UsageError(`${source} is empty: pass a token`)
  return decoded(text, source)
}

/** Decodes a token in the Secret of an identity. Verifies nothing. */
export async function readMountedToken(
  session: Session,
  name: string,
  tokenName: string | undefined,
): Promise<DecodedToken> {
  const identity = await findIdentity(session, name)
  const ref = { namespace: identity.metadata.namespace, name: workloadSecretName(name) }
  const secret = await session.client.get<Secret>(resources.secrets, ref)
  const token = secret && secretText(secret, tokenName === undefined ? files.token : tokenFile(tokenName))
  const source = `Secret ${session.namespace}/${ref.name}`
  if (secret === undefined) throw new CommandError(`${source} does not exist yet; see kubectl signet show ${name}`)
  if (token === undefined) {
    const names = identity.status?.tokens?.map((one) => one.name).join(', ')
    throw new CommandError(`${source} has no token ${tokenName ?? ''}; it has: ${names ?? 'none'}`)
  }
  return decoded(token, source)
}

function decoded(text: string, source: string): DecodedToken {
  try {
    return decodeToken(text)
  } catch (error) {
    // decodeToken never repeats its input in a message.
    throw new CommandError(`${source} contains no token: ${messageOf(error)}`, { cause: error })
  }
}
