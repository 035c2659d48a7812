import type { TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { resources } from '../../../kube/client/resource.ts'
import type { Context, Session } from '../session/context.ts'
import { CommandError } from '../terminal/failures.ts'
import type { RevokeFlags } from './revoke.ts'
import { appliedCondition } from '../session/token-revocation.ts'
import type { Look } from './wait.ts'

/** Says what was created, on standard error where an object goes to standard output. */
export function reportCreated(
  { terminal }: Pick<Context, 'terminal'>,
  { metadata: { name, namespace = '' } }: TokenRevocation,
  { output }: Pick<RevokeFlags, 'output'>,
): void {
  const line = `tokenrevocation ${namespace}/${name} created\n`
  if (output === undefined) terminal.out(line)
  else terminal.err(line)
}

/** Done once the controller says that it has applied the revocation. */
export async function lookAtRevocation({ client }: Session, created: TokenRevocation): Promise<Look<TokenRevocation>> {
  const { name, namespace } = created.metadata
  const found = await client.get<TokenRevocation>(resources.tokenRevocations, { namespace, name })
  if (found?.metadata.uid !== created.metadata.uid || found === undefined) {
    throw new CommandError(
      `tokenrevocation ${namespace}/${name} is gone before it was seen to be applied: the controller removes it once ` +
        'nothing that it names can be alive',
    )
  }
  const condition = appliedCondition(found)
  if (condition?.status === 'True') return { done: found }
  if (condition === undefined) return { missing: 'the controller has not looked at it yet' }
  return { missing: `${condition.reason}: ${condition.message}` }
}

/** The end of a message that time ran out. */
export function whereToLook({ metadata: { name, namespace = '' } }: TokenRevocation): string {
  return `it stays asked for; see kubectl describe tokenrevocation ${name} --namespace ${namespace}`
}
