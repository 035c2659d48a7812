import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describeApi } from '../../../src/authority/openapi/description.ts'
import { formEndpointNames } from '../../../src/authority/oauth/form-endpoint.ts'
import { projectDirectory } from '../../../tools/cluster/paths.ts'
import { DescribedApi, type DescribedError } from '../../conformance/described-api.ts'
import { everyCase, good } from './oauth-error-cases.ts'
import { allIsWell, LimitedAuthorities } from '../../builders/oauth-error-world.ts'

/**
 * Every error that the description of the API names, by endpoint, status and code, as oauth4webapi receives it. One that
 * is described and not provoked here fails, and so does one that is provoked and not described.
 */
const described = new DescribedApi(
  describeApi({ issuer: 'https://issuer.example', path: '' }, { forms: formEndpointNames, revocations: false }),
)

let authorities: LimitedAuthorities

beforeAll(async () => {
  authorities = await LimitedAuthorities.start()
})
afterAll(() => authorities.close())
beforeEach(allIsWell)

const keyOf = ({ path, status, error }: DescribedError) => `${path} ${status} ${error}`
const cases = everyCase()
const all = described
  .errors()
  .flatMap((one) => (cases.get(keyOf(one)) ?? []).map((provoked) => ({ ...one, ...provoked })))

it('every error that is described is provoked, and no other', () => {
  expect(described.errors().length).toBeGreaterThan(20)
  expect([...cases.keys()].sort()).toEqual(described.errors().map(keyOf).sort())
})

it('what a running authority says of itself is what was gone through', async () => {
  const { authority } = authorities.client()
  const answer = await authority.fetch(`${authority.issuer}/openapi.json`)
  const served = new DescribedApi((await answer.json()) as Record<string, unknown>)
  expect(served.errors()).toEqual(described.errors())
})

it.each([
  ['/token', 'docs/guides/token-exchange.md', '## When it is refused'],
  ['/introspect', 'docs/guides/introspection.md', '## Introspection'],
  ['/revoke', 'docs/guides/introspection.md', '## Revocation'],
])('%s: every error that is described is in the table of %s below "%s"', async (path, page, heading) => {
  const text = await readFile(join(projectDirectory, page), 'utf8')
  const [, section = ''] = text.split(`\n${heading}\n`)
  const rows =
    section
      .split('\n## ')[0]
      ?.split('\n')
      .filter((line) => line.startsWith('| ')) ?? []
  const errors = described.errors().filter((one) => one.path === path)
  expect(errors).not.toEqual([])
  const shown = ({ status, error }: DescribedError) =>
    rows.some((row) => new RegExp(`^\\| [\\d, ]*\\b${status}\\b.*\`${error}\``).test(row))
  expect(errors.filter((one) => !shown(one))).toEqual([])
})

it.each(formEndpointNames)('/%s answers 200 to what the cases differ from', async (name) => {
  await good[name](authorities.client())
  expect(authorities.client().last.status).toBe(200)
})

describe('the strict client is told', () => {
  it.each(all)('$path $status $error: $title', async ({ path, status, error, at, attempt }) => {
    const client = authorities.client(at)
    client.forget()
    const thrown: unknown = await attempt(client).catch((reason: unknown) => reason)
    const { last } = client
    expect(last).toMatchObject({ path, status })
    expect(described.problems(last)).toEqual([])
    expect(JSON.parse(last.body)).toMatchObject({ error })
    if (status === 401) expectChallenge(thrown, client.authority.issuer)
    else if (status === 503) expectNoAnswer(thrown)
    else expectError(thrown, status, error)
    if (status === 405) expect(last.headers['allow']).toBe('POST')
    if (status === 429 || status === 503) expect(Number(last.headers['retry-after'])).toBeGreaterThanOrEqual(1)
  })
})

function expectError(thrown: unknown, status: number, error: string): void {
  expect(thrown).toBeInstanceOf(oauth.ResponseBodyError)
  expect(thrown).toMatchObject({ code: oauth.RESPONSE_BODY_ERROR, status, error })
  expect((thrown as oauth.ResponseBodyError).error_description).toMatch(/./)
}

function expectChallenge(thrown: unknown, realm: string): void {
  expect(thrown).toBeInstanceOf(oauth.WWWAuthenticateChallengeError)
  expect(thrown).toMatchObject({
    code: oauth.WWW_AUTHENTICATE_CHALLENGE,
    status: 401,
    cause: [{ scheme: 'bearer', parameters: { realm, error: 'invalid_token' } }],
  })
}

/** I6: to the client this is no answer of OAuth at all, neither yes nor no. */
function expectNoAnswer(thrown: unknown): void {
  expect(thrown).toBeInstanceOf(oauth.OperationProcessingError)
  expect(thrown).toMatchObject({ code: oauth.RESPONSE_IS_NOT_CONFORM })
  const { status, headers } = (thrown as oauth.OperationProcessingError).cause as Response
  expect([status, headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)])
}
