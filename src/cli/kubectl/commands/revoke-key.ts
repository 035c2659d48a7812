import type { Command } from 'commander'
import type { KeyStatus, ServiceIdentity, TokenRevocation } from '../../../api/v1alpha1/types.ts'
import { resources } from '../../../kube/client/resource.ts'
import { addConnection, flagsOf } from '../session/connection.ts'
import type { Context, Session } from '../session/context.ts'
import { CommandError } from '../terminal/failures.ts'
import { activeKey, findIdentity, fullName } from '../session/identities.ts'
import { printed, readable } from '../terminal/output.ts'
import { addRevokeFlags, createRevocation, type RevokeFlags } from './revoke.ts'
import { checkRevocation, reportCreated, timeoutHint } from './revocation-progress.ts'
import { formatElapsed, type Progress, waitUntil } from './wait.ts'

export function addRevokeKey(program: Command, context: Context): void {
  const command = program
    .command('revoke-key')
    .description('revoke a signing key at once; a new key signs, and tokens are minted again')
    .argument('<NAME>', 'name of the ServiceIdentity')
    .argument('[KEYID]', 'ID of the key, as shown by kubectl signet show (default: the active key)')
  addRevokeFlags(addConnection(command))
    .addHelpText(
      'after',
      `
The key leaves the JWK Set. Verifiers reject every token that it signed as soon as they fetch the JWK Set again. Other
identities are not affected. The command waits until the controller has revoked the key and a new key signs.

Examples:
  kubectl signet revoke-key orders
  kubectl signet revoke-key orders -n shop --reason 'leaked in a backup' --yes
  kubectl signet revoke-key orders KEYID --wait=false --yes`,
    )
    .action((name: string, keyID?: string) => revokeKey(context, command, name, keyID))
}

async function revokeKey(context: Context, command: Command, name: string, given: string | undefined): Promise<void> {
  const flags = flagsOf(command, command.opts<RevokeFlags>())
  const session = await context.connect(flags)
  const identity = await findIdentity(session, name)
  const { keyID, state } = chooseKey(identity, given)
  const question =
    `Revoke key ${keyID} (${state}) of ${fullName(identity)}?\n` +
    'Verifiers will reject every token that it signed. A new key signs at once, and tokens are minted again.'
  const created = await createRevocation(context, session, identity, { revoked: { keyID }, question, flags })
  reportCreated(context, created, flags)
  if (!flags.wait) {
    await printed(context.terminal, readable(created), flags.output)
    return
  }
  const { done, tookMs } = await waitUntil(context, {
    timeout: flags.timeout,
    check: () => check(session, identity, created, keyID),
    onTimeout: timeoutHint(created),
  })
  if (await printed(context.terminal, readable(done.revocation), flags.output)) return
  const tokens = done.tokens === 1 ? '1 token is' : `${done.tokens} tokens are`
  context.terminal.out(
    `key ${keyID} of ${fullName(identity)} revoked in ${formatElapsed(tookMs)}: ` +
      `key ${done.signing} signs, ${tokens} minted again\n`,
  )
}

function chooseKey(identity: ServiceIdentity, given: string | undefined): Pick<KeyStatus, 'keyID' | 'state'> {
  const keys = identity.status?.keys ?? []
  const key = given === undefined ? activeKey(identity) : keys.find(({ keyID }) => keyID === given)
  const those =
    keys.length === 0 ? 'it has none' : `it has: ${keys.map((one) => `${one.keyID} (${one.state})`).join(', ')}`
  if (key === undefined && given === undefined)
    throw new CommandError(`no key of ${fullName(identity)} signs; ${those}`)
  if (key === undefined) throw new CommandError(`${fullName(identity)} has no key ${given ?? ''}; ${those}`)
  if (key.state === 'Revoked') throw new CommandError(`key ${key.keyID} of ${fullName(identity)} is already revoked`)
  return key
}

interface Replaced {
  readonly revocation: TokenRevocation
  readonly signing: string
  readonly tokens: number
}

/** Done when the revocation is applied, another key signs, and the Secret has no token of the revoked key. */
async function check(
  session: Session,
  { metadata: { namespace, name } }: ServiceIdentity,
  created: TokenRevocation,
  keyID: string,
): Promise<Progress<Replaced>> {
  const found = await checkRevocation(session, created)
  if ('missing' in found) return found
  const identity = await session.client.get<ServiceIdentity>(resources.serviceIdentities, { namespace, name })
  if (identity === undefined)
    throw new CommandError(`${namespace}/${name} was deleted in the meantime, together with its keys`)
  const signing = activeKey(identity)?.keyID
  const tokens = identity.status?.tokens ?? []
  if (signing === undefined || signing === keyID) return { missing: 'no new key signs yet' }
  if (tokens.some((token) => token.keyID === keyID)) return { missing: 'not every token has been minted again yet' }
  return { done: { revocation: found.done, signing, tokens: tokens.length } }
}
