import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { DelayedCopies } from './delayed-copies.ts'
import { startEnvoy } from './envoy.ts'
import { startLineVerifier } from './line-verifier.ts'
import type { Tools } from './tools.ts'
import type { Verifier } from './verifier.ts'
import { Verdicts } from './verdicts.ts'

/** A verifier as it is asked here, and what it said. */
export interface Party {
  readonly name: string
  /**
   * Sees valid tokens only, so that its copy of the key set grows as old as it may: an unknown kid makes some
   * verifiers look again.
   */
  readonly forValid: Verifier
  readonly forHostile: Verifier
  readonly verdicts: Verdicts
  /** How old its copy has to have been once, in milliseconds; 0 where it looks again by itself or does not tell. */
  readonly copyAgeMs: number
}

export interface PartiesOptions {
  readonly tools: Tools
  readonly issuer: string
  readonly audience: string
  readonly caFile: string
  readonly directory: string
  /** How long each may keep its copy. */
  readonly maxAgeSeconds: number
  /** Where the key set of a while ago is served. */
  readonly delayed: DelayedCopies
}

/** Starts them all; `started` is told of each process at once, so that none is left where a later one fails. */
export async function startParties(options: PartiesOptions, started: (verifier: Verifier) => void): Promise<Party[]> {
  const { tools, issuer, audience, caFile, directory, maxAgeSeconds, delayed } = options
  const uri = `${issuer}/jwks.json`
  const age = String(maxAgeSeconds)
  const programs = fileURLToPath(new URL('programs/', import.meta.url))
  const jose = { command: process.execPath, env: { NODE_EXTRA_CA_CERTS: caFile } }
  const joseWith = (where: string, maxAgeMs: number, ageWhenFetchedMs: number) => [
    join(programs, 'jose.mjs'),
    issuer,
    where,
    audience,
    String(maxAgeMs),
    String(ageWhenFetchedMs),
  ]
  const go = (seconds: string) => ({ command: tools.goOidc, parameters: [issuer, audience, caFile, seconds] })
  const python = {
    command: tools.python,
    parameters: [join(programs, 'pyjwt.py'), issuer, uri, audience, age],
    env: { PYTHONPATH: tools.pythonPath, SSL_CERT_FILE: caFile },
  }
  const late = (maxAgeSeconds - 5) * 1000
  const lines = [
    {
      name: `jose, copies up to ${age} s old`,
      ...jose,
      parameters: joseWith(uri, maxAgeSeconds * 1000, 0),
      copyAgeMs: late,
    },
    {
      name: `jose, copies ${delayed.ageMs / 1000} s old always`,
      ...jose,
      parameters: joseWith(delayed.uri, 0, delayed.ageMs),
      copyAgeMs: late,
    },
    { name: `PyJWT, copies up to ${age} s old`, ...python, copyAgeMs: late },
    { name: 'go-oidc, as it is', ...go('0'), copyAgeMs: 0 },
    { name: `go-oidc, behind a cache of ${age} s`, ...go(age), copyAgeMs: late },
  ]
  const parties = lines.map(({ copyAgeMs, ...program }): Party => {
    const [forValid, forHostile] = [startLineVerifier(program), startLineVerifier(program)]
    started(forValid)
    started(forHostile)
    return { name: program.name, forValid, forHostile, verdicts: new Verdicts(), copyAgeMs }
  })
  const envoy = await startEnvoy({ command: tools.envoy, directory, issuer, audience, caFile, maxAgeSeconds })
  started(envoy)
  const name = `Envoy jwt_authn, copies up to ${age} s old`
  return [...parties, { name, forValid: envoy, forHostile: envoy, verdicts: new Verdicts(), copyAgeMs: 0 }]
}
