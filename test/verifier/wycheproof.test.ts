import { beforeAll, describe, expect, it } from 'vitest'
import { isCanonicalBase64url } from '../../src/keys/base64url.ts'
import { isRecord, parseStrictJson } from '../../src/json.ts'
import { verifySignature } from '../../src/keys/verify-signature.ts'
import { type KeysByID, readJwks } from '../../src/verifier/sources/jwks-document.ts'
import { TokenVerifier } from '../../src/verifier/verification/token-verifier.ts'
import { FetchError } from '../../src/verifier/http/fetch-error.ts'
import deviations from '../fixtures/wycheproof/deviations.json' with { type: 'json' }
import { type JwsVector, jwsVectors, wycheproofDirectory } from '../fixtures/wycheproof/vectors.ts'
import { HeldKeys, HeldRevocations } from '../fakes/verifier-sources.ts'

const files = ['json_web_signature_test', 'json_web_key_test', 'json_web_crypto_test'] as const
type File = (typeof files)[number]

/** Valid vectors that we refuse, by file; each entry has its reason. */
const refusedThoughValid = (file: File): readonly number[] =>
  deviations.flatMap((entry) => (entry as Partial<Record<File, number[]>>)[file] ?? []).sort((a, b) => a - b)

let directory: string

beforeAll(async () => {
  directory = await wycheproofDirectory()
}, 330_000)

describe.each([
  { file: files[0], least: 400 },
  { file: files[1], least: 26 },
  { file: files[2], least: 49 },
])('Wycheproof $file', ({ file, least }) => {
  it('has no invalid signature that our layers take, and no valid one that they refuse without a reason', async () => {
    const vectors = await jwsVectors(directory, file)
    expect(vectors.length).toBeGreaterThanOrEqual(least)
    const accepted: number[] = []
    const refused: number[] = []
    for (const vector of vectors) {
      const taken = await takes(vector)
      if (taken && !vector.valid) accepted.push(vector.id)
      if (!taken && vector.valid) refused.push(vector.id)
    }
    expect(accepted).toEqual([])
    expect(refused.sort((a, b) => a - b)).toEqual(refusedThoughValid(file))
  })

  it('has none that the whole verifier takes: not one is a token', async () => {
    for (const { jws, keys } of await jwsVectors(directory, file)) {
      const held = new HeldKeys(...(await usable(keys)).values())
      const verifier = new TokenVerifier({
        keys: held,
        revocations: new HeldRevocations(),
        issuer: 'https://issuer.example',
        audience: 'payments',
        maxCacheBytes: 0,
        clock: { now: () => Date.now() },
      })
      await expect(verifier.verify(jws as string)).rejects.toMatchObject({ name: 'TokenError' })
    }
  })
})

const usable = (keys: readonly unknown[]): Promise<KeysByID> =>
  readJwks(JSON.stringify({ keys }), new Map()).catch((error: unknown) => {
    if (error instanceof FetchError) return new Map<string, never>()
    throw error
  })

/** Our layers put together as `verifyToken` does, but for a payload that need not be claims. */
async function takes({ jws, keys }: JwsVector): Promise<boolean> {
  const parts = typeof jws === 'string' ? jws.split('.') : []
  const [header = '', payload = '', signature = ''] = parts
  if (parts.length !== 3 || !parts.every(isCanonicalBase64url)) return false
  const value = parseStrictJson(Buffer.from(header, 'base64url').toString())
  if (!isRecord(value) || !Object.keys(value).every((name) => ['alg', 'kid', 'typ'].includes(name))) return false
  const key = (await usable(keys)).get(value.kid as string)
  if (key === undefined || key.alg !== value.alg) return false
  return verifySignature(key, `${header}.${payload}`, Buffer.from(signature, 'base64url'))
}
