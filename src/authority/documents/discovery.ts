import { algorithms } from '../../keys/algorithm.ts'
import { serviceAccountAlgorithms } from '../../tokens/service-account-token.ts'
import { grants } from '../oauth/parameters.ts'

/**
 * The members that both metadata documents share. The response and subject types are required members (OIDC Discovery §3,
 * RFC 8414 §2) with the values of Kubernetes' own issuer; there is no authorization endpoint. The endpoints are those of
 * the cluster-scoped issuer, in every scope.
 */
function commonMetadata(issuer: string, base: string) {
  const root = base.replace(/\/$/, '')
  return {
    issuer,
    jwks_uri: `${issuer.replace(/\/$/, '')}/jwks.json`,
    token_endpoint: `${root}/token`,
    // `none` for an exchange, whose subject token identifies the caller; a client assertion otherwise.
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: serviceAccountAlgorithms,
    grant_types_supported: Object.values(grants),
    response_types_supported: ['id_token'],
  }
}

/** `/.well-known/openid-configuration` of an issuer (OIDC Discovery §3). `base` is the cluster-scoped issuer. */
export function openidConfiguration(issuer: string, base: string): Record<string, unknown> {
  return {
    ...commonMetadata(issuer, base),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...algorithms],
    claims_supported: ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti'],
  }
}

/** `/.well-known/oauth-authorization-server` of an issuer (RFC 8414 §2). `base` is the cluster-scoped issuer. */
export function authorizationServerMetadata(issuer: string, base: string): Record<string, unknown> {
  const root = base.replace(/\/$/, '')
  return {
    ...commonMetadata(issuer, base),
    introspection_endpoint: `${root}/introspect`,
    introspection_endpoint_auth_methods_supported: ['private_key_jwt', 'Bearer'],
    introspection_endpoint_auth_signing_alg_values_supported: serviceAccountAlgorithms,
    revocation_endpoint: `${root}/revoke`,
    revocation_endpoint_auth_methods_supported: ['private_key_jwt'],
    revocation_endpoint_auth_signing_alg_values_supported: serviceAccountAlgorithms,
  }
}
