import type { Condition, ServiceIdentity, TokenRevocation } from '../../src/api/v1alpha1/types.ts'
import { formatTime } from '../../src/time/clock.ts'
import type { ConnectionFlags } from '../../src/cli/kubectl/session/context.ts'
import { runPlugin } from '../../src/cli/kubectl/program.ts'
import { HOUR, MINUTE } from '../../src/time/duration.ts'
import type { KubeObject } from '../../src/kube/client/object.ts'
import { resources } from '../../src/kube/client/resource.ts'
import { createMemoryKubeClient, type MemoryKubeClient } from '../fakes/api-server-memory-client.ts'
import { HeldClock } from '../fakes/held-clock.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** The plugin in this process, on a cluster in memory, with the clock held: a pause moves it. */
export class PluginHarness {
  readonly client: MemoryKubeClient = createMemoryKubeClient()
  readonly clock = new HeldClock()
  readonly flags: ConnectionFlags[] = []
  readonly questions: string[] = []
  /** What standard input and files hold. */
  readonly files: Record<string, string> = {}
  interactive = false
  answer = ''
  closed = 0
  /** Thrown in place of connecting. */
  unreachable: Error | undefined
  /** Done during each pause: the controller's part. */
  meanwhile: () => Promise<void> = async () => undefined

  async run(...given: string[]): Promise<Ran> {
    let out = ''
    let err = ''
    const terminal = {
      interactive: this.interactive,
      out: (text: string) => void (out += text),
      err: (text: string) => void (err += text),
      ask: async (question: string) => {
        this.questions.push(question)
        return this.answer
      },
      read: async (file: string) => this.files[file] ?? '',
    }
    const code = await runPlugin(given, {
      terminal,
      clock: this.clock,
      pause: async (milliseconds) => {
        this.clock.advance(milliseconds)
        await this.meanwhile()
      },
      connect: async (flags) => {
        this.flags.push(flags)
        if (this.unreachable !== undefined) throw this.unreachable
        const namespace = flags.namespace ?? 'shop'
        return { client: this.client, server: 'https://api', namespace, close: async () => this.#closed() }
      },
    })
    return { code, out, err }
  }

  #closed(): void {
    this.closed += 1
  }

  /** An identity with one active key and one token, unless told otherwise. */
  async identity(name: string, status: Partial<NonNullable<ServiceIdentity['status']>> = {}, namespace = 'shop') {
    const metadata = { name, namespace }
    await this.client.create(resources.serviceIdentities, { metadata, spec: {} } as KubeObject)
    await this.setStatus(name, { ...this.status(name, namespace), ...status }, namespace)
  }

  async setStatus(name: string, status: ServiceIdentity['status'], namespace = 'shop'): Promise<void> {
    const options = { type: 'merge', subresource: 'status' } as const
    await this.client.patch(resources.serviceIdentities, { namespace, name }, { status }, options)
  }

  status(name: string, namespace = 'shop'): NonNullable<ServiceIdentity['status']> {
    return {
      subject: `spiffe://cluster.local/ns/${namespace}/sa/${name}`,
      issuer: 'https://signet-authority.signet-system.svc',
      secretName: `signet.${name}`,
      expiresAt: this.at(41 * MINUTE),
      conditions: [this.condition('Ready', 'True', 'Issued')],
      keys: [{ keyID: 'key-1', algorithm: 'ES256', state: 'Active', activeAt: this.at(-3 * HOUR) }],
      tokens: [this.token('payments', 'token-1', 'key-1')],
    }
  }

  token(name: string, tokenID: string, keyID: string) {
    const [issuedAt, renewAt, expiresAt] = [-19 * MINUTE, 8 * MINUTE, 41 * MINUTE].map((time) => this.at(time))
    return { name, audience: name, keyID, tokenID, issuedAt: issuedAt!, renewAt: renewAt!, expiresAt: expiresAt! }
  }

  condition(type: string, status: Condition['status'], reason: string): Condition {
    return { type, status, reason, message: 'as the test wants it', lastTransitionTime: this.at(0) }
  }

  /** The time so long after the held clock's. */
  at(milliseconds: number): string {
    return formatTime(this.clock.now() + milliseconds)
  }

  revocations(): TokenRevocation[] {
    return this.client.storage.list(resources.tokenRevocations.plural) as TokenRevocation[]
  }

  /** What the controller says of every revocation. */
  async judge(status: Condition['status'], reason: string): Promise<void> {
    for (const { metadata } of this.revocations()) {
      const patch = { status: { conditions: [this.condition('Applied', status, reason)] } }
      const ref = { namespace: metadata.namespace, name: metadata.name }
      await this.client.patch(resources.tokenRevocations, ref, patch, { type: 'merge' })
    }
  }

  /** The controller's part of a revoked key: applied, a fresh key, tokens anew. */
  async replaceKey(name: string): Promise<void> {
    await this.judge('True', 'Revoked')
    const keys = [
      { keyID: 'key-1', algorithm: 'ES256', state: 'Revoked' as const },
      { keyID: 'key-2', algorithm: 'ES256', state: 'Active' as const, activeAt: this.at(0) },
    ]
    await this.setStatus(name, { ...this.status(name), keys, tokens: [this.token('payments', 'token-2', 'key-2')] })
  }
}
