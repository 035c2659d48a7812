import type { IdentityName } from '../identity/service-identity.ts'

/** Whether a key is published. `present`: it will arrive by the watch; `unknown`: the lookup failed or was refused. */
export type KeyPresence = 'present' | 'absent' | 'unknown'

/** Asks the API server now whether a key that may sign for this identity is published. Never rejects. */
export type KeyLookup = (identity: IdentityName, kid: string) => Promise<KeyPresence>
