import { readFile } from 'node:fs/promises'
import { request } from 'node:https'
import { SignetError } from '../../errors.ts'
import { parseJwks } from '../../keys/jwks.ts'

/** The check of an authority has failed: `ERR_AUTHORITY`. */
export class AuthorityCheckError extends SignetError {
  constructor(message: string) {
    super('ERR_AUTHORITY', message)
  }
}

export interface AuthorityCheck {
  /** The URL at which the authority is reachable. */
  readonly url: string
  /** The issuer that the discovery document must name. Defaults to the URL. */
  readonly issuer?: string | undefined
  readonly caFile?: string | undefined
}

/**
 * Fetches the discovery document from the URL, and the JWK Set that it names. Resolves with the result as a sentence.
 * Rejects with an AuthorityCheckError if a response is missing or too long, or does not match the issuer, and with the
 * error of the connection or of the parser otherwise.
 */
export async function checkAuthority({ url, issuer = url, caFile }: AuthorityCheck): Promise<string> {
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8')
  const path = new URL(issuer).pathname.replace(/\/$/, '')
  const discovery: unknown = JSON.parse(await get(`${url}${path}/.well-known/openid-configuration`, ca))
  const { issuer: named, jwks_uri: uri } = discovery as { issuer?: unknown; jwks_uri?: unknown }
  if (named !== issuer) throw new AuthorityCheckError(`the authority at ${url} names another issuer: ${String(named)}`)
  if (typeof uri !== 'string') throw new AuthorityCheckError(`the discovery document of ${issuer} has no jwks_uri`)
  if (!uri.startsWith(`${issuer}/`)) throw new AuthorityCheckError(`jwks_uri of ${issuer} is not below it: ${uri}`)
  const keys = parseJwks(await get(`${url}${path}${uri.slice(issuer.length)}`, ca), { maxBytes: longestAnswer })
  return `${issuer} serves ${keys.length} public ${keys.length === 1 ? 'key' : 'keys'}`
}

const longestAnswer = 32 * 1024 * 1024

function get(url: string, ca: string | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ...(ca === undefined ? {} : { ca }), timeout: 10_000 }, (response) => {
      const parts: Buffer[] = []
      let length = 0
      response.on('data', (part: Buffer) => {
        length += part.length
        if (length > longestAnswer) response.destroy(new AuthorityCheckError(`the answer of ${url} is too long`))
        else parts.push(part)
      })
      response.once('error', reject)
      response.once('end', () => {
        if (response.statusCode === 200) resolve(Buffer.concat(parts).toString('utf8'))
        else reject(new AuthorityCheckError(`${url} answered ${response.statusCode ?? 0}`))
      })
    })
    call.once('timeout', () => call.destroy(new AuthorityCheckError(`${url} did not answer within 10 s`)))
    call.once('upgrade', (_, socket) => {
      socket.destroy()
      reject(new AuthorityCheckError(`${url} answered 101`))
    })
    call.once('error', reject)
    call.end()
  })
}
