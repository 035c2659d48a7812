import { algorithms } from '../../keys/algorithm.ts'
import { serviceAccountAlgorithms } from '../../tokens/service-account-token.ts'
import { grants } from '../token/token-request.ts'

/**
 * What both documents say: who issues, where the keys are, and how tokens are asked for. The response and subject types
 * are required members (OIDC Discovery §3, RFC 8414 §2) whose values are those that Kubernetes gives for its own tokens;
 * there is no authorization endpoint, so none is named. The endpoints are those of the base, at every level.
 */
function commonMetadata(issuer: string, base: string) {
  const root = base.replace(/\/$/, '')
  return {
    issuer,
    jwks_uri: `${issuer.replace(/\/$/, '')}/jwks.json`,
    token_endpoint: `${root}/token`,
    // `none` where the subject token alone says who asks; else the ServiceAccount token as client assertion.
    token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: serviceAccountAlgorithms,
    grant_types_supported: Object.values(grants),
    response_types_supported: ['id_token'],
  }
}

/** `/.well-known/openid-configuration` of any issuer of ours (OIDC Discovery §3). `base` is that of the cluster level. */
export function openidConfiguration(issuer: string, base: string): Record<string, unknown> {
  return {
    ...commonMetadata(issuer, base),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...algorithms],
    claims_supported: ['iss', 'sub', 'aud', 'iat', 'nbf', 'exp', 'jti'],
  }
}

/** `/.well-known/oauth-authorization-server` of any issuer of ours (RFC 8414 §2). `base` as above. */
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
