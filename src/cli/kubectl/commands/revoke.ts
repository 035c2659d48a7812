import type { Command } from 'commander'
import { apiVersion, tokenRevocations } from '../../../api/v1alpha1/group-version.ts'
import type { ServiceIdentity, TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { KubeError } from '../../../kube/client/api-errors.ts'
import { resources } from '../../../kube/client/resource.ts'
import { confirm } from '../terminal/confirm.ts'
import type { Context, Session } from '../session/context.ts'
import { CommandError } from '../terminal/failures.ts'
import { fullName } from '../session/identities.ts'
import { addOutput, type Format } from '../terminal/output.ts'
import type { Revoked } from '../session/token-revocation.ts'
import { addWait, type WaitFlags } from './wait.ts'

/** The flags of both revoke commands. */
export interface RevokeFlags extends WaitFlags {
  readonly reason?: string
  readonly yes?: boolean
  readonly output?: Format
}

export function addRevokeFlags(command: Command): Command {
  command
    .option('--reason <TEXT>', 'reason to record in the TokenRevocation')
    .option('-y, --yes', 'do not ask for confirmation')
  return addOutput(addWait(command), ['json', 'yaml'])
}

/** Asks for confirmation and creates the TokenRevocation, which the controller then applies. */
export async function createRevocation(
  { terminal }: Context,
  { client, server, namespace }: Session,
  identity: ServiceIdentity,
  options: {
    readonly revoked: Revoked
    readonly question: string
    readonly flags: Pick<RevokeFlags, 'reason' | 'yes'>
  },
): Promise<TokenRevocation> {
  const { revoked, question, flags } = options
  const { name } = identity.metadata
  await confirm(terminal, question, flags.yes)
  const wanted = {
    apiVersion,
    kind: tokenRevocations.kind,
    // The API server generates the name.
    metadata: { name: '', generateName: `${name}-`, namespace },
    spec: { identity: name, ...revoked, ...(flags.reason === undefined ? {} : { reason: flags.reason }) },
  }
  try {
    return await client.create<TokenRevocation>(resources.tokenRevocations, wanted)
  } catch (error) {
    if (!(error instanceof KubeError && error.isNotFound)) throw error
    throw new CommandError(
      `the cluster at ${server} does not serve TokenRevocations, so nothing was revoked for ${fullName(identity)}: ` +
        'upgrade Signet there',
      { cause: error },
    )
  }
}
