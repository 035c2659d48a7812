import type { IdentityName } from './service-identity.ts'
import { isTrustDomain } from './trust-domain.ts'

/** The parts of a Signet SPIFFE ID, `spiffe://<trust domain>/ns/<namespace>/sa/<name>`. */
export interface SpiffeId extends IdentityName {
  readonly trustDomain: string
}

/** The longest SPIFFE ID that implementations must support, in bytes (SPIFFE-ID §2.3). */
export const maxSpiffeIdLength = 2048

const form =
  /^spiffe:\/\/([^/]+)\/ns\/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/sa\/([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/

export function formatSpiffeId({ trustDomain, namespace, name }: SpiffeId): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`
}

/** Parses without normalization (SPIFFE-ID §2). Undefined for any other form. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > maxSpiffeIdLength) return undefined
  const [, trustDomain, namespace, name] = form.exec(text) ?? []
  if (trustDomain === undefined || namespace === undefined || name === undefined) return undefined
  return isTrustDomain(trustDomain) ? { trustDomain, namespace, name } : undefined
}
