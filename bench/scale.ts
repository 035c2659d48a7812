import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent, Pool, request } from 'undici'
import { grants, tokenTypeUris } from '../src/authority/oauth/parameters.ts'
import { servingName } from '../test/builders/serving-certificate.ts'
import { RedisServer } from '../test/redis/redis-server.ts'
import { AuthorityFleet, issuer, issuingKeysMade } from './authority-fleet.ts'
import { administratorToken, type BoundToken, boundTokens, tokenRequest } from './bound-tokens.ts'
import { withStage } from './many-identities.ts'
import { type Figures, type Findings, medianOf, type Options, progress } from './measurement.ts'
import { publishKeys } from './published-keys.ts'
import { inParallel } from './ready-watch.ts'
import type { ServerProcess } from './server-process.ts'
import { withServingCertificate } from './serving-certificate.ts'
import { load, type LoadOptions } from './wrk.ts'

export const name = 'scale'
export const describe =
  'exchange, introspection and JWK Set by one and two authorities, beside the API server (--subjects 26000 --seconds 3 --rounds 3 --connections 32)'

const form = { 'content-type': 'application/x-www-form-urlencoded' }
/** Subjects that warm a process up before its cold path is measured. */
const warmUp = 3000
/** How long: Node compiles code while it runs, and most replicas have served for longer than this. */
const warmUpSeconds = 8
const coldSeconds = 2
/** What the bare server answers: as much as an exchange or an introspection. */
const bareBytes = 900

/**
 * Each subject is a pod with a ServiceAccount of its own on a real API server, which has issued its token. Cold: every
 * request has another subject, on a process that has seen none of them. Warm: a hundred subjects, in turns.
 */
export async function run(options: Options): Promise<Findings> {
  const { subjects: count = 26_000 } = options
  return withStage(async ({ plane, client, controller }) =>
    withServingCertificate(async (directory) => {
      await issuingKeysMade(client)
      // It would sweep the keys of identities that are none, and take from the processor time that is measured.
      await controller.stop()
      const bearer = await administratorToken(plane)
      progress(`making ${count + warmUp} pods with their accounts, tokens and identities`)
      await publishKeys(client, count + warmUp)
      const subjects = await boundTokens({ plane, client, bearer, audience: issuer, count: count + warmUp })
      const fleet = await AuthorityFleet.of(plane, directory)
      try {
        const measure = new Measure(options, subjects, await readFile(join(directory, 'ca.crt'), 'utf8'))
        const alone = await measure.authority(fleet)
        const redis = await measure.withRedis(fleet)
        const peers = await measure.peers(fleet, plane.url, bearer)
        return { subjects: count, ...alone, ...redis, ...peers }
      } finally {
        await fleet.stop()
      }
    }),
  )
}

interface Asked {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** What a right answer has in it. */
  readonly right: string
}

class Measure {
  readonly #seconds: number
  readonly #rounds: number
  readonly #connections: number
  readonly #subjects: readonly BoundToken[]
  readonly #exchanges: readonly string[]
  readonly #ca: string
  #tokens: readonly string[] = []
  /** Answers the same requests in turns with the authority, so that a machine whose pace changes changes both. */
  #bare: ServerProcess | undefined

  constructor(options: Options, subjects: readonly BoundToken[], ca: string) {
    const { seconds = 3, rounds = 3, connections = 32 } = options
    this.#seconds = seconds
    this.#rounds = rounds
    this.#connections = connections
    this.#subjects = subjects
    this.#exchanges = subjects.map(({ token }) => exchangeOf(token))
    this.#ca = ca
  }

  async authority(fleet: AuthorityFleet): Promise<Findings> {
    progress('one authority')
    const one = await fleet.authority()
    this.#bare = await fleet.bare(bareBytes)
    // For another audience another token is signed.
    const signatures = Array.from({ length: warmUpSeconds }, (_, index) => `warm-up-${index}`).flatMap((audience) =>
      this.#subjects.slice(0, warmUp).map(({ token }) => exchangeOf(token, audience)),
    )
    const coldExchange = await this.#cold(one, '/token', { before: signatures, bodies: this.#exchanges }, form)
    const warmExchange = await this.#warm([one], '/token', this.#exchanges.slice(0, 100), form)
    const residentMb = await one.residentMb()
    this.#tokens = await this.#fetchTokens(one)
    const coldIntrospection = await this.#introspectCold(one)
    const warmIntrospection = await this.#introspectWarm([one])
    const { etag } = await this.#jwks(one)
    const jwks = await this.#warm([one], '/jwks.json', undefined, { 'accept-encoding': 'gzip', 'if-none-match': etag })
    if ((await this.#jwks(one, { 'if-none-match': etag })).status !== 304) throw new Error('the JWK Set was sent whole')
    progress('two authorities')
    const two = [one, await fleet.authority()]
    const warmExchangeByTwo = await this.#warm(two, '/token', this.#exchanges.slice(0, 100), form)
    const warmIntrospectionByTwo = await this.#introspectWarm(two)
    await fleet.stop()
    return {
      residentMb,
      coldExchange,
      warmExchange,
      coldIntrospection,
      warmIntrospection,
      jwksNotModified: jwks,
      warmExchangeByTwo,
      warmIntrospectionByTwo,
    }
  }

  async withRedis(fleet: AuthorityFleet): Promise<Findings> {
    progress('with Redis')
    const directory = await mkdtemp(join(tmpdir(), 'signet-bench-'))
    const redis = await RedisServer.start({ directory })
    try {
      const flags = [`--redis-url=${redis.url}`]
      const first = await fleet.authority(flags)
      this.#bare = await fleet.bare(bareBytes)
      const coldIntrospectionRedis = await this.#introspectCold(first)
      const warmIntrospectionRedis = await this.#introspectWarm([first])
      await first.stop()
      const coldIntrospectionRedisSecondReplica = await this.#introspectCold(await fleet.authority(flags))
      return { coldIntrospectionRedis, coldIntrospectionRedisSecondReplica, warmIntrospectionRedis }
    } finally {
      await fleet.stop()
      await redis.kill()
      await rm(directory, { recursive: true })
    }
  }

  async peers(fleet: AuthorityFleet, apiServer: string, bearer: string): Promise<Findings> {
    progress('the API server, and a bare server')
    const [subject] = this.#subjects
    if (subject === undefined) throw new Error('there is no subject')
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${bearer}` }
    const asked = tokenRequest(issuer, subject)
    const review = JSON.stringify({
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: subject.token, audiences: [issuer] },
    })
    const ask = async (path: string, body: string, right: string): Promise<Figures> => {
      const url = `${apiServer}${path}`
      const figures = await this.#rounded(() => this.#load({ url, headers, body: Buffer.from(body) }))
      await this.#expectAnswer({ url, headers, body, right })
      return figures
    }
    const TokenRequest = await ask(asked.path, asked.body, '"token":"')
    const reviews = '/apis/authentication.k8s.io/v1/tokenreviews'
    const TokenReview = await ask(reviews, review, '"authenticated":true')
    this.#bare = undefined
    const bare = await this.#warm([await fleet.bare(bareBytes)], '/', this.#exchanges.slice(0, 100), form)
    return { TokenRequest, TokenReview, bare }
  }

  /** One round: afterwards nothing is cold. */
  async #cold(
    server: ServerProcess,
    path: string,
    { before, bodies }: { readonly before: readonly string[]; readonly bodies: readonly string[] },
    headers: Readonly<Record<string, string>>,
  ): Promise<Figures> {
    const ask = (port: number, part: readonly string[], seconds: number): Promise<Figures> =>
      this.#load({ url: `https://127.0.0.1:${port}${path}`, bodies: part, headers, seconds })
    await ask(server.port, before, warmUpSeconds)
    const cold = bodies.slice(warmUp)
    const spentBefore = await server.cpuSeconds()
    const { requests = Number.NaN, ...figures } = await ask(server.port, cold, coldSeconds)
    if (requests > cold.length) throw new Error(`${requests} requests for ${cold.length} subjects: raise --subjects`)
    const cpuUsPerRequest = (((await server.cpuSeconds()) - spentBefore) / requests) * 1e6
    return { ...figures, ...(await this.#ofBare(figures, (port) => ask(port, cold, coldSeconds))), cpuUsPerRequest }
  }

  async #ofBare(
    { requestsPerSecond = Number.NaN }: Figures,
    ask: (port: number) => Promise<Figures>,
  ): Promise<Figures> {
    if (this.#bare === undefined) return {}
    const bare = await ask(this.#bare.port)
    return { ofBare: requestsPerSecond / (bare.requestsPerSecond ?? Number.NaN) }
  }

  /** Of several servers at the same time rates add up, and the worst times count; `ofBare` is to one bare server. */
  async #warm(
    servers: readonly ServerProcess[],
    path: string,
    bodies: readonly string[] | undefined,
    headers: Readonly<Record<string, string>>,
  ): Promise<Figures> {
    const connections = Math.ceil(this.#connections / servers.length)
    const ask = (port: number, most: number): Promise<Figures> =>
      this.#load({
        url: `https://127.0.0.1:${port}${path}`,
        headers,
        connections: most,
        ...(bodies === undefined ? {} : { bodies }),
      })
    const drive = async (): Promise<Figures> => {
      const before = await sum(servers.map((server) => server.cpuSeconds()))
      const all = await Promise.all(servers.map(({ port }) => ask(port, connections)))
      const total = (figure: string) => all.reduce((added, one) => added + (one[figure] ?? Number.NaN), 0)
      const worst = (figure: string) => Math.max(...all.map((one) => one[figure] ?? Number.NaN))
      const spent = (await sum(servers.map((server) => server.cpuSeconds()))) - before
      const requestsPerSecond = total('requestsPerSecond')
      return {
        requestsPerSecond,
        ...(await this.#ofBare({ requestsPerSecond }, (port) => ask(port, this.#connections))),
        p50Ms: worst('p50Ms'),
        p99Ms: worst('p99Ms'),
        maxMs: worst('maxMs'),
        cpuUsPerRequest: (spent / total('requests')) * 1e6,
      }
    }
    await drive()
    return this.#rounded(drive)
  }

  async #introspectCold(server: ServerProcess): Promise<Figures> {
    const bodies = this.#tokens.map((token) => new URLSearchParams({ token }).toString())
    const before = bodies.slice(0, warmUp)
    const figures = await this.#cold(server, '/introspect', { before, bodies }, this.#introspector())
    await this.#expectActive(server, bodies)
    return figures
  }

  async #introspectWarm(servers: readonly ServerProcess[]): Promise<Figures> {
    const bodies = this.#tokens.slice(0, 100).map((token) => new URLSearchParams({ token }).toString())
    const figures = await this.#warm(servers, '/introspect', bodies, this.#introspector())
    for (const server of servers) await this.#expectActive(server, bodies)
    return figures
  }

  /** The first of them was asked for first, and ends first: where it is still live, all were. */
  #expectActive({ port }: ServerProcess, [body = '']: readonly string[]): Promise<void> {
    const url = `https://127.0.0.1:${port}/introspect`
    return this.#expectAnswer({ url, headers: this.#introspector(), body, right: '{"active":true' })
  }

  /** The load generator sees no bodies: an answer of the same status that says no is fast, and not what is measured. */
  async #expectAnswer({ url, headers, body, right }: Asked): Promise<void> {
    // As the load generator, which checks no certificate.
    const dispatcher = new Agent({ connect: { rejectUnauthorized: false } })
    try {
      const answer = await request(url, { dispatcher, method: 'POST', headers, body })
      const text = await answer.body.text()
      if (!text.includes(right)) throw new Error(`${url} answered ${answer.statusCode}, and not what was measured`)
    } finally {
      await dispatcher.close()
    }
  }

  #introspector(): Readonly<Record<string, string>> {
    return { ...form, authorization: `Bearer ${this.#subjects[0]?.token ?? ''}` }
  }

  async #rounded(drive: () => Promise<Figures>): Promise<Figures> {
    const rounds: Figures[] = []
    for (let round = 0; round < this.#rounds; round += 1) rounds.push(await drive())
    return medianOf(rounds)
  }

  async #load(options: Omit<LoadOptions, 'connections' | 'seconds'> & Partial<LoadOptions>): Promise<Figures> {
    return load({ connections: this.#connections, seconds: this.#seconds, ...options })
  }

  /** A token of each subject, to be introspected. */
  async #fetchTokens(server: ServerProcess): Promise<string[]> {
    const pool = new Pool(`https://127.0.0.1:${server.port}`, {
      connections: 16,
      connect: { ca: this.#ca, servername: servingName },
    })
    const tokens: string[] = []
    await inParallel([...this.#exchanges.keys()], 16, async (index) => {
      const body = this.#exchanges[index] ?? ''
      const answer = await pool.request({ path: '/token', method: 'POST', headers: form, body })
      const { access_token: token } = (await answer.body.json()) as { access_token?: string }
      if (token === undefined) throw new Error(`the authority answered ${answer.statusCode}`)
      tokens[index] = token
    })
    await pool.close()
    return tokens
  }

  async #jwks(server: ServerProcess, more: Readonly<Record<string, string>> = {}) {
    const dispatcher = new Agent({ connect: { ca: this.#ca, servername: servingName } })
    try {
      const { statusCode, headers, body } = await dispatcher.request({
        origin: `https://127.0.0.1:${server.port}`,
        path: '/jwks.json',
        method: 'GET',
        headers: { 'accept-encoding': 'gzip', ...more },
      })
      await body.dump()
      return { status: statusCode, etag: String(headers['etag']) }
    } finally {
      await dispatcher.close()
    }
  }
}

function exchangeOf(token: string, audience = 'payments'): string {
  return new URLSearchParams({
    grant_type: grants.exchange,
    subject_token: token,
    subject_token_type: tokenTypeUris.jwt,
    audience,
  }).toString()
}

async function sum(figures: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(figures)).reduce((all, figure) => all + figure, 0)
}
