/** Values of `grant_type` that the token endpoint supports (RFC 8693 §2.1, RFC 6749 §4.4). */
export const grants = {
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  clientCredentials: 'client_credentials',
} as const
export type Grant = keyof typeof grants

/** Token type identifiers that the token endpoint accepts and returns (RFC 8693 §3). */
export const tokenTypeUris = {
  jwt: 'urn:ietf:params:oauth:token-type:jwt',
  accessToken: 'urn:ietf:params:oauth:token-type:access_token',
} as const

/** The `client_assertion_type` of a ServiceAccount token that is sent as a client assertion (RFC 7523 §2.2). */
export const jwtBearerAssertion = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
