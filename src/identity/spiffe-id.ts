import type { IdentityName } from './service-identity.ts'
import { isTrustDomain } from './trust-domain.ts'

/** The parts of a SPIFFE ID of our own form, `spiffe://<trust domain>/ns/<namespace>/sa/<name>`. */
export interface SpiffeId extends IdentityName {
  readonly trustDomain: string
}

/** Longest SPIFFE ID that implementations must take, in bytes (SPIFFE-ID §2.3). */
export const maxSpiffeIdLength = 2048

const form =
  /^spiffe:\/\/([^/]+)\/ns\/([a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/sa\/([a-z0-9](?:[-.a-z0-9]{0,251}[a-z0-9])?)$/

export function formatSpiffeId({ trustDomain, namespace, name }: SpiffeId): string {
  return `spiffe://${trustDomain}/ns/${namespace}/sa/${name}`
}

/** Parses without normalising (SPIFFE-ID §2); undefined for any other form. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > maxSpiffeIdLength) return undefined
  const [, trustDomain, namespace, name] = form.exec(text) ?? []
  if (trustDomain === undefined || namespace === undefined || name === undefined) return undefined
  return isTrustDomain(trustDomain) ? { trustDomain, namespace, name } : undefined
}
