/** A part of Signet and its error codes, each with the meaning and, where the reader can act, the remedy. */
export interface ErrorGroup {
  readonly title: string
  readonly codes: Readonly<Record<string, string>>
}

/** Every code that src/ throws. A unit test compares it with the source. */
export const errorGroups: readonly ErrorGroup[] = [
  {
    title: 'Tokens',
    codes: {
      ERR_TOKEN_MALFORMED: 'The text is not a JWT in compact serialization (RFC 7519), or exceeds a limit of its form.',
      ERR_TOKEN_HEADER: 'The header has a parameter that is not allowed, or no usable `kid`.',
      ERR_TOKEN_ALGORITHM: 'The algorithm is not accepted, or is not that of the key.',
      ERR_TOKEN_TYPE: 'The header parameter `typ` is not that of the expected profile.',
      ERR_TOKEN_KEY_UNKNOWN: 'No known key has the `kid` of the token.',
      ERR_TOKEN_SIGNATURE: 'The signature is not valid.',
      ERR_TOKEN_SUBJECT: 'The key may not sign tokens for the subject.',
      ERR_TOKEN_CLAIM: 'A required claim is missing or has the wrong type; `claim` names it.',
      ERR_TOKEN_ISSUER: 'The issuer is not an accepted one.',
      ERR_TOKEN_AUDIENCE: 'The token is for another audience.',
      ERR_TOKEN_EXPIRED: 'The token has expired.',
      ERR_TOKEN_NOT_YET_VALID: '`iat` or `nbf` is in the future.',
      ERR_TOKEN_LIFETIME: '`exp` is not after `iat`, or the lifetime of the token exceeds the limit.',
      ERR_TOKEN_REVOKED: 'The token, its key, or all tokens issued before a time have been revoked.',
      ERR_TOKEN_BOUND_OBJECT: 'The pod or ServiceAccount to which the token is bound no longer exists.',
    },
  },
  {
    title: 'Verifier SDK',
    codes: {
      ERR_TOKEN_MISSING: 'The request has no Bearer token.',
      ERR_VERIFIER_UNAVAILABLE:
        'Keys or revocations are not available, so the token can be neither accepted nor rejected. Answer 503.',
      ERR_FETCH_FAILED: 'The connection failed, was lost, or the certificate is not trusted; `cause` has the details.',
      ERR_FETCH_TIMEOUT: 'The authority did not answer in time.',
      ERR_FETCH_STATUS: 'The response has an unexpected status, such as a redirect; `status` has it.',
      ERR_FETCH_TOO_LARGE: 'The response exceeds the size limit.',
      ERR_FETCH_CONTENT: 'The response is not the expected document.',
      ERR_TOKEN_SOURCE_FILE: 'The token file cannot be read, or contains no token.',
      ERR_TOKEN_SOURCE_REFUSED:
        'The authority rejects the request for a token; `error` has its OAuth error code. Do not retry.',
      ERR_TOKEN_SOURCE_UNAVAILABLE: 'The authority is not reachable or temporarily unavailable. Retry later.',
      ERR_TOKEN_SOURCE_ANSWER: 'The response of the authority is not a token for the request.',
    },
  },
  {
    title: 'Keys and JWK Sets',
    codes: {
      ERR_JWK_FORM: 'The JWK is not a valid public key of a supported type (RFC 7517).',
      ERR_JWK_ALGORITHM: 'The algorithm of the JWK is not supported.',
      ERR_JWK_PRIVATE: 'The JWK contains a private member.',
      ERR_JWK_USE: '`use` or `key_ops` excludes the verification of signatures.',
      ERR_JWK_WEAK: 'The key is weaker than the algorithm requires.',
      ERR_JWKS_FORM: 'The text is not a JWK Set (RFC 7517 §5).',
      ERR_JWKS_DUPLICATE: 'Two keys of the JWK Set have the same `kid`.',
      ERR_JWKS_TOO_LARGE: 'The JWK Set exceeds the size limit.',
      ERR_KEY_ENCRYPTION_KEYS: 'The file of key-encryption keys is not valid; the message names the line.',
      ERR_KEY_RING_FORM: 'The stored key ring is not valid.',
      ERR_KEY_RING_INTEGRITY: 'The keys of the stored key ring contradict one another or belong to another subject.',
      ERR_KEY_RING_SEAL: 'The seal of the stored key ring does not match its content.',
      ERR_KEY_RING_LOCKED: 'The key-encryption key that encrypts the stored key ring is not available.',
    },
  },
  {
    title: 'Certificates',
    codes: {
      ERR_CERTIFICATE_FORM: 'The text is not a valid PEM certificate, key or bundle.',
      ERR_CERTIFICATE_NAME: 'A name of the certificate is not a valid DNS name or SPIFFE ID.',
      ERR_CERTIFICATE_VALIDITY: 'The validity period of the certificate is not valid.',
      ERR_CERTIFICATE_CA: 'The issuing certificate is not a usable CA.',
      ERR_CA_SET_FORM: 'The stored CA of the trust domain is not valid.',
    },
  },
  {
    title: 'Controller',
    codes: {
      ERR_KEY_RING_BLOCKED:
        'The controller may not change the keys yet; the condition `KeysReady` has the reason. See [Conditions](../operate/conditions.md).',
      ERR_STALE_IDENTITY: 'The ServiceIdentity has been replaced by another of the same name; the controller retries.',
      ERR_STALE_KEY_RING: 'The key ring has changed since the controller read it; the controller retries.',
      ERR_CLOCK_DISAGREES:
        'The local clock differs from that of the API server by more than 60 s, so no decision that needs the time is made.',
      ERR_LEADERSHIP_LOST: 'Another replica leads; this process must stop reconciling.',
      ERR_ENDED: 'A controller or watch has ended unexpectedly; the process stops.',
      ERR_STOP_TIMEOUT: 'A controller did not stop in time after the signal.',
    },
  },
  {
    title: 'Authority',
    codes: {
      ERR_OAUTH: 'A request to `/token`, `/introspect` or `/revoke` is rejected: see [OAuth errors](#oauth-errors).',
      ERR_CLUSTER_ISSUER: 'The API server does not describe its ServiceAccount issuer or keys as expected.',
      ERR_REDIS: 'A Redis command has failed. Replicas then use their own memory: see [Redis](../operate/redis.md).',
      ERR_REDIS_URL: 'The value of `--redis-url` is not valid.',
    },
  },
  {
    title: 'Webhook',
    codes: {
      ERR_ADMISSION_REVIEW: 'The request body is not an AdmissionReview of `admission.k8s.io/v1` with a request.',
      ERR_INVALID_POD: 'The webhook cannot inject the volume into the pod; the message names the field and the remedy.',
    },
  },
  {
    title: 'Command line',
    codes: {
      ERR_CONFIG: 'A setting is not valid; the message names the flag or variable. Exit code 2.',
      ERR_AUTHORITY: '`signet check-authority` has found a fault; the message names it. Exit code 1.',
      ERR_USAGE: 'The arguments of `kubectl signet` are not valid. Exit code 2.',
      ERR_COMMAND: '`kubectl signet` could not do what was requested; the message has the remedy. Exit code 1.',
    },
  },
  {
    title: 'Kubernetes API and deadlines',
    codes: {
      ERR_KUBE_CONFIG: 'No cluster is configured, or the kubeconfig is not valid.',
      'ERR_KUBE_…':
        'A request to the API server has failed. The rest of the code is the reason of the Status in capitals, such as ' +
        '`ERR_KUBE_NOT_FOUND`, `ERR_KUBE_CONFLICT` and `ERR_KUBE_FORBIDDEN`. `ERR_KUBE_UNREACHABLE`, `ERR_KUBE_TIMEOUT`, ' +
        '`ERR_KUBE_BROKEN_STREAM` and `ERR_KUBE_BROKEN_ANSWER` mean that no complete response arrived.',
      ERR_DEADLINE: 'An operation did not finish within its deadline.',
      ERR_ABORTED: 'An operation was aborted.',
    },
  },
]
