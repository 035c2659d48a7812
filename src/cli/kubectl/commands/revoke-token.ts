import type { Command } from 'commander'
import type { ServiceIdentity } from '../../../api/v1alpha1/types.ts'
import { addConnection, flagsOf } from '../session/connection.ts'
import type { Context } from '../session/context.ts'
import { CommandError, UsageError } from '../terminal/failures.ts'
import { findIdentity, fullName } from '../session/identities.ts'
import { printed, readable } from '../terminal/output.ts'
import { parseIssuedBefore } from './issued-before.ts'
import { checkRevocation, reportCreated, timeoutHint } from './revocation-progress.ts'
import { addRevokeFlags, createRevocation, type RevokeFlags } from './revoke.ts'
import { readToken } from '../session/token-input.ts'
import { type Revoked, whatIsRevoked } from '../session/token-revocation.ts'
import { formatElapsed, waitUntil } from './wait.ts'

interface Flags extends RevokeFlags {
  readonly tokenId?: string
  readonly issuedBefore?: string
  readonly token?: string
}

export function addRevokeToken(program: Command, context: Context): void {
  const command = program
    .command('revoke-token')
    .description('revoke one token, or all tokens issued before a time')
    .argument('<NAME>', 'name of the ServiceIdentity')
    .option('--token-id <JTI>', 'jti of the token, as shown by kubectl signet show and in logs')
    .option('--issued-before <TIME>', 'revoke every token issued before this RFC 3339 time, or before now')
    .option('--token <FILE>', 'file with the token, or - for standard input; only its jti is sent')
  addRevokeFlags(addConnection(command))
    .addHelpText(
      'after',
      `
Use exactly one of --token-id, --issued-before and --token. The controller replaces a mounted token that is revoked.
Introspection rejects a revoked token at once, and verifiers that read the list of revocations reject it within seconds. A
verifier that uses only the JWK Set accepts a revoked token until it expires: use revoke-key to prevent that.

Examples:
  kubectl signet revoke-token orders --token-id JTI --reason 'seen in a log'
  kubectl signet revoke-token orders --issued-before 2026-01-02T03:04:05Z --yes
  kubectl signet revoke-token orders --token leaked.jwt --yes`,
    )
    .action((name: string) => revokeToken(context, command, name))
}

async function revokeToken(context: Context, command: Command, name: string): Promise<void> {
  const flags = flagsOf(command, command.opts<Flags>())
  onlyOne(flags)
  const session = await context.connect(flags)
  const identity = await findIdentity(session, name)
  const revoked = await revokedBy(context, identity, flags)
  const what = whatIsRevoked({ identity: name, ...revoked })
  const question = `Revoke ${what} of ${fullName(identity)}?`
  const created = await createRevocation(context, session, identity, { revoked, question, flags })
  reportCreated(context, created, flags)
  if (!flags.wait) {
    await printed(context.terminal, readable(created), flags.output)
    return
  }
  const { done, tookMs } = await waitUntil(context, {
    timeout: flags.timeout,
    check: () => checkRevocation(session, created),
    onTimeout: timeoutHint(created),
  })
  if (await printed(context.terminal, readable(done), flags.output)) return
  context.terminal.out(`${what} of ${fullName(identity)} revoked in ${formatElapsed(tookMs)}\n`)
}

/** The form of a `jti` of Signet. The API server would reject any other, and it could contain control characters. */
const tokenIDForm = /^[A-Za-z0-9_-]{1,64}$/

function onlyOne({ tokenId, issuedBefore, token }: Flags): void {
  const given = [tokenId, issuedBefore, token].filter((value) => value !== undefined)
  if (given.length !== 1) throw new UsageError('use exactly one of --token-id, --issued-before and --token')
  if (tokenId !== undefined && !tokenIDForm.test(tokenId)) {
    throw new UsageError('--token-id: use the jti of a token: letters, digits, dashes and underscores')
  }
}

async function revokedBy(context: Context, identity: ServiceIdentity, flags: Flags): Promise<Revoked> {
  const now = context.clock.now()
  if (flags.tokenId !== undefined) return { tokenID: flags.tokenId }
  if (flags.issuedBefore !== undefined) return { issuedBefore: parseIssuedBefore(flags.issuedBefore, now) }
  const { claims } = await readToken(context.terminal, flags.token ?? '-')
  const { sub, jti, exp } = claims
  const { subject } = identity.status ?? {}
  if (subject === undefined || sub !== subject) {
    const found = typeof sub === 'string' ? `subject ${sub}` : 'no subject'
    throw new CommandError(
      `the token has ${found}, but ${fullName(identity)} has ${subject === undefined ? 'no subject yet' : `subject ${subject}`}`,
    )
  }
  if (typeof jti !== 'string' || !tokenIDForm.test(jti))
    throw new CommandError('the token has no jti of Signet, so it cannot be revoked')
  if (typeof exp === 'number' && exp * 1000 < now)
    context.terminal.err('According to its claim exp, the token has already expired.\n')
  return { tokenID: jti }
}
