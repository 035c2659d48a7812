import type { TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { resources } from '../../../kube/client/resource.ts'
import type { Context, Session } from '../session/context.ts'
import { CommandError } from '../terminal/failures.ts'
import type { RevokeFlags } from './revoke.ts'
import { appliedCondition } from '../session/token-revocation.ts'
import type { Progress } from './wait.ts'

/** Reports the created object: on standard output, or on standard error if `--output` prints the object. */
export function reportCreated(
  { terminal }: Pick<Context, 'terminal'>,
  { metadata: { name, namespace = '' } }: TokenRevocation,
  { output }: Pick<RevokeFlags, 'output'>,
): void {
  const line = `tokenrevocation ${namespace}/${name} created\n`
  if (output === undefined) terminal.out(line)
  else terminal.err(line)
}

/** Done when the condition `Applied` is true. */
export async function checkRevocation(
  { client }: Session,
  created: TokenRevocation,
): Promise<Progress<TokenRevocation>> {
  const { name, namespace } = created.metadata
  const found = await client.get<TokenRevocation>(resources.tokenRevocations, { namespace, name })
  if (found?.metadata.uid !== created.metadata.uid || found === undefined) {
    throw new CommandError(
      `tokenrevocation ${namespace}/${name} was deleted before this command saw it applied: the controller deletes it ` +
        'when no token that it revokes can be valid any more',
    )
  }
  const condition = appliedCondition(found)
  if (condition?.status === 'True') return { done: found }
  if (condition === undefined) return { missing: 'the controller has not processed the revocation yet' }
  return { missing: `${condition.reason}: ${condition.message}` }
}

/** The end of the message after a timeout. */
export function timeoutHint({ metadata: { name, namespace = '' } }: TokenRevocation): string {
  return `the TokenRevocation still exists; see kubectl describe tokenrevocation ${name} --namespace ${namespace}`
}
