import { MINUTE, SECOND } from '../../../src/time/duration.ts'
import { eventually } from '../../builders/eventually.ts'
import { parseCompact } from '../../../src/tokens/compact.ts'
import type { Answer, Asked, AuthorityReplica, Form } from './replica.ts'
import type { AuthorityStage } from './stage.ts'
import { Tokens } from './tokens.ts'

/** What came of one question. */
export interface Told {
  readonly question: string
  readonly endpoint: Asked['endpoint']
  /** `unavailable` is 503 with Retry-After: no word about the token (I6). */
  readonly verdict: 'right' | 'unavailable' | 'wrong'
  readonly ms: number
  readonly said: string
}

type Right = (answer: Answer) => boolean

const active: Right = ({ status, body }) => status === 200 && body.startsWith('{"active":true,')
const inactive: Right = ({ status, body }) => status === 200 && body === '{"active":false}'
const issued: Right = (answer) => issuedToken(answer) !== undefined
const stored: Right = ({ status, body }) => status === 200 && body === ''
const refused: Right = ({ status, body }) => status === 401 && body.includes('"invalid_client"')

/** How long the token lives that expires while others are asked about. */
const expiresMs = 2 * SECOND
/** From one revocation to the next: an identity may revoke one a second at each replica. */
const revocationMs = SECOND
const jwt = 'urn:ietf:params:oauth:token-type:jwt'
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A token that was revoked while something else was wrong, and the replica that said so. */
export interface RevokedMeanwhile {
  readonly token: string
  readonly by: AuthorityReplica
}

/**
 * Everything that replicas are asked about, and the only right answer to each: what is live is live, is exchanged and can be
 * revoked; a revoked, expired, foreign or forged token is refused; and any answer may be 503.
 */
export class Questions {
  /** Live tokens that nobody has seen yet, for those who want to know them before they are asked about. */
  readonly stock: string[]
  /** Signed by the wrong hand. */
  readonly foreign: readonly string[]
  /** Seen by every replica when all was well. */
  readonly known: string
  /** Seen by every replica while it was live, which it is for no more than two seconds. */
  readonly expiring: string
  /** The entry of the known token in Redis, once a replica has read it. */
  vouched: string | undefined
  readonly revokedMeanwhile: RevokedMeanwhile[] = []
  readonly #stage: AuthorityStage
  readonly #tokens: Tokens
  readonly #revoked: readonly string[]
  readonly #revokedProof: string
  readonly #asks: readonly ((replica: AuthorityReplica) => Promise<Told[]>)[]
  #audience = 0
  #foreign = 0
  readonly #revokedAt = new Map<AuthorityReplica, number>()

  private constructor(
    parts: Pick<Questions, 'stock' | 'foreign' | 'known' | 'expiring'> & {
      stage: AuthorityStage
      tokens: Tokens
      revoked: readonly string[]
      revokedProof: string
    },
  ) {
    this.stock = parts.stock
    this.foreign = parts.foreign
    this.known = parts.known
    this.expiring = parts.expiring
    this.#stage = parts.stage
    this.#tokens = parts.tokens
    this.#revoked = parts.revoked
    this.#revokedProof = parts.revokedProof
    this.#asks = this.#all()
  }

  /** Makes what there is to ask about; throws where answers do not become right although nothing is wrong. */
  static async prepare(stage: AuthorityStage, replicas: readonly AuthorityReplica[], stock = 0): Promise<Questions> {
    const tokens = await Tokens.of(stage)
    const make = (count: number) => Promise.all(Array.from({ length: count }, () => tokens.live()))
    const [known = '', ...revoked] = await make(3)
    const revokedProof = await tokens.proof()
    const expiring = await tokens.live({ issuedAt: Date.now() - 10 * MINUTE + expiresMs, lifetimeMs: 10 * MINUTE })
    const questions = new Questions({
      stock: await make(stock),
      foreign: await tokens.foreign(),
      ...{ known, expiring, revokedProof, revoked, stage, tokens },
    })
    const { orders, payments } = stage.accountTokens
    const [first] = replicas
    if (first === undefined) throw new TypeError('nobody to ask')
    // A busy machine may make it shed load.
    const must = (replica: AuthorityReplica, asked: Asked, right: Right): Promise<void> =>
      eventually(async () => {
        const answer = await replica.ask(asked)
        if (!right(answer)) throw new Error(`${asked.endpoint} answered ${saidBy(answer)} although all is well`)
      }, 30 * SECOND)
    for (const replica of replicas) {
      for (const token of [known, ...revoked]) await must(replica, introspection(token, payments), active)
      await must(replica, introspection(known, revokedProof), active)
      // Live or not by now: this machine may be busy.
      await replica.ask(introspection(expiring, payments))
    }
    for (const token of revoked) await must(first, { endpoint: 'revoke', form: { token }, bearer: orders }, stored)
    await must(first, { endpoint: 'revoke', form: { token: revokedProof }, bearer: payments }, stored)
    return questions
  }

  /** Puts more into the stock, and says which. */
  async restock(count: number): Promise<readonly string[]> {
    const added = await Promise.all(Array.from({ length: count }, () => this.#tokens.live()))
    this.stock.push(...added)
    return added
  }

  /** Asks one of them, and what follows from its answer. */
  ask(number: number, replica: AuthorityReplica): Promise<Told[]> {
    return this.#asks[number % this.#asks.length]?.(replica) ?? Promise.resolve([])
  }

  /** Asks all of them at once. */
  async round(replica: AuthorityReplica): Promise<Told[]> {
    return (await Promise.all(this.#asks.map((ask) => ask(replica)))).flat()
  }

  /** Whether a replica says that a token is not live. */
  async isRefused(token: string, replica: AuthorityReplica): Promise<boolean> {
    return inactive(await replica.ask(introspection(token, this.#stage.accountTokens.payments)))
  }

  /** What was revoked before. */
  get revoked(): readonly string[] {
    return this.#revoked
  }

  #all(): readonly ((replica: AuthorityReplica) => Promise<Told[]>)[] {
    const { orders, payments, gateway } = this.#stage.accountTokens
    const tokens = this.#tokens
    const introspect =
      (
        question: string,
        token: () => string | Promise<string>,
        right: Right,
        proof = () => Promise.resolve(payments),
      ) =>
      async (replica: AuthorityReplica): Promise<Told[]> => [
        (await tell(replica, question, introspection(await token(), await proof()), right)).told,
      ]
    const fresh = (): string | Promise<string> => this.stock.pop() ?? tokens.live()
    return [
      introspect('a live token that was never seen', fresh, active),
      introspect('a live token that is known', () => this.known, active),
      introspect('a live token, by one who proves itself with such a token', fresh, active, () => tokens.proof()),
      (replica) => this.#exchange(replica, gateway),
      (replica) => this.#clientCredentials(replica, orders, issued, 'an assertion by a ServiceAccount token'),
      introspect('a revoked token', () => this.#revoked[0] ?? '', inactive),
      introspect('a token that has expired', () => tokens.expired(), inactive),
      async (replica) => (this.#expiredSince() ? this.#introspectExpired(replica, payments) : []),
      introspect('a token of a strange hand', () => this.#nextForeign(), inactive),
      introspect('a live token, by one whose proof is revoked', fresh, refused, () =>
        Promise.resolve(this.#revokedProof),
      ),
      introspect('a live token, by one whose proof is forged', fresh, refused, async () => this.#nextForeign()),
      introspect('a live token that is meant for another', () => tokens.live({ audience: 'ledger' }), inactive),
      async (replica) =>
        this.#clientCredentials(replica, await tokens.proof(), refused, 'an assertion by our own token'),
      (replica) => this.#revoke(replica, orders),
    ]
  }

  /** Another audience each time, so that a token is signed; then the token is introspected. */
  async #exchange(replica: AuthorityReplica, gateway: string): Promise<Told[]> {
    const form: Form = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: this.#stage.accountTokens.orders,
      subject_token_type: jwt,
      audience: `audience-${this.#audience++}`,
    }
    const { told, answer } = await tell(replica, 'an exchange', { endpoint: 'token', form }, issued)
    const token = issuedToken(answer)
    if (token === undefined) return [told]
    const next = await tell(replica, 'a token that was exchanged', introspection(token, gateway), active)
    return [told, next.told]
  }

  /** Twice with the same assertion: a ServiceAccount token is good again, any other never. */
  async #clientCredentials(
    replica: AuthorityReplica,
    assertion: string,
    right: Right,
    question: string,
  ): Promise<Told[]> {
    const form: Form = {
      grant_type: 'client_credentials',
      client_assertion_type: assertionType,
      client_assertion: assertion,
      audience: 'payments',
    }
    const first = await tell(replica, question, { endpoint: 'token', form }, right)
    const second = await tell(replica, `${question}, again`, { endpoint: 'token', form }, right)
    return [first.told, second.told]
  }

  /** A token that was live until then: a replica that reports its revocation refuses it from then on. */
  async #revoke(replica: AuthorityReplica, bearer: string): Promise<Told[]> {
    const now = performance.now()
    if (now - (this.#revokedAt.get(replica) ?? Number.NEGATIVE_INFINITY) < revocationMs) return []
    this.#revokedAt.set(replica, now)
    const token = await this.#tokens.live()
    const asked = introspection(token, this.#stage.accountTokens.payments)
    const before = await tell(replica, 'a token that is about to be revoked', asked, active)
    const revocation: Asked = { endpoint: 'revoke', form: { token }, bearer }
    const { told, answer } = await tell(replica, 'a revocation', revocation, stored)
    if (!stored(answer)) return [before.told, told]
    this.revokedMeanwhile.push({ token, by: replica })
    const after = await tell(replica, 'a token that was just revoked', asked, inactive)
    return [before.told, told, after.told]
  }

  #expiredSince(): boolean {
    return Number(parseCompact(this.expiring).claims.exp) * SECOND <= Date.now()
  }

  async #introspectExpired(replica: AuthorityReplica, bearer: string): Promise<Told[]> {
    const asked = introspection(this.expiring, bearer)
    return [(await tell(replica, 'a token that was live when it was asked about first', asked, inactive)).told]
  }

  #nextForeign(): string {
    return this.foreign[this.#foreign++ % this.foreign.length] ?? ''
  }
}

async function tell(replica: AuthorityReplica, question: string, asked: Asked, right: Right) {
  const began = performance.now()
  const answer = await replica.ask(asked)
  const ms = performance.now() - began
  const unavailable = answer.status === 503 && Number(answer.retryAfter) > 0
  const verdict = right(answer) ? 'right' : unavailable ? 'unavailable' : 'wrong'
  const told: Told = { question, endpoint: asked.endpoint, verdict, ms, said: saidBy(answer) }
  return { told, answer }
}

function introspection(token: string, bearer: string): Asked {
  return { endpoint: 'introspect', form: { token }, bearer }
}

function issuedToken({ status, body }: Answer): string | undefined {
  return status === 200 ? /"access_token":"([^"]+)"/.exec(body)?.[1] : undefined
}

/** Without a token in it. */
function saidBy({ status, body }: Answer): string {
  return `${status} ${body.replaceAll(/eyJ[\w.-]+/g, '…').slice(0, 200)}`
}
