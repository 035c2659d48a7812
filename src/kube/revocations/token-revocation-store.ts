import { createHash, randomBytes } from 'node:crypto'
import { apiVersion, tokenRevocations } from '../../api/v1alpha1/group-version.ts'
import type { TokenRevocation } from '../../api/v1alpha1/types.ts'
import { formatTime, parseTime } from '../../time/clock.ts'
import { SECOND } from '../../time/duration.ts'
import { identityKey } from '../../identity/service-identity.ts'
import type { RecordName, RevocationStore, TokenToRevoke } from '../../tokens/revocation-store.ts'
import { KubeError } from '../client/api-errors.ts'
import type { KubeClient } from '../client/client.ts'
import type { KubeObject } from '../client/object.ts'
import { resources } from '../client/resource.ts'

type StoredRevocation = TokenRevocation & KubeObject

interface TokenRevocationStoreOptions {
  readonly client: KubeClient
  /** Called with each record written or read, so that it applies before the watch brings it. */
  readonly onRecord: (record: StoredRevocation) => void
  /** Limit of one call, retries included, in milliseconds; default 4,000, because the client waits for the response. */
  readonly timeoutMs?: number
}

const limitMs = 4 * SECOND

/** Stores revocations as TokenRevocations in the identity's namespace (I8). */
export class TokenRevocationStore implements RevocationStore {
  readonly #options: TokenRevocationStoreOptions

  constructor(options: TokenRevocationStoreOptions) {
    this.#options = options
  }

  /**
   * Derives the record's name from the token, so that a repeated write finds the record. A tenant may have created an
   * object of that name that does not revoke the token; then a record with a random suffix is created beside it.
   * Rejects with a KubeError.
   */
  async add(token: TokenToRevoke, signal?: AbortSignal): Promise<RecordName> {
    const name = recordName(token)
    try {
      return await this.#create(token, name, signal)
    } catch (error) {
      if (!(error instanceof KubeError && error.isAlreadyExists)) throw error
    }
    const ref = { namespace: token.identity.namespace, name }
    const there = await this.#read(ref, signal)
    if (there !== undefined && revokes(there, token)) {
      this.#options.onRecord(there)
      return ref
    }
    return this.#create(token, `${name}-${randomBytes(5).toString('hex')}`, signal)
  }

  async look(ref: RecordName, signal?: AbortSignal): Promise<boolean> {
    const there = await this.#read(ref, signal)
    if (there !== undefined) this.#options.onRecord(there)
    return there !== undefined
  }

  #read(ref: RecordName, signal: AbortSignal | undefined): Promise<StoredRevocation | undefined> {
    return this.#options.client.get<StoredRevocation>(resources.tokenRevocations, ref, this.#call(signal))
  }

  async #create(token: TokenToRevoke, name: string, signal: AbortSignal | undefined): Promise<RecordName> {
    const { namespace } = token.identity
    const record: StoredRevocation = {
      apiVersion,
      kind: tokenRevocations.kind,
      metadata: { namespace, name },
      spec: {
        identity: token.identity.name,
        tokenID: token.tokenID,
        tokenExpiresAt: formatTime(token.expiresAt),
        reason: 'revoked at the authority by its owner',
      },
    }
    this.#options.onRecord(await this.#options.client.create(resources.tokenRevocations, record, this.#call(signal)))
    return { namespace, name }
  }

  #call(signal: AbortSignal | undefined) {
    return { signal, timeoutMs: this.#options.timeoutMs ?? limitMs }
  }
}

/** A valid object name, unique to the token within the identity's namespace. */
function recordName({ identity, tokenID }: TokenToRevoke): string {
  const digest = createHash('sha256')
    .update(`${identityKey(identity)} ${tokenID}`)
    .digest('hex')
  return `token-${digest.slice(0, 40)}`
}

/** Whether a record revokes the token until the token's expiry and is not being deleted. */
function revokes({ metadata, spec }: TokenRevocation, { identity, tokenID, expiresAt }: TokenToRevoke): boolean {
  const end = spec.tokenExpiresAt === undefined ? Number.POSITIVE_INFINITY : (parseTime(spec.tokenExpiresAt) ?? 0)
  return (
    metadata.deletionTimestamp === undefined &&
    spec.identity === identity.name &&
    spec.tokenID === tokenID &&
    end >= Math.floor(expiresAt / SECOND) * SECOND
  )
}
