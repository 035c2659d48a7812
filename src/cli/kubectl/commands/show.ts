import type { Command } from 'commander'
import type { TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { KubeError } from '../../../kube/client/api-errors.ts'
import { resources } from '../../../kube/client/resource.ts'
import { addConnection, flagsOf } from '../session/connection.ts'
import type { Context, Session } from '../session/context.ts'
import { describeIdentity } from './describe.ts'
import { findIdentity } from '../session/identities.ts'
import { addOutput, type Format, printed, readable } from '../terminal/output.ts'

export function addShow(program: Command, context: Context): void {
  const command = program
    .command('show')
    .description('show the keys, tokens and revocations of an identity')
    .argument('<NAME>', 'name of the ServiceIdentity')
  addOutput(addConnection(command), ['json', 'yaml', 'wide'])
    .addHelpText(
      'after',
      `
Wide output shows absolute times in place of relative ones.

Examples:
  kubectl signet show orders
  kubectl signet show orders -n shop -o wide
  kubectl signet show orders -o yaml`,
    )
    .action((name: string) => show(context, command, name))
}

async function show(context: Context, command: Command, name: string): Promise<void> {
  const flags = flagsOf(command, command.opts<{ readonly output?: Format }>())
  const session = await context.connect(flags)
  const identity = readable(await findIdentity(session, name))
  if (await printed(context.terminal, identity, flags.output)) return
  const revocations = await revocationsOf(session, name)
  const description = { identity, revocations, now: context.clock.now(), wide: flags.output === 'wide' }
  context.terminal.out(describeIdentity(description))
}

/** The revocations of the identity; empty if the CRD is not installed or the user may not read them. */
async function revocationsOf({ client, namespace }: Session, identity: string): Promise<TokenRevocation[]> {
  try {
    const { items } = await client.list<TokenRevocation>(resources.tokenRevocations, { namespace })
    return items.filter(({ spec }) => spec.identity === identity)
  } catch (error) {
    if (error instanceof KubeError && (error.isNotFound || error.isForbidden)) return []
    throw error
  }
}
