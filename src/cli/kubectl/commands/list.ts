import type { Command } from 'commander'
import { findCondition } from '../../../api/v1alpha1/conditions.ts'
import { effectiveSigningKey } from '../../../api/v1alpha1/defaults.ts'
import type { ServiceIdentity } from '../../../api/v1alpha1/types.ts'
import { formatTime } from '../../../time/clock.ts'
import { addConnection, flagsOf } from '../session/connection.ts'
import type { Context } from '../session/context.ts'
import { activeKey, listIdentities } from '../session/identities.ts'
import { addOutput, type Format, printed, readable } from '../terminal/output.ts'
import { nextRotationAt } from '../session/rotation.ts'
import { table } from '../terminal/table.ts'
import { formatWhen } from '../terminal/times.ts'

interface Flags {
  readonly allNamespaces?: boolean
  readonly output?: Format
}

export function addList(program: Command, context: Context): void {
  const command = program.command('list').alias('ls').description('list identities, their keys and their next rotation')
  addOutput(addConnection(command), ['json', 'yaml', 'wide'])
    .option('-A, --all-namespaces', 'list the identities of all namespaces')
    .addHelpText(
      'after',
      `
Examples:
  kubectl signet list
  kubectl signet list --all-namespaces -o wide
  kubectl signet list -n shop -o json`,
    )
    .action(() => list(context, command))
}

async function list(context: Context, command: Command): Promise<void> {
  const flags = flagsOf(command, command.opts<Flags>())
  const session = await context.connect(flags)
  const everywhere = flags.allNamespaces === true
  const identities = await listIdentities(session, everywhere ? undefined : session.namespace)
  const items = identities.map(readable)
  if (await printed(context.terminal, { apiVersion: 'v1', kind: 'List', items }, flags.output)) return
  if (items.length === 0) {
    context.terminal.err(`No identities found${everywhere ? '' : ` in namespace ${session.namespace}`}.\n`)
    return
  }
  const wide = flags.output === 'wide'
  const now = context.clock.now()
  const shown = columns.filter(
    (column) => (everywhere || column.name !== 'NAMESPACE') && (wide || column.wide !== true),
  )
  context.terminal.out(
    table(
      shown.map(({ name }) => name),
      items.map((identity) => shown.map(({ cell }) => cell(identity, now) ?? '-')),
    ),
  )
}

interface Column {
  readonly name: string
  readonly wide?: true
  readonly cell: (identity: ServiceIdentity, now: number) => string | undefined
}

const columns: readonly Column[] = [
  { name: 'NAMESPACE', cell: ({ metadata }) => metadata.namespace },
  { name: 'NAME', cell: ({ metadata }) => metadata.name },
  { name: 'READY', cell: ({ status }) => findCondition(status?.conditions, 'Ready')?.status },
  {
    name: 'ALGORITHM',
    cell: (identity) => activeKey(identity)?.algorithm ?? effectiveSigningKey(identity.spec).algorithm,
  },
  { name: 'KEYS', cell: ({ status }) => String(status?.keys?.length ?? 0) },
  {
    name: 'ROTATES',
    cell: (identity, now) => {
      const at = nextRotationAt(identity)
      return at === undefined ? undefined : formatWhen(formatTime(at), now)
    },
  },
  { name: 'TOKENS', cell: ({ status }) => String(status?.tokens?.length ?? 0) },
  { name: 'EXPIRES', cell: ({ status }, now) => formatWhen(status?.expiresAt, now) },
  { name: 'REASON', wide: true, cell: ({ status }) => findCondition(status?.conditions, 'Ready')?.reason },
  { name: 'SIGNING KEY', wide: true, cell: (identity) => activeKey(identity)?.keyID },
  { name: 'SUBJECT', wide: true, cell: ({ status }) => status?.subject },
]
