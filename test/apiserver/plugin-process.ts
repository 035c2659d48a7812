import { delimiter, dirname, join } from 'node:path'
import { bundlePlugin } from '../../scripts/bundle.ts'
import { kubernetesBinaries } from '../../tools/cluster/binaries.ts'
import { type CommandResult, run } from '../../tools/cluster/command.ts'

/** The built plugin in a directory of its own, found and run by the real kubectl. */
export class PluginProcess {
  readonly #kubectl: string
  readonly #directory: string
  readonly #kubeconfig: string

  private constructor(kubectl: string, directory: string, kubeconfig: string) {
    this.#kubectl = kubectl
    this.#directory = directory
    this.#kubeconfig = kubeconfig
  }

  static async install(directory: string, kubeconfig: string): Promise<PluginProcess> {
    await bundlePlugin(join(directory, 'kubectl-signet'))
    const { kubectl } = await kubernetesBinaries()
    return new PluginProcess(kubectl, directory, kubeconfig)
  }

  /** `kubectl signet …`, whatever its exit code. */
  signet(args: readonly string[], options: { kubeconfig?: string; input?: string } = {}): Promise<CommandResult> {
    const { kubeconfig = this.#kubeconfig, input } = options
    const path = [this.#directory, dirname(process.execPath), process.env['PATH']].join(delimiter)
    return run(this.#kubectl, ['signet', ...args], {
      allowFailure: true,
      env: { PATH: path, HOME: this.#directory, KUBECONFIG: kubeconfig },
      ...(input === undefined ? {} : { input }),
    })
  }
}
