import type { Clock } from '../../time/clock.ts'
import type { IdentityName } from '../../identity/service-identity.ts'
import { formatSpiffeId, type SpiffeId } from '../../identity/spiffe-id.ts'
import type { TokenClaims } from '../../tokens/claims.ts'
import { TokenError } from '../../tokens/token-error.ts'
import type { Caller, CallerAuthenticator, CallerCredential, PresentedCredentials } from './caller.ts'
import { OAuthError, TooManyRequests } from '../oauth/oauth-error.ts'
import { jwtBearerAssertion } from '../oauth/parameters.ts'
import type { RateLimit } from '../oauth/rate-limit.ts'
import type { ServiceAccountAuthenticator } from './service-account-authenticator.ts'

/** The identities that exist. */
export interface KnownIdentities {
  /** Whether the list of identities is complete. */
  ready(): boolean
  exists(identity: IdentityName): boolean
}

/** The parts of a verified Signet token that identify its bearer. */
export interface SignetToken {
  readonly claims: Pick<TokenClaims, 'aud' | 'exp'>
  readonly subject: SpiffeId
}

/** Verifies tokens that Signet issued. */
interface SignetTokenVerifier<Token extends SignetToken = SignetToken> {
  /** Undefined if the token is invalid; rejects with an OAuthError if that cannot be decided. */
  verify(text: string): Promise<Token | undefined>
  /** Whether a verified token is neither expired nor revoked and its key is still published. */
  isLive(token: Token): boolean
}

interface AuthenticatorOptions<Token extends SignetToken> {
  /** The cluster-scoped issuer: the audience that every credential must have. */
  readonly issuer: string
  readonly trustDomain: string
  readonly serviceAccounts: Pick<ServiceAccountAuthenticator, 'appliesTo' | 'prove'>
  readonly signetTokens: SignetTokenVerifier<Token>
  readonly identities: KnownIdentities
  /** The rate limit by subject. */
  readonly rates: RateLimit
  readonly clock: Clock
}

/** The identity that a credential proves; whether the identity exists is checked afterwards. */
type Proof = Pick<Caller, 'credential' | 'expiresAt'> & { readonly identity: IdentityName }

/** Retry-After of a 503, in seconds. */
const retryAfter = 2

/**
 * Authenticates callers for all grants and endpoints: verifies the one credential of a request, checks that the identity
 * exists, and applies the rate limit. Every invalid credential gets the same error description; the reason goes to logs
 * and metrics only.
 */
export class Authenticator<Token extends SignetToken = SignetToken> implements CallerAuthenticator {
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
      // RFC 6749 §2.3: at most one authentication method per request.
      if (authorization !== undefined) throw invalid('authenticate in one way: header or client_assertion')
      if (clientAssertionType !== jwtBearerAssertion)
        throw invalid(`client_assertion_type is not ${jwtBearerAssertion}`)
      if (clientAssertion === undefined) throw invalid('client_assertion is missing')
      return this.#proveAccount(clientAssertion)
    }
    if (authorization !== undefined) {
      const [, token] = /^Bearer +([^ ]+)$/i.exec(authorization) ?? []
      if (token === undefined) throw this.#refused('scheme')
      if (this.#options.serviceAccounts.appliesTo(token)) return this.#proveAccount(token)
      return this.#proveSignetToken(token)
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

  async #proveSignetToken(text: string): Promise<Proof> {
    const { signetTokens, issuer, trustDomain } = this.#options
    const token = await signetTokens.verify(text)
    if (token === undefined || !signetTokens.isLive(token)) throw this.#refused('own-token')
    const { claims, subject } = token
    // A service that receives a token for its own audience must not be able to use the token here.
    const isAudience = typeof claims.aud === 'string' ? claims.aud === issuer : claims.aud.includes(issuer)
    if (!isAudience || subject.trustDomain !== trustDomain) throw this.#refused('own-token-audience')
    return { identity: subject, credential: 'signet-token', expiresAt: claims.exp * 1000 }
  }

  async #proveCertificate(certificate: Uint8Array): Promise<Proof> {
    const { trustDomain, clock } = this.#options
    // Imported on first use: the X.509 library takes a tenth of the start-up time.
    const { certificateCaller } = await import('./certificate-authenticator.ts')
    const proved = certificateCaller(certificate, { trustDomain, now: clock.now() })
    if (proved === undefined) throw this.#refused('certificate')
    const credential: CallerCredential = 'client-certificate'
    return { ...proved, credential }
  }

  #refused(reason: string, cause?: Error): OAuthError {
    const { issuer } = this.#options
    const description =
      'no valid credential: send a ServiceAccount token that is projected into a running pod for the audience ' +
      `${issuer}, of an account that has a ServiceIdentity`
    return new OAuthError('invalid_client', description, { reason, ...(cause === undefined ? {} : { cause }) })
  }
}

function invalid(description: string): OAuthError {
  return new OAuthError('invalid_request', description, { reason: 'credentials' })
}

function unavailable(reason: string): OAuthError {
  return new OAuthError('temporarily_unavailable', 'the identities have not been read yet', { retryAfter, reason })
}
