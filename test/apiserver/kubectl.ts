import { kubernetesBinaries } from '../../tools/cluster/binaries.ts'
import { type CommandResult, run } from '../../tools/cluster/command.ts'
import type { ControlPlane } from '../../tools/cluster/control-plane.ts'

export interface KubectlOptions {
  /** Objects given on standard input, for `-f -`. */
  input?: unknown
  /** The user to act as. */
  as?: string
}

/** kubectl on one control plane, as an administrator unless told otherwise. */
export class Kubectl {
  readonly #command: string
  readonly #kubeconfig: string

  private constructor(command: string, kubeconfig: string) {
    this.#command = command
    this.#kubeconfig = kubeconfig
  }

  static async of(plane: ControlPlane): Promise<Kubectl> {
    const { kubectl } = await kubernetesBinaries()
    return new Kubectl(kubectl, plane.kubeconfig)
  }

  /** Runs a command, whatever its exit code. */
  try(args: string[], { input, as }: KubectlOptions = {}): Promise<CommandResult> {
    const identity = as === undefined ? [] : ['--as', as]
    return run(this.#command, ['--kubeconfig', this.#kubeconfig, ...identity, ...args], {
      allowFailure: true,
      ...(input === undefined ? {} : { input: typeof input === 'string' ? input : JSON.stringify(input) }),
    })
  }

  /** What a command prints; an error where it fails. */
  async run(args: string[], options: KubectlOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, options)
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} failed: ${stderr}`)
    return stdout
  }

  /** What a command says as it is refused; an error where it is not. */
  async refused(args: string[], options: KubectlOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.try(args, options)
    if (code === 0) throw new Error(`kubectl ${args.join(' ')} was not refused: ${stdout}`)
    return stderr
  }

  async json<T>(args: string[], options: KubectlOptions = {}): Promise<T> {
    return JSON.parse(await this.run([...args, '-o', 'json'], options)) as T
  }

  /** Creates or changes objects. */
  async apply(objects: readonly unknown[], options: Omit<KubectlOptions, 'input'> = {}): Promise<void> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects }
    await this.run(['apply', '--server-side', '-f', '-'], { ...options, input: list })
  }
}

/** The user name of a ServiceAccount. */
export function accountUser(namespace: string, name: string): string {
  return `system:serviceaccount:${namespace}:${name}`
}
