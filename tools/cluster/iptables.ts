import { findProgram, run } from './command.ts'

/** One table of `iptables-save`: chains by name and rules as `-A CHAIN …`. */
export interface Table {
  name: string
  chains: string[]
  rules: string[]
}

/** The chains that kube-proxy, kubelet and the CNI plugins make. */
const ownPrefixes = ['KUBE-', 'CNI-']

export function parseIptables(save: string): Table[] {
  const tables: Table[] = []
  for (const line of save.split('\n')) {
    const table = tables.at(-1)
    if (line.startsWith('*')) tables.push({ name: line.slice(1).trim(), chains: [], rules: [] })
    else if (line.startsWith(':')) table?.chains.push(line.slice(1).split(' ')[0] ?? '')
    else if (line.startsWith('-A ')) table?.rules.push(line.trim())
  }
  return tables
}

/**
 * Input for `iptables-restore --noflush` that removes our chains and the rules that lead to them, and nothing that was
 * there before; undefined if there is nothing to remove.
 */
export function removalScript(now: Table[], before: Table[]): string | undefined {
  const parts = now.flatMap((table) => {
    const earlier = before.find(({ name }) => name === table.name)
    const chains = table.chains.filter(
      (chain) => ownPrefixes.some((prefix) => chain.startsWith(prefix)) && !earlier?.chains.includes(chain),
    )
    const rules = table.rules.filter(
      (rule) => !chains.includes(chainOf(rule)) && chains.includes(targetOf(rule)) && !earlier?.rules.includes(rule),
    )
    if (chains.length === 0) return []
    return [
      `*${table.name}`,
      ...rules.map((rule) => rule.replace(/^-A/, '-D')),
      ...chains.map((chain) => `-F ${chain}`),
      ...chains.map((chain) => `-X ${chain}`),
      'COMMIT',
    ]
  })
  return parts.length > 0 ? `${parts.join('\n')}\n` : undefined
}

export const families = ['iptables', 'ip6tables'] as const
export type Family = (typeof families)[number]

/** Text of iptables-save; empty where the kernel or the system lacks that family. */
export async function saveIptables(family: Family): Promise<string> {
  const save = findProgram(`${family}-save`)
  if (!save) return ''
  const { code, stdout } = await run(save, [], { allowFailure: true })
  return code === 0 ? stdout : ''
}

export async function removeOwnRules(family: Family, before: string): Promise<void> {
  const script = removalScript(parseIptables(await saveIptables(family)), parseIptables(before))
  const restore = findProgram(`${family}-restore`)
  if (script && restore) await run(restore, ['--noflush', '--wait', '10'], { input: script })
}

function chainOf(rule: string): string {
  return rule.split(' ')[1] ?? ''
}

function targetOf(rule: string): string {
  return /\s(?:-j|-g|--jump|--goto)\s+(\S+)/.exec(rule)?.[1] ?? ''
}
