import type { Clock } from '../../time/clock.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { formatSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'
import type { TokenClaims } from '../../tokens/claims.ts'
import { TokenError } from '../../tokens/token-error.ts'
import type { Caller, CallerAuthenticator, CallerCredential, PresentedCredentials } from './caller.ts'
import { OAuthError } from '../oauth/oauth-error.ts'
import { type RateLimit, TooManyRequests } from '../oauth/rate-limit.ts'
import type { ServiceAccountCallers } from './service-account-authenticator.ts'

/** How a ServiceAccount token is presented as a client assertion (RFC 7523 §2.2). */
export const jwtBearerAssertion = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Which identities exist. */
export interface KnownIdentities {
  /** Whether they are all there, not only those seen so far. */
  ready(): boolean
  exists(identity: IdentityName): boolean
}

/** A token of ours that has been verified, as far as a caller is known by it. */
export interface OwnToken {
  readonly claims: Pick<TokenClaims, 'aud' | 'exp'>
  readonly subject: SpiffeId
}

/** Verifies tokens of ours. */
export interface OwnTokens<Token extends OwnToken = OwnToken> {
  /** Undefined where it does not verify; rejects with an OAuthError where that cannot be told. */
  verify(text: string): Promise<Token | undefined>
  /** Whether a verified token is neither expired nor revoked, and its key still published. */
  isLive(token: Token): boolean
}

interface AuthenticatorOptions<Token extends OwnToken> {
  /** The issuer of the cluster level: the audience that every proof has to be for. */
  readonly issuer: string
  readonly trustDomain: string
  readonly serviceAccounts: Pick<ServiceAccountCallers, 'isMeant' | 'prove'>
  readonly ownTokens: OwnTokens<Token>
  readonly identities: KnownIdentities
  /** By subject. */
  readonly rates: RateLimit
  readonly clock: Clock
}

/** Who somebody has proved to be, before it is known whether such an identity exists. */
type Proof = Pick<Caller, 'credential' | 'expiresAt'> & { readonly identity: IdentityName }

const retryAfter = 2

/**
 * The one way in, for all grants and endpoints: finds out who sends a request by the one credential that it brings, sees
 * that this identity exists, and that it does not ask too often. One sentence outward for every proof that does not
 * hold; the reason goes inward.
 */
export class Authenticator<Token extends OwnToken = OwnToken> implements CallerAuthenticator {
  readonly #options: AuthenticatorOptions<Token>

  constructor(options: AuthenticatorOptions<Token>) {
    this.#options = options
  }

  async authenticate(presented: PresentedCredentials): Promise<Caller> {
    const { rates, clock } = this.#options
    const caller = await this.identify(presented)
    const waitMs = rates.take(caller.subject, clock.monotonic())
    if (waitMs > 0) throw new TooManyRequests(waitMs)
    return caller
  }

  async identify(presented: PresentedCredentials): Promise<Caller> {
    const { identities, trustDomain } = this.#options
    const { identity, credential, expiresAt } = await this.#prove(presented)
    if (!identities.ready()) throw unavailable('identities-unread')
    if (!identities.exists(identity)) throw this.#refused('no-identity')
    const { namespace, name } = identity
    const subject = formatSpiffeId({ trustDomain, namespace, name })
    return { identity: { namespace, name }, subject, credential, expiresAt }
  }

  #prove(presented: PresentedCredentials): Promise<Proof> {
    const { authorization, clientAssertionType, clientAssertion, peerCertificate } = presented
    if (clientAssertion !== undefined || clientAssertionType !== undefined) {
      // RFC 6749 §2.3: not more than one method a request.
      if (authorization !== undefined) throw invalid('authenticate in one way: header or client_assertion')
      if (clientAssertionType !== jwtBearerAssertion)
        throw invalid(`client_assertion_type is not ${jwtBearerAssertion}`)
      if (clientAssertion === undefined) throw invalid('client_assertion is missing')
      return this.#proveAccount(clientAssertion)
    }
    if (authorization !== undefined) {
      const [, token] = /^Bearer +([^ ]+)$/i.exec(authorization) ?? []
      if (token === undefined) throw this.#refused('scheme')
      if (this.#options.serviceAccounts.isMeant(token)) return this.#proveAccount(token)
      return this.#proveOwnToken(token)
    }
    if (peerCertificate === undefined) throw this.#refused('none')
    return this.#proveCertificate(peerCertificate)
  }

  async #proveAccount(token: string): Promise<Proof> {
    try {
      const { namespace, account, expiresAt } = await this.#options.serviceAccounts.prove(token)
      return { identity: { namespace, name: account.name }, credential: 'service-account-token', expiresAt }
    } catch (error) {
      if (error instanceof TokenError) throw this.#refused(error.code, error)
      throw error
    }
  }

  async #proveOwnToken(text: string): Promise<Proof> {
    const { ownTokens, issuer, trustDomain } = this.#options
    const token = await ownTokens.verify(text)
    if (token === undefined || !ownTokens.isLive(token)) throw this.#refused('own-token')
    const { claims, subject } = token
    // A token that is meant for another is no proof here, whoever presents it.
    const meant = typeof claims.aud === 'string' ? claims.aud === issuer : claims.aud.includes(issuer)
    if (!meant || subject.trustDomain !== trustDomain) throw this.#refused('own-token-audience')
    return { identity: subject, credential: 'signet-token', expiresAt: claims.exp * 1000 }
  }

  async #proveCertificate(certificate: Uint8Array): Promise<Proof> {
    const { trustDomain, clock } = this.#options
    // Loaded by the first who shows one: what reads certificates takes a tenth of a start.
    const { certificateCaller } = await import('./certificate-authenticator.ts')
    const proved = certificateCaller(certificate, { trustDomain, now: clock.now() })
    if (proved === undefined) throw this.#refused('certificate')
    const credential: CallerCredential = 'client-certificate'
    return { ...proved, credential }
  }

  #refused(reason: string, cause?: Error): OAuthError {
    const { issuer } = this.#options
    const description =
      'no valid proof of an identity: send a ServiceAccount token that is projected into a running pod for the audience ' +
      `${issuer}, of an account that has a ServiceIdentity`
    return new OAuthError('invalid_client', description, { reason, ...(cause === undefined ? {} : { cause }) })
  }
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'credentials' })
}

function unavailable(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'not everything has been read yet', { retryAfter, reason })
}
