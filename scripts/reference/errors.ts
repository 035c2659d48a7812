import { errorGroups } from './error-codes.ts'
import { code, page, section, table } from './markdown.ts'
import { oauthErrors, reasons } from './reasons.ts'
import { literalsOf } from './source-names.ts'

/** The error codes in src/, each once. A template such as `ERR_KUBE_${reason}` counts as `ERR_KUBE_…`. */
export function codesInSource(): string[] {
  const codes = literalsOf('src').flatMap(({ text }) => {
    if (/^ERR_[A-Z0-9_]*[A-Z0-9]$/.test(text)) return [text]
    return /^ERR_[A-Z0-9_]*_$/.test(text) ? [`${text}…`] : []
  })
  return [...new Set(codes)].sort()
}

/** docs/reference/errors.md: error codes, OAuth errors and reasons. */
export function errorsPage(): string {
  return page(
    'Errors and reasons',
    'The codes and reasons in logs, responses, conditions, Events and metrics. They are stable; messages may change.',
    '`scripts/reference/error-codes.ts` and `scripts/reference/reasons.ts`',
    [
      section(
        'OAuth errors',
        'The member `error` in the responses of `POST /token` (RFC 8693), `POST /introspect` (RFC 7662) and `POST /revoke` ' +
          '(RFC 7009). The member `error_description` names the parameter and the remedy. What HTTP itself rules out is ' +
          '`invalid_request` too, with the status 405 (not a POST), 413 (more than 16 KiB) or 415 (not a form in UTF-8).',
        table(
          ['Error', 'Status', 'Meaning'],
          Object.entries(oauthErrors).map(([error, [status, meaning]]) => [code(error), String(status), meaning]),
        ),
      ),
      section(
        'Error codes',
        'The field `code` of an error in logs and in the verifier SDK. The message has the details, and never a token or ' +
          'a private key.',
        ...errorGroups.flatMap(({ title, codes }) => [
          `### ${title}`,
          table(
            ['Code', 'Meaning'],
            Object.entries(codes).map(([name, meaning]) => [code(name), meaning]),
          ),
        ]),
      ),
      section(
        'Reasons',
        'The reason of a condition or an Event, and the label `reason` of metrics. [Conditions](../operate/conditions.md) and ' +
          '[Revocation](../operate/revocation.md) say what to do.',
        table(
          ['Reason', 'Meaning'],
          Object.entries(reasons).map(([name, meaning]) => [code(name), meaning]),
        ),
      ),
    ],
  )
}
