import * as z from 'zod/mini'
import { HOUR, MINUTE, parseDuration } from '../../time/duration.ts'
import { isTrustDomain } from '../../identity/trust-domain.ts'

// Parsers of the text of a flag or variable. Each error message says what a usable value is.

export const text = z.string({ error: 'give a value' }).check(z.minLength(1, { error: 'give a value' }))
export const number = (from: number, to: number) =>
  z.pipe(
    z.string(),
    z.transform((value, context) => {
      const read = Number(value)
      if (/^[0-9]+$/.test(value) && read >= from && read <= to) return read
      context.issues.push({ code: 'custom', input: value, message: `give a whole number from ${from} to ${to}` })
      return z.NEVER
    }),
  )
export const port = number(0, 65535)
const identityForm = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-.a-z0-9]{0,175}[a-z0-9])?$/
export const list = z.pipe(
  z.string(),
  z.transform((value) =>
    value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ),
)
export const identities = z.pipe(
  list,
  z.transform((names, context) => {
    if (names.every((name) => identityForm.test(name))) return names
    context.issues.push({ code: 'custom', input: names, message: 'an identity is a namespace and a name: shop/orders' })
    return z.NEVER
  }),
)
export const namespace = z
  .string()
  .check(z.regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a Kubernetes namespace is a DNS label'))
export const duration = z.pipe(
  z.string(),
  z.transform((value, context) => {
    const milliseconds = parseDuration(value)
    if (milliseconds !== undefined && milliseconds > 0) return milliseconds
    context.issues.push({ code: 'custom', input: value, message: 'a duration looks like 720h, 30m or 90s' })
    return z.NEVER
  }),
)
export const tokenLifetime = z.pipe(
  z.string(),
  z.transform((value, context) => {
    const milliseconds = parseDuration(value)
    if (milliseconds !== undefined && milliseconds >= MINUTE && milliseconds <= HOUR) return milliseconds
    context.issues.push({ code: 'custom', input: value, message: 'the lifetime must be from 1m to 1h' })
    return z.NEVER
  }),
)
export const scopes = z.pipe(
  list,
  z.transform((value, context) => {
    if (value.every((scope) => /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/.test(scope))) return value
    context.issues.push({
      code: 'custom',
      input: value,
      message: 'a scope has printable ASCII without spaces, " and \\',
    })
    return z.NEVER
  }),
)
export const oneOf = <const Values extends readonly string[]>(values: Values) =>
  z.enum(values, { error: `give one of ${values.join(', ')}` })
export const url = z
  .string()
  .check(
    z.refine(
      (value) =>
        URL.canParse(value) && new URL(value).protocol === 'https:' && !value.endsWith('/') && !/[?#]/.test(value),
      { error: 'an issuer is an https URL without query, fragment or trailing slash' },
    ),
  )
export const trustDomain = z
  .string()
  .check(z.refine(isTrustDomain, { error: 'a trust domain has lower-case letters, digits, dots, dashes, underscores' }))
