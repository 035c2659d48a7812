import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { Agent, fetch as undiciFetch, type RequestInit } from 'undici'
import { Authenticator, type KnownIdentities } from '../../src/authority/callers/authenticator.ts'
import type { BoundObjects } from '../../src/tokens/bound-objects.ts'
import type { ServiceAccountIssuerKeys } from '../../src/authority/callers/service-account-issuer-keys.ts'
import { FormHandler } from '../../src/authority/oauth/form-handler.ts'
import type { IssuingKeys } from '../../src/authority/token/issuing-keys.ts'
import { formEndpointNames } from '../../src/authority/oauth/form-endpoint.ts'
import type { PublicKeySource } from '../../src/keys/public-key-source.ts'
import { RateLimit } from '../../src/authority/oauth/rate-limit.ts'
import { ServiceAccountAuthenticator } from '../../src/authority/callers/service-account-authenticator.ts'
import { tokenEndpoint } from '../../src/authority/token/token-endpoint.ts'
import { TokenIssuer } from '../../src/authority/token/token-issuer.ts'
import { createCertificateAuthority, issueServingCertificate } from '../../src/certificates/issue.ts'
import { type Clock, systemClock } from '../../src/time/clock.ts'
import { DAY, HOUR, MINUTE } from '../../src/time/duration.ts'
import type { IssuerScope } from '../../src/identity/issuer.ts'
import { createSigner } from '../../src/keys/signer.ts'
import { silentLogger } from '../../src/logger.ts'
import { LoadShedder } from '../../src/server/load-shedding.ts'
import { eventually } from './eventually.ts'
import { serveAuthority } from './served-authority.ts'
import { keys } from '../fixtures/keys/keys.ts'
import { FakeSource, keysOf } from '../fakes/public-key-source.ts'
import { memoryRevoking, type Revoking, type RevokingBasis } from '../fakes/revoking.ts'

const { keyID, publicJwk, privateJwk } = keys.other
const { sub: _sub, ...unbound } = publicJwk

/** The authority's own key here, and what signs with it. */
export const issuingJwk = unbound
export const issuingKey = {
  signer: createSigner({ keyID, algorithm: publicJwk.alg, privateJwk }),
  publicJwk: unbound,
}

export interface RunningAuthorityOptions {
  readonly clusterKeys: Pick<ServiceAccountIssuerKeys, 'issuer' | 'key' | 'refresh'>
  readonly objects: BoundObjects
  readonly identities: KnownIdentities
  readonly issuingKeys?: IssuingKeys
  readonly issuerScope?: IssuerScope
  readonly allowedScopes?: readonly string[]
  /** Requests a second for each caller; none is the default. */
  readonly callerRate?: number
  /** The same for each address. */
  readonly addressRate?: number
  /** Most forms that are answered at a time; 512 is the default. */
  readonly underWay?: number
  /** The published keys; by default one of `shop/orders` and the authority's own. */
  readonly source?: PublicKeySource
  /** What introspects and revokes; by default in memory. */
  readonly revoking?: (basis: RevokingBasis) => Revoking
  readonly clock?: Clock
}

export interface RunningAuthority {
  readonly issuer: string
  /** PEM. */
  readonly trustBundle: string
  /** As `fetch`, but it trusts the certificate of this server. */
  readonly fetch: (url: string, init?: object) => Promise<Response>
  readonly reasons: (string | undefined)[]
  close(): Promise<void>
}

/** The authority on a real HTTPS server, on whatever cluster the test makes up. Issues with `keys.other`. */
export async function startAuthority(options: RunningAuthorityOptions): Promise<RunningAuthority> {
  const { clusterKeys, objects, identities, issuerScope = 'cluster', allowedScopes = [], callerRate = 0 } = options
  const { addressRate = 0, underWay = 512, source = defaultSource(), clock = systemClock } = options
  const now = Date.now()
  const validity = { notBefore: now - HOUR, notAfter: now + DAY }
  const ca = await createCertificateAuthority({ commonName: 'test', trustDomain: 'cluster.local', ...validity })
  const leaf = await issueServingCertificate({ ca, dnsNames: ['localhost'], ...validity })
  const server = createServer({ cert: leaf.certificatePem, key: leaf.privateKeyPem })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const issuer = `https://localhost:${(server.address() as AddressInfo).port}`
  const overload = new LoadShedder({ underWay, delayMs: 60_000 })
  const reasons: (string | undefined)[] = []
  const revoking = (options.revoking ?? memoryRevoking)({ issuer, source, clock })
  const authenticator = new Authenticator({
    issuer,
    trustDomain: 'cluster.local',
    serviceAccounts: new ServiceAccountAuthenticator({ keys: clusterKeys, objects, audience: issuer, clock }),
    signetTokens: revoking.tokens,
    identities,
    rates: new RateLimit({ perSecond: callerRate }),
    clock,
  })
  const tokens = new TokenIssuer({
    issuer,
    issuerScope,
    lifetimeMs: 5 * MINUTE,
    keys: options.issuingKeys ?? { active: () => issuingKey },
    revocations: revoking.revocations,
    clock,
  })
  const { documents: revocations, ...endpoints } = revoking.serve(authenticator)
  const forms = new FormHandler({
    issuer: { issuer, path: '' },
    endpoints: {
      token: tokenEndpoint({
        authenticator,
        issuer: tokens,
        trustDomain: 'cluster.local',
        allowedScopes: new Set(allowedScopes),
      }),
      ...endpoints,
    },
    overload,
    addresses: new RateLimit({ perSecond: addressRate }),
    logger: silentLogger,
    onRefusal: (_, error) => reasons.push(error.reason),
  })
  const served = { forms: formEndpointNames, revocations: revocations !== undefined }
  const authority = serveAuthority({ issuer, source, forms, revocations, served })
  server.on('request', authority.handler)
  await eventually(() => {
    if (authority.notReady() !== undefined) throw new Error('not ready')
  })
  const agent = new Agent({
    connect: {
      ca: ca.certificatePem,
      lookup: (_name, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    },
  })
  return {
    issuer,
    trustBundle: ca.certificatePem,
    reasons,
    fetch: async (url, init = {}) => {
      const answer = await undiciFetch(url, { ...(init as RequestInit), dispatcher: agent })
      return new Response(await answer.arrayBuffer(), { status: answer.status, headers: [...answer.headers] })
    },
    close: async () => {
      await agent.close()
      authority.close()
      revoking.close()
      overload.close()
      server.closeAllConnections()
      server.close()
    },
  }
}

function defaultSource(): FakeSource {
  const source = new FakeSource()
  source.set([keysOf('shop/orders', keys.ES256.publicJwk)])
  source.setIssuingKeys(issuingJwk)
  return source
}
