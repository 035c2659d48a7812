import type { Command } from 'commander'
import type { ServiceIdentity } from '../../../api/v1alpha1/types.ts'
import { formatTime } from '../../../time/clock.ts'
import { rotateKeyAnnotation } from '../../../identity/workload.ts'
import { resources } from '../../../kube/client/resource.ts'
import { addConnection, flagsOf } from '../session/connection.ts'
import type { Context } from '../session/context.ts'
import { findIdentity, fullName } from '../session/identities.ts'
import { addOutput, type Format, printed, readable } from '../terminal/output.ts'
import { requestedRotationAt } from '../session/rotation.ts'
import { formatAge } from '../terminal/times.ts'

export function addRotateKey(program: Command, context: Context): void {
  const command = program
    .command('rotate-key')
    .description('request a new signing key, which is published before it signs')
    .argument('<NAME>', 'name of the ServiceIdentity')
  addOutput(addConnection(command), ['json', 'yaml'])
    .addHelpText(
      'after',
      `
The new key is published now and signs after the time publishAhead of the identity, so that verifiers know it before they
receive a token that it signed. Tokens of the previous key stay valid. For a leaked key, use revoke-key.

Examples:
  kubectl signet rotate-key orders
  kubectl signet rotate-key orders -n shop`,
    )
    .action((name: string) => rotateKey(context, command, name))
}

async function rotateKey(context: Context, command: Command, name: string): Promise<void> {
  const flags = flagsOf(command, command.opts<{ readonly output?: Format }>())
  const session = await context.connect(flags)
  const identity = await findIdentity(session, name)
  const now = context.clock.now()
  const patch = { metadata: { annotations: { [rotateKeyAnnotation]: new Date(now).toISOString() } } }
  const ref = { namespace: identity.metadata.namespace, name }
  const changed = await session.client.patch<ServiceIdentity>(resources.serviceIdentities, ref, patch, {
    type: 'merge',
  })
  if (await printed(context.terminal, readable(changed), flags.output)) return
  const at = requestedRotationAt(changed, now)
  context.terminal.out(
    `serviceidentity ${fullName(changed)}: new key requested; it signs in ${formatAge(at - now)} ` +
      `(${formatTime(at)}), when verifiers have fetched it\n`,
  )
}
