import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { AuthorityFleet, issuer, issuingKeysMade } from '../../bench/authority-fleet.ts'
import { administratorToken, boundTokens } from '../../bench/bound-tokens.ts'
import { withStage } from '../../bench/many-identities.ts'
import { withServingCertificate } from '../../bench/serving-certificate.ts'
import { MINUTE } from '../../src/time/duration.ts'
import { createSigner, type Signer } from '../../src/keys/signer.ts'
import { generateSigningKey } from '../../src/keys/signing-key.ts'
import { type ConfigMap, ConfigMapPublicKeyStore } from '../../src/kube/keys/config-map-public-key-store.ts'
import { Store } from '../../src/kube/cache/store.ts'
import { buildClaims } from '../../src/tokens/claims.ts'
import { newTokenID } from '../../src/tokens/mint.ts'
import { servingName } from '../builders/serving-certificate.ts'
import { operatorNamespace } from '../chart/helm.ts'
import type { Outcome, Soak } from './soak.ts'

const connections = 32
const sampleMs = 5000
/** Until caches are full and the code is compiled. */
const settlesMs = 2 * MINUTE
/** How much more it may hold at the end than once it has settled. */
const mostGrowth = 0.05
/** A million in ten minutes: with fewer the caches might not have been full for long. */
const leastAMinute = 100_000

/**
 * An authority as it is shipped is asked about another token each time, as fast as it answers, on kept connections: what
 * it remembers of each has to make room for others.
 */
export const memory: Soak = {
  describe:
    'an authority introspects distinct tokens as fast as it can, a million in ten minutes: what it holds of memory ' +
    'does not grow by more than 5 percent once its caches are full',
  defaultMinutes: 10,
  leastMinutes: 4,
  onCluster: false,
  run,
}

async function run(minutes: number, log: (line: string) => void): Promise<Outcome> {
  return withStage(async ({ plane, client, controller }) =>
    withServingCertificate(async (directory) => {
      await issuingKeysMade(client)
      // The keys below are of no ServiceIdentity: it would sweep them.
      await controller.stop()
      const store = new ConfigMapPublicKeyStore({ client, store: new Store<ConfigMap>(), namespace: operatorNamespace })
      const subject = 'spiffe://cluster.local/ns/bench/sa/service-0'
      const { keyID, publicJwk, privateJwk } = await generateSigningKey('ES256', subject)
      const wanted = { keys: [publicJwk], uid: 'soak', ringVersion: undefined }
      await store.put({ namespace: 'bench', name: 'service-0' }, undefined, wanted)
      const bearer = await administratorToken(plane)
      const [proof] = await boundTokens({ plane, client, bearer, audience: issuer, count: 1 })
      const fleet = await AuthorityFleet.of(plane, directory)
      try {
        const server = await fleet.authority()
        const ca = await readFile(join(directory, 'ca.crt'), 'utf8')
        const connect = { ca, servername: servingName }
        const pool = new Pool(`https://127.0.0.1:${server.port}`, { connections, connect })
        const load = new Load(
          pool,
          proof?.token ?? '',
          createSigner({ keyID, algorithm: 'ES256', privateJwk }),
          subject,
        )
        const samples = await sampled(load, minutes, () => server.residentMb(), log)
        await pool.close()
        return outcomeOf(samples, load)
      } finally {
        await fleet.stop()
      }
    }),
  )
}

/** What came of asking. */
export interface Answers {
  readonly asked: number
  readonly wrong: number
  readonly shed: number
}

/** Asks about one fresh token after another on each connection. */
class Load implements Answers {
  asked = 0
  /** Answers that did not find the token to be live. */
  wrong = 0
  /** Answers that there was too much to do: no word about the token (I6). */
  shed = 0
  readonly #pool: Pool
  readonly #proof: string
  readonly #signer: Signer
  readonly #subject: string
  #over = false

  constructor(pool: Pool, proof: string, signer: Signer, subject: string) {
    this.#pool = pool
    this.#proof = proof
    this.#signer = signer
    this.#subject = subject
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: connections }, () => this.#askOn()))
  }

  stop(): void {
    this.#over = true
  }

  async #askOn(): Promise<void> {
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Bearer ${this.#proof}`,
    }
    while (!this.#over) {
      const body = `token=${await this.#token()}`
      const answer = await this.#pool.request({ path: '/introspect', method: 'POST', headers, body })
      const text = await answer.body.text()
      this.asked += 1
      if (answer.statusCode === 503) this.shed += 1
      else if (answer.statusCode !== 200 || !text.startsWith('{"active":true')) this.wrong += 1
    }
  }

  async #token(): Promise<string> {
    const { algorithm: alg, keyID: kid } = this.#signer
    const claims = buildClaims({
      issuer,
      subject: this.#subject,
      audience: 'payments',
      issuedAt: Date.now(),
      lifetimeMs: 10 * MINUTE,
      tokenID: newTokenID(),
      profile: 'JWT-SVID',
    })
    const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
    const signed = `${encode({ alg, kid, typ: 'JWT' })}.${encode(claims)}`
    return `${signed}.${(await this.#signer.sign(signed)).toString('base64url')}`
  }
}

export interface Sample {
  readonly ms: number
  readonly mb: number
}

async function sampled(
  load: Load,
  minutes: number,
  residentMb: () => Promise<number>,
  log: (line: string) => void,
): Promise<Sample[]> {
  const began = performance.now()
  const samples: Sample[] = []
  const running = load.run()
  try {
    for (let ms = 0; ms < minutes * MINUTE; ms = performance.now() - began) {
      await Promise.race([sleep(sampleMs), running])
      samples.push({ ms: performance.now() - began, mb: await residentMb() })
      if (samples.length % (MINUTE / sampleMs) === 0) {
        log(
          `minute ${Math.round(ms / MINUTE)} of ${minutes}: ${load.asked} tokens, ${samples.at(-1)?.mb.toFixed(0)} MB`,
        )
      }
    }
  } finally {
    load.stop()
    await running
  }
  return samples
}

export function outcomeOf(samples: readonly Sample[], { asked, wrong, shed }: Answers): Outcome {
  const end = samples.at(-1)?.ms ?? 0
  const live = asked - wrong - shed
  const least = Math.floor((leastAMinute * end) / MINUTE)
  const settled = median(samples.filter(({ ms }) => ms > settlesMs && ms < settlesMs + MINUTE))
  const last = median(samples.filter(({ ms }) => ms > end - MINUTE))
  const peak = Math.max(...samples.map(({ mb }) => mb))
  const growth = last / settled - 1
  const failures = [
    ...(growth <= mostGrowth ? [] : [`memory grew by ${(growth * 100).toFixed(1)} percent after it had settled`]),
    ...(wrong === 0 ? [] : [`${wrong} tokens were not found to be live`]),
    ...(live > 0 && live >= least ? [] : [`${live} tokens were found to be live, fewer than ${least}`]),
  ]
  return {
    table: [
      ['distinct tokens introspected', String(live)],
      ['a second', (live / (end / 1000)).toFixed(0)],
      ['resident after two minutes', `${settled.toFixed(0)} MB`],
      ['resident in the last minute', `${last.toFixed(0)} MB`],
      ['resident at most', `${peak.toFixed(0)} MB`],
      ['growth', `${(growth * 100).toFixed(1)} %`],
      ['not found to be live', String(wrong)],
      ['answered 503', String(shed)],
    ],
    figures: {
      tokens: live,
      settledMb: settled,
      lastMb: last,
      peakMb: peak,
      growth,
      wrong,
      shed,
    },
    failures,
  }
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ mb }) => mb).sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
